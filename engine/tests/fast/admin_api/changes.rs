//! Changes of rules by the API: what reaches the catalog, on which rule set they were decided, why, and what was done.

use serde_json::json;
use weir_testkit::fakes::admin::client::{call, send};
use weir_testkit::fakes::admin::{Fakes, WASM};

use crate::admin_api::{MODULE, PATCH, assert_problem};

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
