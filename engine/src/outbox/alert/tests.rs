//! How an alert looks in its topic, and what gives way where the topic takes little.

use serde_json::{Value, json};

use super::*;
use crate::model::ids::{Offset, Revision, Sha256};
use crate::model::letter::Cut;

fn hit<'a>(code: &'a str, detail: &'a str) -> AlertHit<'a> {
    AlertHit { rule: "high_amount", version: "0.1.0", sha256: Sha256([9; 32]), code, detail }
}

/// The alert of docs/formats.md.
fn alert() -> Alert<'static> {
    Alert {
        offset: Offset(18_234_771),
        timestamp: 1_700_000_000_000,
        key: Some(b"C1"),
        value: None,
        cut: Cut::default(),
        revision: Revision(7),
        hits: vec![hit("HIGH_AMOUNT", "amount 250000.00 > 200000"), hit("SELF_TRANSFER", "")],
        more: 0,
        fields: vec![
            AlertField { name: "name_orig", json: "\"C1\"", cut: None },
            AlertField { name: "amount", json: "\"250000.00\"", cut: None },
            AlertField { name: "tries", json: "3", cut: None },
            AlertField { name: "customer.segment", json: "null", cut: None },
        ],
    }
}

fn sent(message: &AlertMessage<'_>, limit: usize) -> (Option<Vec<u8>>, String, usize) {
    let origin = Origin { topic: "finance_stream".into(), group: "weir".into() };
    let sent = Writer::new(&origin, Partition(3), limit).outgoing(message);
    let value = String::from_utf8(sent.value.expect("JSON").into_owned()).expect("text");
    (sent.key.map(<[u8]>::to_vec), value, sent.size)
}

fn parsed(alert: Alert<'_>, limit: usize) -> Value {
    let (key, value, size) = sent(&AlertMessage::Alert(alert), limit);
    let taken = key.map_or(0, |key| key.len()) + value.len();
    assert!(
        taken + RECORD_OVERHEAD <= limit && taken + RECORD_OVERHEAD <= size,
        "{taken} bytes of {limit}, said {size}"
    );
    serde_json::from_str(&value).expect("JSON")
}

const FORMATS: &str = include_str!("../../../../docs/formats.md");

/// The JSON behind this heading of docs/formats.md.
fn documented(before: &str) -> Value {
    let (_, after) = FORMATS.split_once(before).expect("the section");
    let (json, _) = after.split_once("```json\n").expect("an example").1.split_once("```").expect("its end");
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn an_alert_and_a_summary_look_as_the_document_says() {
    let (key, value, _) = sent(&AlertMessage::Alert(alert()), 1_000_000);
    assert_eq!(key.as_deref(), Some(&b"C1"[..]));
    assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), documented("\n## Alerts\n"));
    let place = |name: &str| value.find(name).expect("a field");
    assert!(place("name_orig") < place("\"amount\"") && place("tries") < place("customer.segment"), "as configured");
    let codes = vec![("HIGH_AMOUNT", 800), ("SELF_TRANSFER", 30)];
    let not_sent = NotSent { from: Offset(18_240_000), to: Offset(18_249_999), records: 812, codes };
    let (key, value, _) = sent(&AlertMessage::NotSent(not_sent), 1_000_000);
    assert_eq!((key, serde_json::from_str::<Value>(&value).unwrap()), (None, documented("What is not sent")));
}

#[test]
fn the_whole_value_is_a_text_or_else_hex_and_what_the_outbox_cut_is_marked() {
    let of = |value: &'static [u8]| parsed(Alert { value: Some(value), ..alert() }, 1_000_000);
    assert_eq!(of(b"{\"a\": 1}")["value"], json!("{\"a\": 1}"));
    assert_eq!(of(b"\xff\x00")["value_hex"], json!("ff00"));
    let cut = Cut { key: Some(2_000_000), value: Some(20_000_000), headers: None };
    let long = AlertField { name: "memo", json: "\"m\"", cut: Some(5_000) };
    let marked = parsed(Alert { cut, fields: vec![long], more: 4, ..alert() }, 1_000_000);
    assert_eq!(marked["cut"], json!({ "key": 2_000_000, "value": 20_000_000, "fields": { "memo": 5_000 } }));
    assert_eq!(marked["hits_more"], json!(4));
    let value = Some(&"aü".as_bytes()[..2]);
    assert_eq!(parsed(Alert { cut, value, ..alert() }, 1_000_000)["value"], json!("a"), "cut within a character");
}

#[test]
fn whatever_is_too_long_gives_way_until_the_alert_fits() {
    let text = "\"".repeat(900_000);
    let value = text.as_bytes();
    let fitted = parsed(Alert { value: Some(value), ..alert() }, 20_000);
    let kept = fitted["value"].as_str().expect("a text").len();
    assert!((9_000..10_000).contains(&kept) && fitted["cut"]["value"] == json!(900_000), "{kept} bytes of quotes");
    assert_eq!(fitted["fields"]["amount"], json!("250000.00"));

    let json = format!("\"{}\"", "f".repeat(9_000));
    let fields = vec![AlertField { name: "memo", json: &json, cut: None }];
    let fitted = parsed(Alert { value: Some(value), fields: fields.clone(), ..alert() }, 5_000);
    assert_eq!((&fitted["fields"], &fitted["cut"]["fields"]), (&json!({}), &json!({ "*": 9_002 })));
    assert_eq!(fitted["hits"][0]["code"], json!("HIGH_AMOUNT"));

    let detail = "d".repeat(9_000);
    let (hits, key) = (vec![hit("HIGH_AMOUNT", &detail)], vec![b'k'; 9_000]);
    let fitted = parsed(Alert { value: Some(value), fields, hits, key: Some(&key), ..alert() }, 5_000);
    assert_eq!(
        (&fitted["hits"], &fitted["cut"]["hits"], &fitted["cut"]["key"]),
        (&json!([]), &json!(1), &json!(9_000))
    );
    assert_eq!(fitted["source"]["offset"], json!(18_234_771));
}

#[test]
fn a_value_that_has_room_after_all_is_whole_and_not_marked() {
    let json = format!("\"{}\"", "f".repeat(9_000));
    let fields = vec![AlertField { name: "memo", json: &json, cut: None }];
    let fitted = parsed(Alert { value: Some(b"{\"a\": 1}"), fields, ..alert() }, 5_000);
    assert_eq!((&fitted["value"], &fitted["cut"]), (&json!("{\"a\": 1}"), &json!({ "fields": { "*": 9_002 } })));
}
