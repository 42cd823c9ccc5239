//! What holds at every path of the API and the console, by the tables of `needs.rs`: the headers of its answers, whose page a change may
//! come from, that a GET changes nothing, and what a query of a stranger's does.

use axum::Router;
use weir_testkit::fakes::admin::client::{Answer, Call, call, send};

use super::needs::{API, CONSOLE};
use super::pages::guarded;
use super::{ANALYST, READER, browse, people, session, submit};

const FORM: &str = "application/x-www-form-urlencoded";
/// By which a browser tells that another site's page, or one of another port, sends a request to `localhost:8080`.
const FOREIGN: [(&str, &str); 6] = [
    ("origin", "https://evil.example"),
    ("origin", "http://localhost:8081"),
    ("origin", "null"),
    ("origin", ""),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];

async fn asked(api: &Router, call: Call<'_>) -> Answer {
    send(api, call.header("host", "localhost:8080")).await
}

fn at_the_console<'a>(method: &'a str, path: &'a str) -> Call<'a> {
    if method == "GET" { browse(path) } else { submit(path, "token=x") }
}

#[tokio::test]
async fn every_answer_of_every_path_has_the_headers_whoever_asks() {
    let api = people().api();
    for token in [READER, ANALYST] {
        let session = session(&api, token).await;
        for (method, path, _) in CONSOLE {
            for cookie in ["", session.as_str()] {
                let answer = send(&api, at_the_console(method, path).header("cookie", cookie)).await;
                guarded(&answer, &format!("{method} {path}"));
            }
            let wrong = submit(path, "").header("cookie", session.clone());
            guarded(&send(&api, Call { method: "PUT", ..wrong }).await, &format!("PUT {path}"));
        }
    }
    for (method, _, path, _) in API {
        for token in [None, Some("a-token-of-nobody"), Some(READER), Some(ANALYST)] {
            guarded(&send(&api, call(method, path).token(token)).await, &format!("{method} {path}"));
        }
    }
}

#[tokio::test]
async fn no_change_is_taken_of_another_site_s_page_nor_with_a_cookie_from_a_page_that_is_not_told() {
    let fakes = people();
    let api = fakes.api();
    let session = session(&api, ANALYST).await;
    for (method, path, needs) in CONSOLE.into_iter().filter(|(method, ..)| *method != "GET") {
        let form = || call(method, path).token(None).body(FORM, "token=x").header("cookie", session.clone());
        for (name, value) in FOREIGN {
            let refused = asked(&api, form().header(name, value)).await;
            let said = refused.text.contains("a page of another origin may change nothing");
            assert!(refused.status == 403 && said, "{path} {name} {value}: {} {}", refused.status, refused.text);
        }
        // Signing in and out takes no session.
        let untold = asked(&api, form()).await;
        assert!(needs.is_empty() || untold.status == 403, "{path}: {} {}", untold.status, untold.text);
    }
    for (method, _, path, _) in API.into_iter().filter(|(method, ..)| *method != "GET") {
        for (name, value) in FOREIGN {
            let refused = asked(&api, call(method, path).token(Some(ANALYST)).header(name, value)).await;
            assert_eq!(refused.status, 403, "{method} {path} {name} {value}: {}", refused.text);
        }
    }
    assert_eq!(*fakes.seen.lock().unwrap(), [""; 0], "nothing was asked of the rules");
}

#[tokio::test]
async fn no_get_changes_a_rule() {
    let fakes = people();
    let api = fakes.api();
    let session = session(&api, ANALYST).await;
    for (_, path, _) in CONSOLE.into_iter().filter(|(method, ..)| *method == "GET") {
        for query in ["", "?action=retire&revision=4&reason=x"] {
            send(&api, browse(&format!("{path}{query}")).header("cookie", session.clone())).await;
        }
    }
    for (_, _, path, _) in API.into_iter().filter(|(method, ..)| *method == "GET") {
        send(&api, call("GET", path)).await;
    }
    let changes = ["publish", "patch", "rollback", "retire"];
    let seen = fakes.seen.lock().unwrap().clone();
    assert!(!seen.iter().any(|what| changes.iter().any(|change| what.starts_with(change))), "{seen:?}");
}

/// The pages are not in the OpenAPI document, so schemathesis does not ask for them.
#[tokio::test]
async fn no_query_makes_a_page_fail_or_act() {
    const NAMES: [&str; 20] = [
        "record", "letter", "code", "rule", "key", "sha256", "position", "from", "to", "limit", "final", "by", "until",
        "page", "pin", "sort", "done", "who", "next", "%3Cb%3E",
    ];
    let long = "a".repeat(3_000);
    let values: [&str; 7] = ["", "%3Cb%3E%22%27x", "%E2%80%AE%00%1B%0A", "%FF", "-1", "99999999999999999999", &long];
    let api = people().api();
    let session = session(&api, ANALYST).await;
    for (_, path, _) in CONSOLE.into_iter().filter(|(method, ..)| *method == "GET") {
        for (name, value) in NAMES.into_iter().flat_map(|name| values.map(|value| (name, value))) {
            let address = format!("{path}?{name}={value}");
            let answer = send(&api, browse(&address).header("cookie", session.clone())).await;
            assert!(answer.status < 500, "{address}: {} {}", answer.status, answer.text);
            let acts = answer.text.contains(['\u{202e}', '\u{0}', '\u{1b}']) || answer.text.contains("<b>");
            assert!(!acts || !answer.text.starts_with("<!doctype"), "{address}: {}", answer.text);
        }
    }
}
