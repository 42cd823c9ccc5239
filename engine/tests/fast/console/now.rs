//! The page Now, and that it says what GET /instances and GET /history say.

use std::time::{Duration, Instant};

use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::instances::{OTHER, OWN, SILENT};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER};

use super::{ANALYST, browse, people, session};

async fn now(fakes: Fakes, query: &str) -> Answer {
    let api = fakes.api();
    let session = session(&api, ANALYST).await;
    let path = format!("/console/{query}");
    let page = send(&api, browse(&path).header("cookie", session)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    page
}

/// The page's section of this id.
fn section<'a>(page: &'a Answer, id: &str) -> &'a str {
    let from = page.text.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no section {id}"));
    let rest = &page.text[from..];
    &rest[..rest.find("</section>").expect("it ends")]
}

fn says(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
}

#[tokio::test]
async fn the_head_of_the_page_answers_how_far_behind_it_is_and_whether_that_passes() {
    let page = now(Fakes { partitions: 4, ..people() }, "").await;
    let summary = section(&page, "summary");
    says(
        summary,
        &[
            "12 s",
            "partition 1",
            "190,220",
            "1 partition not known",
            "falls; clears in 5.0 s",
            "1,610,000",
            "0.90 %, 14,490 a second",
        ],
    );
    says(summary, &["1.40 %", "database 31.0 ms, Kafka 49.1 ms", "1 of 2 instances not ready"]);
    says(summary, &["Rates and lag are sums over the 2 instances that are heard of"]);
    says(section(&page, "conditions"), &["instance b7c10d22: worker 0 waits for Kafka for 12 s"]);
    // A reason that is a condition's message is told once, with its code and without a password.
    let told = section(&page, "conditions");
    says(told, &["<code>admin.open</code>", "***@db"]);
    assert_eq!(told.matches("***@db").count(), 1, "{told}");
    for chart in ["oldest", "behind", "rate", "share"] {
        says(section(&page, "minutes"), &[&format!("<figure class=\"chart\" id=\"{chart}\">")]);
    }
}

#[tokio::test]
async fn every_instance_has_a_row_and_every_partition_its_owner_the_worst_first() {
    let page = now(Fakes { partitions: 4, ..people() }, "").await;
    let instances = section(&page, "instances");
    says(
        instances,
        &[&OWN[..8], &OTHER[..8], &SILENT[..8], "this one", "44 s ago", "not heard of", "b7c1.example:8080"],
    );
    let partitions = section(&page, "partitions");
    let at = |text: &str| partitions.find(text).unwrap_or_else(|| panic!("no {text:?} in {partitions}"));
    assert!(at("stopped") < at("nobody has it") && at("nobody has it") < at("running"), "{partitions}");
    says(partitions, &["the offset is outside the log", "18,234,771", "18,233,900"]);
}

#[tokio::test]
async fn what_changed_is_listed_with_the_numbers_of_the_charts_who_and_why() {
    let page = now(people(), "").await;
    let changes = section(&page, "changes");
    says(changes, &["patch high_amount: most 1000 to 750; revision 4", "ana", "lower limit"]);
    says(changes, &["href=\"/console/rules/high_amount\"", "has partitions 1, 3 from now on"]);
    // Three of the four are of the last 15 minutes.
    assert_eq!(section(&page, "minutes").matches("class=\"change\"").count(), 4 * 3);
    says(changes, &["<td class=\"number\">3</td>", "<td class=\"number\">1</td>", "<td class=\"number\"></td>"]);
}

#[tokio::test]
async fn a_checkpoint_is_pinned_by_the_address_and_otherwise_the_newest_is_followed() {
    let newest = now(people(), "").await;
    says(section(&newest, "checkpoints"), &["The newest is checkpoint 60", "href=\"/console/?pin=60\"", "82.0 ms"]);
    assert_eq!(section(&newest, "checkpoints").matches("<g class").count(), 60);
    let pinned = now(people(), "?pin=50").await;
    says(
        section(&pinned, "checkpoints"),
        &["Checkpoint 50 is pinned", "fenced", "href=\"/console/?pin=49\"", "?pin=51"],
    );
    says(section(&pinned, "checkpoints"), &["<a href=\"/console/\">Follow the newest</a>"]);
    let gone = now(people(), "?pin=7000").await;
    says(section(&gone, "checkpoints"), &["Checkpoint 7000 is not among the last 60", "The newest is checkpoint 60"]);
}

#[tokio::test]
async fn a_thousand_partitions_are_paged_and_a_pin_stays() {
    let many = || Fakes { partitions: 1_000, rules: 200, ..people() };
    let first = now(many(), "?pin=50").await;
    says(
        section(&first, "partitions"),
        &["Page 1 of 10: 100 of 1000 partitions", "href=\"/console/?page=2&#38;pin=50\""],
    );
    let last = now(many(), "?page=10").await;
    says(section(&last, "partitions"), &["Page 10 of 10", "href=\"/console/?page=9\""]);
    assert!(!section(&last, "partitions").contains("Those after these"));
    let api = many().api();
    let session = session(&api, ANALYST).await;
    let wrong = send(&api, browse("/console/?page=many").header("cookie", session)).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
}

/// Here in a build without optimization, on a machine that does something else: far from what a page may take, and far below what
/// rendering all of them would.
#[tokio::test]
async fn a_page_of_a_thousand_partitions_is_made_in_no_time() {
    let api = Fakes { partitions: 1_000, rules: 200, ..people() }.api();
    let session = session(&api, ANALYST).await;
    let mut times: Vec<_> = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        send(&api, browse("/console/").header("cookie", session.clone())).await;
        times.push(began.elapsed());
    }
    let least = times.iter().min().expect("five");
    assert!(*least < Duration::from_millis(500), "{times:?}");
}

#[tokio::test]
async fn a_first_start_says_what_is_missing_with_its_command_and_shows_no_empty_table() {
    let page = now(Fakes { begun: false, partitions: 0, ..people() }, "").await;
    says(section(&page, "missing"), &["No record was judged yet", "no rule is live", "weir rules push RULE.wasm"]);
    for (id, text) in [
        ("changes", "Nothing since this instance started"),
        ("checkpoints", "None yet"),
        ("instances", "not looked at itself yet"),
        ("partitions", "No instance has been given one yet"),
    ] {
        says(section(&page, id), &[text]);
        assert!(!section(&page, id).contains("<table"), "{id} has an empty table");
    }
    let page = now(people(), "").await;
    assert!(!section(&page, "missing").contains("<h2"), "records were judged");
}

#[tokio::test]
async fn without_the_database_the_page_says_that_it_is_about_one_instance() {
    let page = now(Fakes { alone: true, partitions: 4, ..people() }, "").await;
    let summary = section(&page, "summary");
    says(
        summary,
        &["The database does not say who else there is, since 1970-01-01T00:00:00.000Z: no connection to db:3306"],
    );
    says(summary, &["about this instance alone"]);
    assert!(!section(&page, "instances").contains(&OTHER[..8]));
}

#[tokio::test]
async fn the_api_says_the_same_of_all_instances_and_of_the_last_minutes() {
    let api = Fakes { partitions: 4, ..people() }.api();
    let get = async |path: &str| send(&api, call("GET", path).token(Some(PUBLISHER))).await.json();
    let instances = get("/instances").await;
    assert_eq!(
        (&instances["instances"][0]["id"], &instances["instances"][2]["is_heard"]),
        (&OWN.into(), &false.into())
    );
    assert_eq!((&instances["lag"]["clears_in_seconds"], &instances["rates"]["letters"]), (&5.into(), &14_490.0.into()));
    let third = &instances["partitions"][1];
    assert_eq!(
        (&third["partition"], &third["instance"], &third["committed"]),
        (&1.into(), &OTHER.into(), &18_233_900.into())
    );
    assert_eq!(instances["instances"][0]["report"]["rules"][0]["hits"]["AMOUNT_HIGH"], 14_210);
    let history = get("/history").await;
    assert_eq!(history["samples"].as_array().map(Vec::len), Some(450));
    assert_eq!(history["changes"][1]["rules"]["reason"], "lower limit");
    assert_eq!(history["checkpoints"][59]["id"], 60);
}
