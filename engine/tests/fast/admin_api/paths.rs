//! Every path and status of the API, each answer held against the schema that `/openapi.json` gives.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_testkit::fakes::admin::client::{Answer, Call, call, send};
use weir_testkit::fakes::admin::{Fakes, SECRET, WASM};

use crate::admin_api::{LINES, MODULE, PATCH, assert_problem};

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
