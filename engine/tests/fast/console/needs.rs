//! What each path, and each form of a page, needs of its caller.

use std::collections::BTreeSet;

use weir_testkit::fakes::admin::client::{call, send};

use super::{ANALYST, READER, ROBOT, browse, people, session, submit};

/// Method, path as it is routed, a path that it takes, and what it needs: nothing, `read` or `publish`.
pub(super) const API: [(&str, &str, &str, &str); 29] = [
    ("GET", "/rules", "/rules", "read"),
    ("POST", "/rules", "/rules", "publish"),
    ("POST", "/rules/check", "/rules/check", "publish"),
    ("POST", "/rules/plan", "/rules/plan", "publish"),
    ("GET", "/rules/{name}", "/rules/high_amount", "read"),
    ("PATCH", "/rules/{name}", "/rules/high_amount", "publish"),
    ("DELETE", "/rules/{name}", "/rules/high_amount", "publish"),
    ("GET", "/rules/{name}/history", "/rules/high_amount/history", "read"),
    ("POST", "/rules/{name}/rollback", "/rules/high_amount/rollback", "publish"),
    ("POST", "/evaluate", "/evaluate", "read"),
    ("GET", "/pipeline", "/pipeline", "read"),
    ("GET", "/instances", "/instances", "read"),
    ("GET", "/history", "/history", "read"),
    ("GET", "/windows", "/windows", "read"),
    ("GET", "/windows.csv", "/windows.csv", "read"),
    ("GET", "/alerts", "/alerts", "read"),
    ("GET", "/activations", "/activations", "read"),
    ("GET", "/audit", "/audit", "read"),
    ("GET", "/dead-letters", "/dead-letters", "read"),
    ("GET", "/dead-letters.ndjson", "/dead-letters.ndjson", "read"),
    ("GET", "/dead-letters/groups", "/dead-letters/groups", "read"),
    ("GET", "/dead-letters/{position}", "/dead-letters/0@1", "read"),
    ("GET", "/dead-letters/{position}/value", "/dead-letters/0@1/value", "read"),
    ("GET", "/records/{position}", "/records/3@7", "read"),
    ("GET", "/records/{position}/value", "/records/3@7/value", "read"),
    ("GET", "/metrics", "/metrics", "read"),
    ("GET", "/openapi.json", "/openapi.json", "read"),
    ("GET", "/livez", "/livez", ""),
    ("GET", "/readyz", "/readyz", ""),
];

/// The same of the console's: every page, and every form, which `every_form_of_a_page_has_a_path_that_says_what_it_needs` finds in
/// the templates.
pub(crate) const CONSOLE: [(&str, &str, &str); 26] = [
    ("GET", "/", "read"),
    ("GET", "/console", "read"),
    ("GET", "/console/", "read"),
    ("GET", "/console/dead-letters", "read"),
    ("GET", "/console/dead-letters.ndjson", "read"),
    ("GET", "/console/dead-letters/0@1", "read"),
    ("GET", "/console/dead-letters/0@1/value", "read"),
    ("GET", "/console/records/3@7", "read"),
    ("GET", "/console/records/3@7/value", "read"),
    ("GET", "/console/try", "read"),
    ("POST", "/console/try", "read"),
    ("GET", "/console/windows", "read"),
    ("GET", "/console/windows.csv", "read"),
    ("GET", "/console/alerts", "read"),
    ("GET", "/console/sign-in", ""),
    ("POST", "/console/sign-in", ""),
    ("POST", "/console/sign-out", ""),
    ("GET", "/console/assets/weir.css", ""),
    ("GET", "/console/rules", "read"),
    ("GET", "/console/rules/high_amount", "read"),
    ("POST", "/console/rules/high_amount/plan", "publish"),
    ("POST", "/console/rules/high_amount/change", "publish"),
    ("GET", "/console/publish", "read"),
    ("POST", "/console/publish", "publish"),
    ("POST", "/console/publish/confirm", "publish"),
    ("GET", "/console/audit", "read"),
];

/// Somebody's token, and what it may.
const CALLERS: [(Option<&str>, &[&str]); 4] =
    [(None, &[]), (Some(READER), &["read"]), (Some(ROBOT), &["publish"]), (Some(ANALYST), &["read", "publish"])];

#[tokio::test]
async fn every_path_of_the_api_needs_what_the_table_says_of_every_caller() {
    let api = people().api();
    let document = send(&api, call("GET", "/openapi.json")).await.json();
    let known: BTreeSet<(String, &str)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.as_str()))
        })
        .collect();
    let table: BTreeSet<(String, &str)> = API.iter().map(|(method, path, ..)| ((*method).to_owned(), *path)).collect();
    assert_eq!(table, known, "the table leaves out a path, or has one that is gone");
    for (method, _, path, needs) in API {
        for (token, may) in CALLERS {
            let status = send(&api, call(method, path).token(token)).await.status;
            let let_in = needs.is_empty() || may.contains(&needs);
            let wanted = match (let_in, token) {
                (true, _) => None,
                (false, None) => Some(401),
                (false, Some(_)) => Some(403),
            };
            let refused = Some(status).filter(|status| [401, 403].contains(status));
            assert_eq!(refused, wanted, "{method} {path} of who may {may:?}: {status}");
        }
    }
}

#[tokio::test]
async fn every_path_of_the_console_needs_what_the_table_says_of_every_caller() {
    let api = people().api();
    for (method, path, needs) in CONSOLE {
        for (token, may) in CALLERS {
            let mut call = if method == "GET" { browse(path) } else { submit(path, "token=x") };
            if let Some(token) = token {
                call = call.header("cookie", session(&api, token).await);
            }
            let answer = send(&api, call).await;
            // Signing in with a wrong token is refused for that, whoever does it.
            let signs_in = (method, path) == ("POST", "/console/sign-in");
            let is_open = needs.is_empty() && (answer.status < 400 || signs_in);
            let location = answer.headers.get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
            let sent_to_sign_in = location.starts_with("/console/sign-in?next=");
            let right = match (needs.is_empty() || may.contains(&needs), token) {
                (true, _) if needs.is_empty() => is_open && !sent_to_sign_in,
                // What the form says is nothing that its path knows.
                (true, _) if method == "POST" => ![401, 403].contains(&answer.status) && !sent_to_sign_in,
                (true, _) => answer.status < 400 && !sent_to_sign_in,
                (false, None) if method == "POST" => answer.status == 401,
                (false, None) => sent_to_sign_in,
                (false, Some(_)) => answer.status == 403 && answer.text.contains(&format!("and this takes {needs}")),
            };
            assert!(right, "{method} {path} of who may {may:?}: {} {location} {}", answer.status, answer.text);
        }
    }
}
