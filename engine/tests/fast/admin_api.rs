//! The admin API over its ports.

mod bounds;
mod callers;
mod changes;
mod messages;
mod paths;

use std::time::Duration;

use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::{Fakes, SECRET};

/// A problem with this status, with all that one has to say.
fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for member in ["type", "title", "detail", "hint"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
    }
}

const PATCH: &str = "application/json";
const MODULE: &str = "application/wasm";
const LINES: &str = "application/x-ndjson";

#[tokio::test]
async fn readyz_names_what_is_away_and_no_password() {
    let away = vec![format!("the store mysql://weir:{SECRET}@db/risk is away"), "kafka is away".to_owned()];
    let api = Fakes { not_ready: away, ..Fakes::default() }.api();
    let answer = send(&api, call("GET", "/readyz").token(None)).await;
    assert_problem(&answer, 503);
    assert!(answer.text.contains("kafka is away") && answer.text.contains("***@db"), "{}", answer.text);
    let dependencies = answer.json()["dependencies"].clone();
    assert_eq!(
        (&dependencies[1]["name"], &dependencies[1]["state"]),
        (&"database".into(), &"away".into()),
        "{dependencies}"
    );
    assert!(!answer.text.contains(SECRET));
    assert_eq!(send(&api, call("GET", "/livez").token(None)).await.status, 200);
}

#[tokio::test]
async fn a_served_api_answers_over_tcp_and_stops_when_told_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/readyz", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { stopped.await.unwrap_or(()) };
    let server = tokio::spawn(weir::admin::serve(listener, Fakes::default().api(), shutdown));
    let get = move || ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let body = tokio::task::spawn_blocking(get).await.unwrap();
    assert!(body.contains("ready"), "{body}");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(8), server).await.unwrap().unwrap();
}
