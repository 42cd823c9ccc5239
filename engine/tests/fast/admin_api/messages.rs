//! The words of the API's problems, as docs/errors.md lists them: what was wrong and what to do, and the type that programs tell apart.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;

use crate::admin_api::{LINES, MODULE, PATCH};
use weir_testkit::fakes::admin::client::{Answer, Call, call, read, send};
use weir_testkit::fakes::admin::{Fakes, VIEWER, WASM};

fn says(answer: &Answer, kind: &str, detail: &str, hint: &str) {
    let problem = answer.json();
    assert_eq!(problem["type"], format!("urn:weir:problem:{kind}"), "{problem}");
    let holds = |member: &str, words: &str| problem[member].as_str().is_some_and(|text| text.contains(words));
    assert!(holds("detail", detail) && holds("hint", hint), "{detail:?} and {hint:?} in {problem}");
}

#[tokio::test]
async fn a_problem_says_what_was_wrong_and_what_to_do() {
    let api = Fakes::default().api();
    let patch = |body: &'static str| call("PATCH", "/rules/high_amount").body(PATCH, body);
    let publish = |module: &'static [u8]| call("POST", "/rules").body(MODULE, module);
    let plan = |body: &'static str| call("POST", "/rules/plan").body(PATCH, body);
    let evaluate = |media, body: String| call("POST", "/evaluate").body(media, body);
    let cases: Vec<(Call, &str, &str, &str)> = vec![
        (call("GET", "/windows?limit=many"), "bad-request", "limit", "GET /openapi.json lists the parameters"),
        (call("GET", "/rules/%FF"), "bad-request", "UTF-8", "a rule's name is snake_case ASCII"),
        (patch("{"), "bad-request", "the body: EOF", "GET /openapi.json has the schema of the body"),
        (
            evaluate(PATCH, "[{a]".into()),
            "bad-request",
            "the array of records: ",
            "send it alone or as application/x-n",
        ),
        (call("GET", "/rules").token(None), "unauthorized", "carries no bearer token", "Authorization: Bearer TOKEN"),
        (
            call("GET", "/rules").token(Some("x")),
            "unauthorized",
            "the token is not one of [admin.tokens]",
            "check the token",
        ),
        (
            publish(WASM).token(Some(VIEWER)),
            "forbidden",
            "viewer may read, values, and this takes publish",
            "use a token that may do it",
        ),
        (call("GET", "/rules/nobody"), "not-found", "there is no rule", "GET /rules lists what there is"),
        (call("GET", "/nowhere"), "not-found", "there is no path /nowhere", "GET /openapi.json lists the paths"),
        (call("PUT", "/rules"), "method-not-allowed", "/rules does not take PUT", "the header `Allow` lists"),
        (publish(b"\0asm stale"), "conflict", "the rule set moved on", "look at GET /rules and send the change again"),
        (
            publish(WASM).header("if-match", "3"),
            "conflict",
            "the change was decided on revision 3",
            "decide anew on the revision that is in force",
        ),
        (publish(WASM).header("if-match", "yes"), "bad-request", "`If-Match` is no revision", "as If-Match: \"42\""),
        (plan(r#"{"rule":"r","action":"patch"}"#), "invalid", "the patch changes nothing", "give mode, order"),
        (plan(r#"{"rule":"r","action":"retire","mode":"off"}"#), "invalid", "are a patch's", "leave them out"),
        (plan(r#"{"rule":"r","action":"retire","sha256":"12"}"#), "invalid", "retiring takes no sha256", "leave it"),
        (
            plan(r#"{"rule":"r","action":"patch","order":1,"sha256":"12"}"#),
            "invalid",
            "a patch has no sha256",
            "roll back to a version",
        ),
        (
            call("POST", "/rules/plan?order=3").body(PATCH, r#"{"rule":"r","action":"retire"}"#),
            "invalid",
            "the query is of a module",
            "give mode and order in the body",
        ),
        (publish(b"\0asm unknown"), "unknown-outcome", "is away", "do not send it again yet"),
        (publish(&[0; 4_097]), "too-large", "the body is beyond the limit", "send less, or raise `max_module`"),
        (publish(b"ELF"), "media-type", "is not a WebAssembly module", "send the .wasm file itself"),
        (
            call("POST", "/rules").body("text/plain", WASM),
            "media-type",
            "is text/plain",
            "`Content-Type: application/wasm`",
        ),
        (call("GET", "/windows?limit=0"), "invalid", "limit is 0", "ask for 1 to 1000"),
        (patch("{}"), "invalid", "the patch changes nothing", "give mode, order or parameters"),
        (
            patch("1"),
            "invalid",
            "the body: invalid type: integer `1`, expected an object",
            "has the schema of the body",
        ),
        (patch("[\"off\"]"), "invalid", "an array where an object is wanted", "has the schema of the body"),
        (evaluate(LINES, "1\n".repeat(2_001)), "invalid", "the body holds 2001 records", "send 1 to 2000 records"),
        (
            call("POST", "/rules/high_amount/rollback").body(PATCH, r#"{"sha256":"12"}"#),
            "invalid",
            "a sha256 is 64 hex digits",
            "lists the versions",
        ),
        (publish(b"\0asm panic"), "internal", "the change panicked", "the log for the message"),
        (
            call("GET", "/dead-letters?code=PANIC"),
            "internal",
            "a handler panicked; the pipeline goes on",
            "please report it",
        ),
        (publish(b"\0asm away"), "unavailable", "is away", "GET /readyz says which part is away"),
        (call("GET", "/audit?limit=13"), "unavailable", "is away", "bring the database of [sink] back"),
        (call("GET", "/dead-letters?code=AWAY"), "unavailable", "the dead-letter topic: ", "when Kafka is back"),
    ];
    for (call, kind, detail, hint) in cases {
        says(&send(&api, call).await, kind, detail, hint);
    }
    let open = Fakes { tokens: None, ..Fakes::default() }.api();
    let foreign = Request::get("/rules").header("host", "evil.example").body(Body::empty()).unwrap();
    let answer = read(open.oneshot(foreign).await.unwrap()).await;
    says(
        &answer,
        "forbidden",
        "only callers on this machine are served, and `host` names another",
        "call it as localhost",
    );
    let waiting = Fakes { not_ready: vec!["kafka is away".into()], ..Fakes::default() }.api();
    let answer = send(&waiting, call("GET", "/readyz")).await;
    says(&answer, "unavailable", "kafka is away", "the engine goes on by itself");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_slow_or_busy_is_named_with_what_to_do() {
    let fakes = Fakes { request_timeout: Duration::from_secs(30), requests: 5, ..Fakes::default() };
    let api = fakes.api();
    let later = |call: Call<'static>| tokio::spawn(api.clone().oneshot(call.request()));
    let slow = || later(call("POST", "/rules").body(MODULE, b"\0asm slow".as_slice()));
    let publishes = [slow(), slow(), slow(), slow()];
    while fakes.seen.lock().unwrap().len() < 4 {
        tokio::task::yield_now().await;
    }
    let full = send(&api, call("POST", "/rules").body(MODULE, WASM)).await;
    says(&full, "unavailable", "as many modules as may be held are being checked", "send it again in a few seconds");
    let fifth = later(call("GET", "/dead-letters?code=SLOW"));
    tokio::task::yield_now().await;
    let busy = send(&api, call("GET", "/rules")).await;
    says(&busy, "busy", "5 requests are being served", "try again in a second");
    let letters = read(fifth.await.unwrap().unwrap()).await;
    says(&letters, "timeout", "Kafka did not answer within 10s", "ask for fewer letters");
    for publish in publishes {
        let answer = read(publish.await.unwrap().unwrap()).await;
        says(&answer, "timeout", "it was not done within 30s", "look at GET /rules before you send it again");
    }
    let reads = [later(call("GET", "/audit?limit=14")), later(call("GET", "/audit?limit=14"))];
    tokio::task::yield_now().await;
    let third = send(&api, call("GET", "/audit")).await;
    says(&third, "busy", "2 requests are reading the database already", "send it again in a moment");
    drop(reads);
}
