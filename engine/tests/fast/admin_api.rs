//! The admin API over its ports: every path and status, each answer held against the schema that `/openapi.json` gives.

mod messages;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{Answer, Call, call, read, send};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER, SECRET, VIEWER, WASM};

/// The schema that the document gives for this answer, with everything it refers to.
fn schema(document: &Value, method: &str, template: &str, answer: &Answer) -> Option<Value> {
    let media_type = answer.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
    let response = &document["paths"][template][method.to_lowercase()]["responses"][answer.status.to_string()];
    let content = &response["content"][media_type];
    assert!(content.is_object(), "{method} {template} {}: {media_type} is not in the document", answer.status);
    // Only JSON has a shape.
    if !media_type.ends_with("json") || media_type == "application/x-ndjson" {
        return None;
    }
    let mut schema = content["schema"].as_object().unwrap().clone();
    schema.insert("components".into(), document["components"].clone());
    Some(schema.into())
}

fn assert_documented(document: &Value, method: &str, template: &str, answer: &Answer) {
    let Some(schema) = schema(document, method, template, answer) else {
        return;
    };
    let body = answer.json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(template == "/openapi.json" || !validator.is_valid(&json!(1)), "{template}: the schema takes anything");
    assert!(errors.is_empty(), "{method} {template} {}: {errors:?} in {body}", answer.status);
}

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
async fn every_path_answers_with_the_status_and_the_shape_that_the_openapi_gives() {
    let api = Fakes::default().api();
    let document = send(&api, call("GET", "/openapi.json")).await.json();
    let record = br#"{"amount":"-1"}"#;
    let long = "a".repeat(1024 * 1024 + 1);
    let cases: Vec<(u16, &str, Call)> = vec![
        (200, "/rules", call("GET", "/rules")),
        (201, "/rules", call("POST", "/rules?mode=shadow&order=7").body(MODULE, WASM)),
        (200, "/rules", call("POST", "/rules").body(MODULE, WASM)),
        (400, "/rules", call("POST", "/rules?mode=loud").body(MODULE, WASM)),
        (400, "/rules", call("POST", "/rules?color=red").body(MODULE, WASM)),
        (409, "/rules", call("POST", "/rules").body(MODULE, b"\0asm stale")),
        (409, "/rules", call("POST", "/rules?mode=shadow").body(MODULE, b"\0asm next")),
        (201, "/rules", call("POST", "/rules?mode=shadow&replace=true").body(MODULE, b"\0asm next")),
        (504, "/rules", call("POST", "/rules").body(MODULE, b"\0asm unknown")),
        (413, "/rules", call("POST", "/rules").body(MODULE, vec![0; 4097])),
        (415, "/rules", call("POST", "/rules").body("text/plain", WASM)),
        (415, "/rules", call("POST", "/rules").body(MODULE, b"ELF")),
        (422, "/rules", call("POST", "/rules").body(MODULE, b"\0asm bad")),
        (500, "/rules", call("POST", "/rules").body(MODULE, b"\0asm panic")),
        (503, "/rules", call("POST", "/rules").body(MODULE, b"\0asm away")),
        (504, "/rules", call("POST", "/rules").body(MODULE, b"\0asm slow")),
        (200, "/rules/check", call("POST", "/rules/check").body(MODULE, WASM)),
        (413, "/rules/check", call("POST", "/rules/check").body(MODULE, vec![0; 4097])),
        (415, "/rules/check", call("POST", "/rules/check").body(PATCH, WASM)),
        (422, "/rules/check", call("POST", "/rules/check").body(MODULE, b"\0asm bad")),
        (500, "/rules/check", call("POST", "/rules/check").body(MODULE, b"\0asm panic")),
        (200, "/rules/plan", call("POST", "/rules/plan").body(PATCH, r#"{"rule":"high_amount","action":"retire"}"#)),
        (200, "/rules/plan", call("POST", "/rules/plan?mode=shadow&order=7").body(MODULE, WASM)),
        (400, "/rules/plan", call("POST", "/rules/plan?color=red").body(MODULE, WASM)),
        (400, "/rules/plan", call("POST", "/rules/plan").body(MODULE, WASM).header("if-match", "yes")),
        (404, "/rules/plan", call("POST", "/rules/plan").body(PATCH, r#"{"rule":"nobody","action":"retire"}"#)),
        (409, "/rules/plan", call("POST", "/rules/plan").body(MODULE, WASM).header("if-match", "\"3\"")),
        (413, "/rules/plan", call("POST", "/rules/plan").body(MODULE, vec![0; 4097])),
        (415, "/rules/plan", call("POST", "/rules/plan").body("text/plain", WASM)),
        (422, "/rules/plan", call("POST", "/rules/plan").body(MODULE, b"\0asm bad")),
        (422, "/rules/plan", call("POST", "/rules/plan").body(PATCH, r#"{"rule":"high_amount","action":"explode"}"#)),
        (200, "/rules/{name}/history", call("GET", "/rules/high_amount/history?limit=2")),
        (404, "/rules/{name}/history", call("GET", "/rules/nobody/history")),
        (422, "/rules/{name}/history", call("GET", "/rules/high_amount/history?limit=0")),
        (503, "/rules/{name}/history", call("GET", "/rules/high_amount/history?limit=13")),
        (409, "/rules", call("POST", "/rules").body(MODULE, WASM).header("if-match", "\"3\"")),
        (409, "/rules/{name}", call("DELETE", "/rules/high_amount").header("if-match", "3")),
        (200, "/rules/{name}", call("GET", "/rules/high_amount")),
        (200, "/rules/{name}", call("GET", "/rules/high_amount?limit=100")),
        (400, "/rules/{name}", call("GET", "/rules/high_amount?limit=many")),
        (422, "/rules/{name}", call("GET", "/rules/high_amount?limit=101")),
        (404, "/rules/{name}", call("GET", "/rules/nobody")),
        (400, "/rules/{name}", call("GET", "/rules/%FF")),
        (422, "/evaluate", call("POST", "/evaluate").body(PATCH, " ")),
        (200, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"{"mode":"off","order":3}"#)),
        (200, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"{"parameters":{"most":null}}"#)),
        (400, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, "{")),
        (404, "/rules/{name}", call("PATCH", "/rules/nobody").body(PATCH, r#"{"order":1}"#)),
        (413, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, long.clone())),
        (415, "/rules/{name}", call("PATCH", "/rules/high_amount").body("text/plain", "{}")),
        (422, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, "{}")),
        (422, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"{"mode":"loud"}"#)),
        (422, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"{"color":"red"}"#)),
        (422, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"["off"]"#)),
        (200, "/rules/{name}/rollback", call("POST", "/rules/high_amount/rollback")),
        (200, "/rules/{name}/rollback", call("POST", "/rules/high_amount/rollback").body(PATCH, "null")),
        (422, "/rules/{name}/rollback", call("POST", "/rules/high_amount/rollback").body(PATCH, "[null]")),
        (404, "/rules/{name}/rollback", call("POST", "/rules/nobody/rollback")),
        (415, "/rules/{name}/rollback", call("POST", "/rules/high_amount/rollback").body("text/plain", "x")),
        (422, "/rules/{name}/rollback", call("POST", "/rules/high_amount/rollback").body(PATCH, r#"{"sha256":"12"}"#)),
        (409, "/rules/{name}/rollback", call("POST", "/rules/only_one/rollback")),
        (200, "/rules/{name}", call("DELETE", "/rules/high_amount")),
        (200, "/rules/{name}", call("DELETE", "/rules/high_amount?reason=too%20many%20hits")),
        (400, "/rules/{name}", call("DELETE", "/rules/high_amount?raeson=x")),
        (422, "/rules/{name}", call("PATCH", "/rules/high_amount").body(PATCH, r#"{"reason":"no change"}"#)),
        (404, "/rules/{name}", call("DELETE", "/rules/nobody")),
        (200, "/evaluate", call("POST", "/evaluate").body(PATCH, record)),
        (200, "/evaluate", call("POST", "/evaluate").body(PATCH, r#" [{"a":1}, {"a":2}]"#)),
        (200, "/evaluate", call("POST", "/evaluate").body(LINES, "{\"a\":1}\r\n\n{broken\n")),
        (400, "/evaluate", call("POST", "/evaluate").body(PATCH, "[{broken]")),
        (413, "/evaluate", call("POST", "/evaluate").body(PATCH, long)),
        (415, "/evaluate", call("POST", "/evaluate").body("text/csv", "a,b")),
        (422, "/evaluate", call("POST", "/evaluate").body(PATCH, "[]")),
        (422, "/evaluate", call("POST", "/evaluate").body(LINES, "1\n".repeat(2_001))),
        (200, "/pipeline", call("GET", "/pipeline")),
        (200, "/instances", call("GET", "/instances")),
        (200, "/history", call("GET", "/history")),
        (200, "/windows", call("GET", "/windows?limit=5&final=true")),
        (400, "/windows", call("GET", "/windows?limit=many")),
        (422, "/windows", call("GET", "/windows?limit=0")),
        (422, "/windows", call("GET", "/windows?from=yesterday")),
        (200, "/windows.csv", call("GET", "/windows.csv?limit=5&from=1970-01-01T00:00:00Z")),
        (422, "/windows.csv", call("GET", "/windows.csv?limit=10001")),
        (200, "/alerts", call("GET", "/alerts?limit=5&by=code")),
        (400, "/alerts", call("GET", "/alerts?by=amount")),
        (422, "/alerts", call("GET", "/alerts?until=yesterday")),
        (400, "/windows.csv", call("GET", "/windows.csv?limit=many")),
        (422, "/alerts", call("GET", "/alerts?limit=0")),
        (200, "/activations", call("GET", "/activations")),
        (200, "/audit", call("GET", "/audit")),
        (200, "/audit", call("GET", "/audit?rule=high_amount&who=publisher")),
        (503, "/audit", call("GET", "/audit?limit=13")),
        (422, "/audit", call("GET", "/audit?limit=1001")),
        (200, "/dead-letters", call("GET", "/dead-letters?limit=1&code=AMOUNT_NEGATIVE")),
        (200, "/dead-letters", call("GET", "/dead-letters?value_limit=1")),
        (422, "/dead-letters", call("GET", "/dead-letters?value_limit=0")),
        (422, "/dead-letters", call("GET", "/dead-letters?value_limit=65537")),
        (503, "/dead-letters", call("GET", "/dead-letters?code=AWAY")),
        (422, "/dead-letters", call("GET", "/dead-letters?from=yesterday")),
        (200, "/dead-letters.ndjson", call("GET", "/dead-letters.ndjson?rule=blocked")),
        (422, "/dead-letters.ndjson", call("GET", "/dead-letters.ndjson?sha256=x")),
        (200, "/dead-letters/groups", call("GET", "/dead-letters/groups?letters=3")),
        (422, "/dead-letters/groups", call("GET", "/dead-letters/groups?letters=201")),
        (200, "/dead-letters/{position}", call("GET", "/dead-letters/0@1?value_limit=3")),
        (400, "/dead-letters/{position}", call("GET", "/dead-letters/1")),
        (404, "/dead-letters/{position}", call("GET", "/dead-letters/4@1")),
        (422, "/dead-letters/{position}", call("GET", "/dead-letters/0@1?value_limit=0")),
        (200, "/dead-letters/{position}/value", call("GET", "/dead-letters/0@1/value")),
        (422, "/dead-letters/{position}/value", call("GET", "/dead-letters/0@9/value")),
        (200, "/records/{position}", call("GET", "/records/3@7")),
        (404, "/records/{position}", call("GET", "/records/4@7")),
        (503, "/records/{position}", call("GET", "/records/5@7")),
        (200, "/records/{position}/value", call("GET", "/records/3@7/value")),
        (404, "/records/{position}/value", call("GET", "/records/3@8/value")),
        (200, "/evaluate", call("POST", "/evaluate?record=3@7&test=high_amount")),
        (404, "/evaluate", call("POST", "/evaluate?letter=4@7")),
        (422, "/evaluate", call("POST", "/evaluate?record=3@7&parameters=many")),
        (200, "/metrics", call("GET", "/metrics")),
        (200, "/livez", call("GET", "/livez")),
        (200, "/readyz", call("GET", "/readyz")),
        (200, "/openapi.json", call("GET", "/openapi.json")),
    ];
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for (status, template, call) in cases {
        let (method, path) = (call.method, call.path);
        let answer = send(&api, call).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if status >= 400 {
            assert_problem(&answer, status);
        }
        assert_documented(&document, method, template, &answer);
        assert!(!answer.text.contains(SECRET), "{method} {path} tells a secret: {}", answer.text);
        asked.insert(format!("{} {template}", method.to_lowercase()));
    }
    assert_eq!(asked, operations(&document), "the cases above leave out an operation");
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, item): (&String, &Value)| {
        item.as_object().unwrap().keys().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[tokio::test]
async fn an_unknown_path_or_method_is_a_problem_too() {
    let api = Fakes::default().api();
    assert_problem(&send(&api, call("GET", "/nowhere")).await, 404);
    assert_problem(&send(&api, call("GET", "/rules/a/b/c")).await, 404);
    let wrong = send(&api, call("PUT", "/rules")).await;
    assert_problem(&wrong, 405);
    assert!(wrong.headers["allow"].to_str().unwrap().contains("POST"));
}

#[tokio::test]
async fn a_viewer_reads_a_publisher_writes_and_a_stranger_sees_the_probes_only() {
    let api = Fakes::default().api();
    let publish = |token| call("POST", "/rules").body(MODULE, WASM).token(token);
    let evaluate = |token| call("POST", "/evaluate").body(PATCH, "{}").token(token);
    let rows: &[(&str, Option<&str>, u16, u16, u16)] = &[
        ("nobody", None, 401, 401, 401),
        ("stranger", Some("wrong"), 401, 401, 401),
        ("empty", Some(""), 401, 401, 401),
        ("viewer", Some(VIEWER), 200, 403, 200),
        ("publisher", Some(PUBLISHER), 200, 201, 200),
    ];
    for (who, token, read, write, evaluated) in rows {
        for path in ["/rules", "/metrics", "/openapi.json", "/pipeline"] {
            assert_eq!(send(&api, call("GET", path).token(*token)).await.status, *read, "{who} {path}");
        }
        assert_eq!(send(&api, publish(*token)).await.status, *write, "{who}");
        assert_eq!(send(&api, evaluate(*token)).await.status, *evaluated, "{who}");
        for method in ["PATCH", "DELETE"] {
            let status =
                send(&api, call(method, "/rules/nobody").token(*token).body(PATCH, r#"{"order":1}"#)).await.status;
            assert_eq!(status, if *write == 201 { 404 } else { *write }, "{who} {method}");
        }
        for probe in ["/livez", "/readyz"] {
            assert_eq!(send(&api, call("GET", probe).token(*token)).await.status, 200, "{who} {probe}");
        }
    }
    let refused = send(&api, call("GET", "/nowhere").token(None)).await;
    assert_problem(&refused, 401);
    assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn without_tokens_all_is_open_to_this_machine_and_shut_to_pages_of_another() {
    let api = Fakes { tokens: None, ..Fakes::default() }.api();
    assert_eq!(send(&api, call("POST", "/rules").token(None).body(MODULE, WASM)).await.status, 201);
    for (header, value, status) in [
        ("host", "127.0.0.1:8080", 200),
        ("host", "localhost:8080", 200),
        ("host", "[::1]:8080", 200),
        ("host", "evil.example:8080", 403),
        ("origin", "http://localhost:3000", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
    ] {
        let request = Request::get("/rules").header(header, value).body(Body::empty()).unwrap();
        let answer = read(api.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(answer.status, status, "{header}: {value}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_with_a_token_or_without() {
    let (with, without) = (Fakes::default(), Fakes { tokens: None, ..Fakes::default() });
    for (fakes, token) in [(with, Some(PUBLISHER)), (without, None)] {
        let api = fakes.api();
        let host = ("host", "127.0.0.1:8080");
        let cases: [(&[(&str, &str)], u16); 13] = [
            (&[host], 200),
            (&[host, ("origin", "http://127.0.0.1:8080")], 200),
            (&[host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")], 200),
            (&[host, ("sec-fetch-site", "none")], 200),
            (&[("host", "localhost"), ("origin", "http://LOCALHOST:80")], 200),
            (&[("host", "localhost"), ("origin", "https://localhost:80")], 403),
            // Another service of this machine: the same host, another port.
            (&[host, ("origin", "http://127.0.0.1:3000")], 403),
            (&[host, ("origin", "http://localhost:8080")], 403),
            (&[host, ("origin", "null")], 403),
            (&[host, ("sec-fetch-site", "cross-site")], 403),
            (&[host, ("sec-fetch-site", "same-site")], 403),
            (&[host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")], 403),
            (&[("origin", "http://127.0.0.1:8080")], 403),
        ];
        for (headers, status) in cases {
            // What a page may send without being asked first: no body, no type.
            let mut request = Request::post("/rules/high_amount/rollback");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = read(api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await;
            assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_address_with_ten_wrong_tokens_waits_also_with_a_right_one_and_others_do_not() {
    let api = Fakes::default().api();
    let ask = async |from: &str, path: &str, token: Option<&str>| {
        let mut request = call("GET", path).token(token).request();
        let peer: std::net::SocketAddr = from.parse().unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        read(api.clone().oneshot(request).await.unwrap()).await
    };
    // A request without a token is no guess.
    for _ in 0..20 {
        assert_eq!(ask("10.0.0.7:1", "/rules", None).await.status, 401);
    }
    for number in 0..10 {
        assert_eq!(ask("10.0.0.7:1", "/rules", Some(&format!("guess-{number}"))).await.status, 401);
    }
    for token in ["guess-10", VIEWER, PUBLISHER] {
        let answer = ask("10.0.0.7:2", "/rules", Some(token)).await;
        assert_problem(&answer, 429);
        assert_eq!(answer.headers["retry-after"], "60");
    }
    assert_eq!(ask("10.0.0.7:3", "/livez", Some(VIEWER)).await.status, 200);
    assert_eq!(ask("10.0.0.8:1", "/rules", Some(VIEWER)).await.status, 200);
    // Callers of this machine share an address with the operator and with a proxy.
    for _ in 0..20 {
        assert_eq!(ask("127.0.0.1:1", "/rules", Some("guess")).await.status, 401);
    }
    assert_eq!(ask("127.0.0.1:1", "/rules", Some(VIEWER)).await.status, 200);
}

#[tokio::test]
async fn the_caller_and_what_it_asked_for_reach_the_catalog() {
    let fakes = Fakes::default();
    let api = fakes.api();
    send(&api, call("POST", "/rules?mode=shadow&order=-3").body(MODULE, WASM)).await;
    send(&api, call("POST", "/evaluate").body(PATCH, r#"[{"a": 1.50}, 7]"#)).await;
    let seen = fakes.seen.lock().unwrap().join("\n");
    assert!(seen.contains("publish by publisher mode Some(Shadow) order Some(-3) reason None"), "{seen}");
    assert!(seen.contains(r#"evaluate {"a": 1.50} | 7"#), "the bytes of a record must not change: {seen}");
}

#[tokio::test]
async fn a_change_that_was_decided_on_another_rule_set_is_refused_with_what_differs() {
    let fakes = Fakes::default();
    let api = fakes.api();
    let changes = || {
        [
            call("POST", "/rules").body(MODULE, WASM),
            call("PATCH", "/rules/high_amount").body(PATCH, r#"{"mode":"off"}"#),
            call("POST", "/rules/high_amount/rollback"),
            call("DELETE", "/rules/high_amount"),
            call("POST", "/rules/plan").body(PATCH, r#"{"rule":"high_amount","action":"rollback"}"#),
            call("POST", "/rules/plan").body(MODULE, WASM),
        ]
    };
    for change in changes() {
        let refused = send(&api, change.header("if-match", "\"3\"")).await;
        assert_problem(&refused, 409);
        let moved = refused.json()["moved"].clone();
        assert_eq!((&moved["seen"], &moved["now"]), (&json!(3), &json!(4)), "{}", refused.text);
        let differs = json!([{ "rule": "high_amount", "setting": "parameters.most", "from": null, "to": "1000" }]);
        assert_eq!(moved["changes"], differs);
        assert_eq!((&moved["since"][0]["who"], &moved["since"][0]["reason"]), (&json!("bo"), &json!("too many flags")));
    }
    for decided_on in ["\"4\"", "4", "*"] {
        for change in changes() {
            let answer = send(&api, change.header("if-match", decided_on)).await;
            assert!(answer.status < 300, "{decided_on}: {}", answer.text);
        }
    }
    let answer = send(&api, call("DELETE", "/rules/high_amount").header("if-match", "W/\"4\"")).await;
    assert_problem(&answer, 400);
}

#[tokio::test]
async fn the_history_of_a_rule_says_how_it_was_after_each_change_and_which_offsets_it_judged_so() {
    let api = Fakes::default().api();
    let history = send(&api, call("GET", "/rules/high_amount/history?limit=2")).await.json();
    assert_eq!((&history["rule"], &history["more"]), (&json!("high_amount"), &json!(true)));
    let newest = &history["changes"][0];
    assert_eq!((&newest["line"]["revision"], &newest["line"]["reason"]), (&json!(4), &json!("why 4")));
    assert_eq!(newest["rule"]["parameters"], json!({ "most": "1000" }));
    assert_eq!(newest["in_force"], json!([{ "partition": 0, "from": 7, "to": null }]));
    assert_eq!(history["changes"][1]["in_force"], json!([]), "no activation names its revisions");
}

#[tokio::test]
async fn every_change_takes_a_reason_of_one_line_and_500_characters_at_most() {
    let fakes = Fakes::default();
    let api = fakes.api();
    let encoded = "too%20many%20hits%20%C3%BC";
    let body = r#"{"order":1,"reason":" too many hits ü "}"#;
    send(&api, call("POST", &format!("/rules?reason={encoded}")).body(MODULE, WASM)).await;
    send(&api, call("PATCH", "/rules/high_amount").body(PATCH, body)).await;
    send(&api, call("POST", "/rules/high_amount/rollback").body(PATCH, r#"{"reason":"too many hits ü"}"#)).await;
    send(&api, call("DELETE", &format!("/rules/high_amount?reason={encoded}"))).await;
    send(&api, call("DELETE", "/rules/high_amount?reason=%20")).await;
    let seen = fakes.seen.lock().unwrap().clone();
    let told: Vec<bool> = seen.iter().map(|line| line.ends_with("reason Some(\"too many hits ü\")")).collect();
    assert_eq!(told, [true, true, true, true, false], "{seen:?}");
    let with = |reason: String| {
        call("PATCH", "/rules/high_amount").body(PATCH, json!({ "order": 1, "reason": reason }).to_string())
    };
    assert_eq!(send(&api, with("ü".repeat(500))).await.status, 200);
    for (reason, said) in
        [("ü".repeat(501), "the reason has 501 characters"), ("a\nb".into(), "the reason holds \\u{a}")]
    {
        let refused = send(&api, with(reason)).await;
        assert_problem(&refused, 422);
        assert!(refused.json()["detail"].as_str().unwrap().starts_with(said), "{}", refused.text);
    }
    let audit = send(&api, call("GET", "/audit")).await.json();
    assert_eq!(audit[0]["reason"], "a first try");
}

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
async fn one_request_too_many_is_turned_away_and_the_probes_are_not() {
    let fakes = Fakes { requests: 1, ..Fakes::default() };
    let api = fakes.api();
    let slow = tokio::spawn(api.clone().oneshot(call("POST", "/rules").body(MODULE, b"\0asm slow").request()));
    while fakes.seen.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let busy = send(&api, call("GET", "/rules")).await;
    assert_problem(&busy, 503);
    assert!(busy.headers.contains_key("retry-after"));
    assert_eq!(send(&api, call("GET", "/livez")).await.status, 200);
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(send(&api, call("GET", "/rules")).await.status, 200);
}

/// Whoever reads the database leaves checkpoints alone: two at once, the third waits for a second and is told.
#[tokio::test(start_paused = true)]
async fn a_third_reader_of_the_database_is_turned_away_and_the_rest_of_the_api_is_not() {
    let api = Fakes::default().api();
    let slow = || tokio::spawn(api.clone().oneshot(call("GET", "/windows?limit=17").request()));
    let readers = [slow(), slow()];
    tokio::time::sleep(Duration::from_millis(10)).await;
    let busy = send(&api, call("GET", "/activations")).await;
    assert_problem(&busy, 503);
    assert!(busy.headers.contains_key("retry-after"));
    assert_eq!(busy.json()["detail"], "2 requests are reading the database already");
    for path in ["/rules", "/pipeline", "/livez"] {
        assert_eq!(send(&api, call("GET", path)).await.status, 200, "{path}");
    }
    // The two end within the second that this one waits.
    assert_eq!(send(&api, call("GET", "/audit")).await.status, 200);
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn modules_that_are_still_compiled_after_the_time_out_hold_their_places() {
    let api = Fakes::default().api();
    let slow = || tokio::spawn(api.clone().oneshot(call("POST", "/rules").body(MODULE, b"\0asm slow").request()));
    for slow in [slow(), slow(), slow(), slow()] {
        assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    }
    assert_problem(&send(&api, call("POST", "/rules").body(MODULE, WASM)).await, 503);
    assert_problem(&send(&api, call("POST", "/rules/check").body(MODULE, WASM)).await, 503);
    assert_eq!(send(&api, call("GET", "/rules")).await.status, 200);
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
