//! What is hidden of a sensitive field, from whom, at every path that shows something of records.

use weir_testkit::fakes::admin::client::{call, send};
use weir_testkit::fakes::admin::{Fakes, IBAN, PUBLISHER, VIEWER};

use super::{ANALYST, READER, people};

/// Every path whose answer may show a record, or what was made of one.
const PATHS: [&str; 13] = [
    "/dead-letters",
    "/dead-letters?code=IBAN_BLOCKED&value_limit=65536",
    "/dead-letters/groups",
    "/dead-letters/0@12",
    "/records/3@7",
    "/rules/high_amount",
    "/windows",
    "/windows.csv",
    "/alerts",
    "/alerts?by=code",
    "/console/windows",
    "/console/windows.csv",
    "/console/alerts",
];

#[tokio::test]
async fn who_may_not_see_values_sees_none_of_a_sensitive_field_and_others_do() {
    let api = Fakes { sensitive: true, ..people() }.api();
    for path in PATHS {
        for token in [VIEWER, PUBLISHER, ANALYST] {
            let answer = send(&api, call("GET", path).token(Some(token))).await;
            assert!(answer.status == 200 && answer.text.contains(IBAN), "{path}: {}", answer.text);
        }
        let hidden = send(&api, call("GET", path).token(Some(READER))).await;
        assert!(hidden.status == 200 && !hidden.text.contains(IBAN), "{path}: {}", hidden.text);
    }
    let letters = send(&api, call("GET", "/dead-letters").token(Some(READER))).await.json();
    let letter = &letters["letters"][0];
    assert!(letters["hidden"].as_str().unwrap().starts_with("iban is sensitive"), "{letters}");
    assert_eq!(
        (&letter["rule"], &letter["source_partition"], &letter["source_offset"]),
        (&"high_amount".into(), &3.into(), &18_234_771.into())
    );
    assert_eq!(letter["fields"], serde_json::json!({ "type": "DEBIT" }));
    assert_eq!((&letter["key"], &letter["value"], &letter["message"]), (&().into(), &().into(), &().into()));
    let rule = send(&api, call("GET", "/rules/high_amount").token(Some(READER))).await.json();
    assert_eq!(
        (&rule["shadow_samples"][0]["code"], &rule["shadow_samples"][0]["detail"]),
        (&"AMOUNT_HIGH".into(), &"".into())
    );
    let windows = send(&api, call("GET", "/windows").token(Some(READER))).await.json();
    assert_eq!(windows[0]["measures"], serde_json::json!({ "amount_sum": "0.10" }));
    let alerts = send(&api, call("GET", "/alerts").token(Some(READER))).await.json();
    assert_eq!((&alerts["by"], &alerts["groups"][0]["name"]), (&"code".into(), &"AMOUNT_HIGH".into()));
    assert_eq!(alerts["alerts"][2]["fields"], serde_json::json!([{ "name": "type", "value": "DEBIT" }]));
}

#[tokio::test]
async fn who_may_not_see_values_may_not_ask_by_key_either() {
    let api = Fakes { sensitive: true, ..people() }.api();
    for path in ["/alerts?key=a", "/alerts?by=key", "/console/alerts?key=a", "/console/alerts?by=key"] {
        let refused = send(&api, call("GET", path).token(Some(READER))).await;
        assert!(refused.status == 403 && refused.text.contains("iban is sensitive"), "{path}: {}", refused.text);
        assert_eq!(send(&api, call("GET", path).token(Some(ANALYST))).await.status, 200, "{path}");
    }
    let page = send(&api, call("GET", "/console/alerts").token(Some(READER))).await;
    assert!(!page.text.contains("name=\"key\""), "a field that would be refused");
}

#[tokio::test]
async fn where_no_field_is_sensitive_whoever_may_read_sees_all() {
    let api = people().api();
    for path in PATHS {
        let answer = send(&api, call("GET", path).token(Some(READER))).await;
        assert!(answer.status == 200 && answer.text.contains(IBAN), "{path}: {}", answer.text);
    }
    assert!(send(&api, call("GET", "/dead-letters").token(Some(READER))).await.json()["hidden"].is_null());
}
