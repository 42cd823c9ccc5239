//! Pages of rules: what they show, that a change is shown before it is done, and that a page which is older than the rule set
//! changes nothing.

use axum::Router;
use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER, RETIRED, SECRET, WASM};

use super::{ANALYST, READER, browse, location, people, session, submit};

/// What a form about `high_amount` sends beside its action, of the fake set's revision.
fn form(fields: &str) -> String {
    format!("revision=4&{fields}")
}

async fn sent(api: &Router, cookie: &str, path: &str, body: &str) -> Answer {
    send(api, submit(path, body).header("cookie", cookie.to_owned())).await
}

async fn shown(api: &Router, cookie: &str, path: &str) -> String {
    let answer = send(api, browse(path).header("cookie", cookie.to_owned())).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert!(!answer.text.contains(SECRET), "{path}");
    answer.text
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// A form with a file, as a browser sends it.
fn upload(module: &[u8], mode: &str) -> (String, Vec<u8>) {
    let part = |name: &str| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"");
    let head = format!("{}; filename=\"r.wasm\"\r\nContent-Type: application/wasm\r\n\r\n", part("module"));
    let rest = format!("\r\n{}\r\n\r\n{mode}\r\n{}\r\n\r\n\r\n--XX--\r\n", part("mode"), part("order"));
    ("multipart/form-data; boundary=XX".into(), [head.as_bytes(), module, rest.as_bytes()].concat())
}

async fn uploaded(api: &Router, cookie: &str, module: &[u8], mode: &str) -> Answer {
    let (media_type, body) = upload(module, mode);
    let form = call("POST", "/console/publish").token(None).body(&media_type, body).header("cookie", cookie.to_owned());
    send(api, form.header("host", "localhost:8080").header("origin", "http://localhost:8080")).await
}

/// The value of a hidden field.
fn hidden<'t>(text: &'t str, name: &str) -> &'t str {
    let field = text.split(&format!("name=\"{name}\" value=\"")).nth(1);
    field.unwrap_or_else(|| panic!("no {name} in {text}")).split('"').next().unwrap()
}

#[tokio::test]
async fn the_list_shows_what_each_rule_is_does_and_costs_and_what_was_done_last() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    let page = shown(&api, &ana, "/console/rules").await;
    let parts = ["high_amount", "<span class=\"mark good\">live</span>", "1.2.0", "1000", "1,234,567", "9.1", "0.0 %"];
    holds(&page, &parts);
    holds(&page, &["3 in 15 min", "by publisher, publish, revision 4", "a first try", "Publish a module"]);
    holds(&page, &["broken.wasm", "no module", "id=\"set\" data-live", "$WEIR_URL/rules"]);
    for sort in ["order", "cost", "hits", "failures"] {
        shown(&api, &ana, &format!("/console/rules?sort={sort}")).await;
    }
    let wrong = send(&api, browse("/console/rules?sort=color").header("cookie", ana)).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn a_hundred_rules_are_a_page_which_is_small_and_the_others_are_a_page_away() {
    let api = Fakes { rules: 200, ..people() }.api();
    let ana = session(&api, ANALYST).await;
    let first = shown(&api, &ana, "/console/rules").await;
    holds(&first, &["rules: 200", "Page 1 of 2.", "page=2", "rule_099"]);
    assert!(!first.contains("rule_100"), "the page has more than it says");
    holds(&shown(&api, &ana, "/console/rules?page=2").await, &["rule_100", "rule_199", "Page 2 of 2."]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, first.as_bytes()).unwrap();
    let packed = packed.finish().unwrap().len();
    assert!(packed < 60 * 1024, "{packed} bytes on the wire");
}

#[tokio::test]
async fn the_page_of_a_rule_has_its_codes_parameters_history_and_where_it_is_in_force() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    let page = shown(&api, &ana, "/console/rules/high_amount").await;
    holds(&page, &["<h1>high_amount</h1>", "AMOUNT_HIGH", "above the most", "3 in 15 min", "RULE_TRAP", "Skipped"]);
    holds(
        &page,
        &["from 0@7", "why 4", "what exactly, at 3", "1.1.0 ", "1.2.0 ", "Go back to it", "Fields that it reads"],
    );
    let set = "name=\"set.most\" value=\"1000\" inputmode=\"decimal\" pattern=\"-?[0-9]+(\\.[0-9]+)?\"";
    holds(&page, &[set, "The module's default is <code class=\"data\">500</code>", "name=\"default.most\""]);
    assert!(!page.contains("First hits in shadow"), "it is live");
    holds(&page, &["<section id=\"samples\" data-live></section>"]);
    let gone = send(&api, browse("/console/rules/nobody").header("cookie", ana.clone())).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
    holds(&shown(&api, &ana, "/console/rules/high_amount?done=4").await, &["Done: revision 4."]);
}

#[tokio::test]
async fn a_retired_rule_has_a_page_with_its_history_and_no_form_that_changes_it() {
    let api = people().api();
    let (path, ana) = (format!("/console/rules/{RETIRED}"), session(&api, ANALYST).await);
    let page = shown(&api, &ana, &path).await;
    holds(&page, &["<h1>small_amount</h1>", "<span class=\"mark\">retired</span>", "Revision 4, by", "why 4"]);
    holds(&page, &["1.1.0 ", "out of the set", "href=\"/console/publish\"", "/rules/small_amount/history"]);
    assert!(!page.contains("/small_amount/plan"), "nothing of it can be changed: {page}");
    holds(&shown(&api, &ana, &format!("{path}?from=1&to=3")).await, &["parameter most</th>"]);
    let rea = session(&api, READER).await;
    holds(&shown(&api, &rea, &path).await, &["the right to publish, which you have not"]);
    let of_api = send(&api, call("GET", &format!("/rules/{RETIRED}/history"))).await;
    assert_eq!(of_api.status, 200, "{}", of_api.text);
}

#[tokio::test]
async fn two_revisions_of_a_rule_are_compared() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    let page = shown(&api, &ana, "/console/rules/high_amount?from=1&to=3").await;
    let row =
        "<th scope=\"row\" class=\"data\">parameter most</th><td class=\"data\">500</td><td class=\"data\">1000</td>";
    holds(&page, &[row]);
    holds(&shown(&api, &ana, "/console/rules/high_amount?from=3&to=3").await, &["is the same at revision 3 and at 3"]);
    holds(&shown(&api, &ana, "/console/rules/high_amount?from=2&to=3").await, &["is not among the changes above"]);
}

#[tokio::test]
async fn what_a_change_does_is_shown_before_it_is_done_and_is_done_as_it_was_shown() {
    let fakes = people();
    let (api, seen) = (fakes.api(), fakes.seen.clone());
    let ana = session(&api, ANALYST).await;
    let asked = form("action=patch&mode=shadow&order=10&set.most=750.00");
    let plan = sent(&api, &ana, "/console/rules/high_amount/plan", &asked).await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    let rows = ["mode</th><td class=\"data\">live</td><td class=\"data\">shadow</td>", "parameter most</th>", "750.00"];
    holds(&plan.text, &rows);
    holds(&plan.text, &["AMOUNT_HIGH no longer flags a record", "action=\"/console/rules/high_amount/change\""]);
    assert!(!plan.text.contains("name=\"order\""), "it is so already: {}", plan.text);
    assert_eq!((hidden(&plan.text, "mode"), hidden(&plan.text, "set.most")), ("shadow", "750.00"));
    assert!(!seen.lock().unwrap().iter().any(|what| what.starts_with("patch")), "nothing is done yet");

    let sent_on =
        format!("revision={}&action=patch&mode=shadow&set.most=750.00&reason=too+many", hidden(&plan.text, "revision"));
    let done = sent(&api, &ana, "/console/rules/high_amount/change", &sent_on).await;
    assert_eq!((done.status, location(&done)), (303, "/console/rules/high_amount?done=6"), "{}", done.text);
    let seen = seen.lock().unwrap().join("\n");
    holds(
        &seen,
        &[
            "patch by ana mode Some(Shadow) order None parameters Some({\"most\": Some(\"750.00\")}) reason Some(\"too many\")",
        ],
    );
}

#[tokio::test]
async fn a_change_of_nothing_and_one_that_the_rule_refuses_say_so() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    let same = form("action=patch&mode=live&order=10&set.most=1000");
    let plan = sent(&api, &ana, "/console/rules/high_amount/plan", &same).await;
    holds(&plan.text, &["Nothing would change"]);
    assert!(!plan.text.contains("<form class=\"sheet\""), "there is nothing to do");
    let bad = sent(&api, &ana, "/console/rules/high_amount/plan", &form("action=patch&set.most=bad")).await;
    assert_eq!(bad.status, 422);
    holds(
        &bad.text,
        &["configure refused: bad is no decimal", "write one like 750.00", "href=\"/console/rules/high_amount\""],
    );
    let order = sent(&api, &ana, "/console/rules/high_amount/plan", &form("action=patch&order=first")).await;
    assert_eq!(order.status, 422);
    let other = sent(&api, &ana, "/console/rules/high_amount/plan", "action=patch&mode=off").await;
    assert_eq!(other.status, 400, "a form of no revision: {}", other.text);
}

#[tokio::test]
async fn a_rollback_takes_a_reason_and_goes_to_the_version_that_was_chosen() {
    let fakes = people();
    let (api, seen) = (fakes.api(), fakes.seen.clone());
    let ana = session(&api, ANALYST).await;
    let version = "ab".repeat(32);
    let asked = form(&format!("action=rollback&sha256={version}"));
    let plan = sent(&api, &ana, "/console/rules/high_amount/plan", &asked).await;
    holds(&plan.text, &["<h1>Roll high_amount back</h1>", "maxlength=\"500\" autocomplete=\"off\" required"]);
    assert_eq!(hidden(&plan.text, "sha256"), version);
    let without = sent(&api, &ana, "/console/rules/high_amount/change", &format!("{asked}&reason=+")).await;
    assert_eq!(without.status, 422);
    holds(&without.text, &["a rollback takes a reason"]);
    let done =
        sent(&api, &ana, "/console/rules/high_amount/change", &format!("{asked}&reason=it+flags+too+much")).await;
    assert_eq!((done.status, location(&done)), (303, "/console/rules/high_amount?done=7"));
    holds(&seen.lock().unwrap().join("\n"), &["rollback by ana reason Some(\"it flags too much\")"]);
    let cut = sent(&api, &ana, "/console/rules/high_amount/plan", &form("action=rollback&sha256=12")).await;
    assert_eq!(cut.status, 422);
}

#[tokio::test]
async fn a_retired_rule_is_told_at_the_list() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    holds(
        &sent(&api, &ana, "/console/rules/high_amount/plan", &form("action=retire")).await.text,
        &["Retire high_amount", "version</th>"],
    );
    let done = sent(&api, &ana, "/console/rules/high_amount/change", &form("action=retire&reason=")).await;
    assert_eq!((done.status, location(&done)), (303, "/console/rules?done=8&rule=high_amount"));
    let list = shown(&api, &ana, "/console/rules?done=8&rule=high_amount").await;
    holds(&list, &["Rule high_amount is out of the set: revision 8."]);
}

#[tokio::test]
async fn a_page_that_is_older_than_the_set_changes_nothing_and_shows_what_differs() {
    let fakes = people();
    let (api, seen) = (fakes.api(), fakes.seen.clone());
    let ana = session(&api, ANALYST).await;
    for (path, body) in [
        ("/console/rules/high_amount/plan", "revision=3&action=patch&mode=off"),
        ("/console/rules/high_amount/plan", "revision=3&action=patch&mode=live&set.most=1000"),
        ("/console/rules/high_amount/change", "revision=3&action=patch&mode=off"),
        ("/console/rules/high_amount/change", "revision=3&action=rollback&reason=x"),
        ("/console/rules/high_amount/change", "revision=3&action=retire"),
    ] {
        let refused = sent(&api, &ana, path, body).await;
        assert_eq!(refused.status, 409, "{path} {body}: {}", refused.text);
        holds(&refused.text, &["What differs between revision 3 and 4", "parameters.most", "bo</span> did patch"]);
        holds(&refused.text, &["too many flags", "decide anew"]);
    }
    let seen = seen.lock().unwrap().join("\n");
    assert!(!seen.contains("Some(Off)"), "{seen}");
    // A revision that never was has no difference to show.
    let ahead = sent(&api, &ana, "/console/rules/high_amount/change", "revision=9&action=retire").await;
    assert_eq!(ahead.status, 409);
    holds(&ahead.text, &["is not kept any more, or there never was one"]);
}

#[tokio::test]
async fn a_module_is_checked_shown_and_published_and_its_file_is_sent_once() {
    let fakes = people();
    let (api, seen) = (fakes.api(), fakes.seen.clone());
    let ana = session(&api, ANALYST).await;
    holds(&shown(&api, &ana, "/console/publish").await, &["enctype=\"multipart/form-data\"", "type=\"file\""]);
    let plan = uploaded(&api, &ana, WASM, "shadow").await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    holds(
        &plan.text,
        &["<h1>Publish high_amount 1.2.0</h1>", "Every check passed.", "AMOUNT_HIGH", "another version judges"],
    );
    let (sha256, revision) = (hidden(&plan.text, "sha256"), hidden(&plan.text, "revision"));
    let sent_on = format!("sha256={sha256}&revision={revision}&mode=shadow&order=&reason=asked+for");
    let stale = sent(&api, &ana, "/console/publish/confirm", &sent_on.replace("revision=4", "revision=2")).await;
    assert_eq!(stale.status, 409, "{}", stale.text);
    let done = sent(&api, &ana, "/console/publish/confirm", &sent_on).await;
    assert_eq!((done.status, location(&done)), (303, "/console/rules/high_amount?done=5"), "{}", done.text);
    let seen = seen.lock().unwrap().join("\n");
    holds(
        &seen,
        &[
            "plan of a publish, mode Some(Shadow)",
            "publish by ana mode Some(Shadow) order None reason Some(\"asked for\")",
        ],
    );
    // Nobody publishes what somebody else looked at.
    let publisher = session(&api, PUBLISHER).await;
    let other = sent(&api, &publisher, "/console/publish/confirm", &sent_on).await;
    assert_eq!(other.status, 404);
    holds(&other.text, &["the module is kept no longer", "choose the file again"]);
}

#[tokio::test]
async fn a_module_that_is_refused_says_what_to_mend_and_the_form_is_there_again() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    for (module, status, finding) in [
        (&b"\0asm bad"[..], 422, "it imports wasi_snapshot_preview1.fd_write"),
        (b"ELF", 415, "is not a WebAssembly module"),
        (b"", 422, "no file was chosen"),
        (&[0; 80_000], 413, "beyond the limit of this path"),
    ] {
        let refused = uploaded(&api, &ana, module, "").await;
        assert_eq!(refused.status, status, "{}", refused.text);
        holds(&refused.text, &[finding, "What to do: ", "name=\"module\""]);
    }
    let away = uploaded(&api, &ana, b"\0asm away", "").await;
    assert_eq!(away.status, 503);
    let other = sent(&api, &ana, "/console/publish", "module=x").await;
    assert_eq!(other.status, 400, "a form without a file: {}", other.text);
}

#[tokio::test]
async fn who_may_not_publish_sees_a_word_why_and_no_form() {
    let api = people().api();
    let rea = session(&api, READER).await;
    for path in ["/console/rules", "/console/rules/high_amount", "/console/publish"] {
        let page = shown(&api, &rea, path).await;
        let forms = page.matches("method=\"post\"").count();
        assert_eq!(forms, 1, "{path} has a form beside the one to sign out");
        holds(&page, &["the right to publish, which you have not"]);
    }
    // Its parameters are there to read.
    holds(
        &shown(&api, &rea, "/console/rules/high_amount").await,
        &["<code class=\"data\">1000</code>", "<dl class=\"pairs\">"],
    );
}

#[tokio::test]
async fn the_audit_is_filtered_by_rule_and_person() {
    let api = people().api();
    let rea = session(&api, READER).await;
    let all = shown(&api, &rea, "/console/audit").await;
    holds(&all, &["from none", "a first try", "publisher", "href=\"/console/rules/high_amount\"", "limit=100"]);
    holds(
        &shown(&api, &rea, "/console/audit?rule=high_amount&who=").await,
        &["from none", "Of the newest 1,000 changes."],
    );
    holds(&shown(&api, &rea, "/console/audit?who=nobody").await, &["None of these among the newest 1,000 changes."]);
}
