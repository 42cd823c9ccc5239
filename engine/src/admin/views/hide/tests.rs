//! Of each view the sensitive part goes, and nothing else.

use super::*;
use crate::admin::views::{EvaluatedView, FaultView, HitView, LetterHitView, OutcomeView, VerdictView};
use crate::model::catalog::Mode;
use crate::model::finding::Effect;
use crate::model::record::{Field, Kind};

fn schema(sensitive: &[&str]) -> Schema {
    let field = |name: &str| Field {
        name: name.into(),
        kind: Kind::Text,
        required: false,
        path: vec![name.into()],
        scale: 0,
        time: Default::default(),
        lookup: None,
        sensitive: sensitive.contains(&name),
    };
    Schema { fields: ["amount", "iban", "type"].map(field).into() }
}

fn headers(of: &[(&str, &str)]) -> Vec<HeaderView> {
    of.iter().map(|(name, value)| HeaderView { name: (*name).into(), value: Some((*value).into()) }).collect()
}

/// A letter whose every text that comes of the record holds DE89.
fn letter(code: &str) -> LetterView {
    let hits = r#"[{"rule":"r","code":"IBAN","effect":"dead-letter","detail":"DE89 is blocked"}]"#;
    let headers = headers(&[
        ("trace", "DE89"),
        ("source.weir.code", "DE89"),
        ("weir.code", code),
        ("weir.rule", "r"),
        ("__dlq.errors.offset", "7"),
        ("__dlq.errors.message", "DE89 is blocked"),
        ("weir.hits", hits),
        ("weir.hits", "[{\"detail\":\"DE89"),
    ]);
    LetterView {
        partition: 0,
        offset: 1,
        code: Some(code.into()),
        message: Some("DE89 is blocked".into()),
        rule: Some("r".into()),
        sha256: None,
        hits: vec![LetterHitView {
            rule: "r".into(),
            code: "IBAN".into(),
            effect: Effect::DeadLetter,
            detail: "DE89 is blocked".into(),
        }],
        source_partition: Some(0),
        source_offset: Some(7),
        fields: BTreeMap::from([("iban".into(), Some("DE89".into())), ("type".into(), Some("DEBIT".into()))]),
        key: Some("DE89".into()),
        value: Some("{\"iban\":\"DE89\"}".into()),
        value_bytes: Some(15),
        headers,
        ..LetterView::default()
    }
}

#[test]
fn of_a_letter_code_rule_position_and_the_other_fields_stay_and_nothing_of_the_sensitive_one() {
    let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
    let mut letters = LettersView { complete: true, letters: vec![letter("IBAN")], hidden: None };
    hide.letters(&mut letters);
    let text = serde_json::to_string(&letters).expect("plain data");
    assert!(
        !text.contains("DE89") && letters.hidden.as_deref().is_some_and(|why| why.starts_with("iban is")),
        "{text}"
    );
    let shown = &letters.letters[0];
    assert_eq!((shown.code.as_deref(), shown.rule.as_deref(), shown.source_offset), (Some("IBAN"), Some("r"), Some(7)));
    assert_eq!(shown.fields, BTreeMap::from([("type".to_owned(), Some("DEBIT".to_owned()))]));
    let names: Vec<_> = shown.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["weir.code", "weir.rule", "__dlq.errors.offset", "weir.hits"]);
    let hits = shown.headers[3].value.as_deref().expect("a text");
    assert_eq!(hits, r#"[{"code":"IBAN","effect":"dead-letter","rule":"r"}]"#);
}

#[test]
fn of_groups_records_and_evaluations_nothing_of_the_sensitive_field_is_left() {
    let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
    let mut groups = LetterGroupsView { letters: vec![letter("IBAN")], ..LetterGroupsView::default() };
    hide.groups(&mut groups);
    let mut one = OneLetterView { letter: letter("IBAN"), hidden: None };
    hide.letter(&mut one);
    let LetterView { fields, key, value, headers, .. } = letter("IBAN");
    let mut record = RecordView { offset: 7, fields, key, value, headers, ..RecordView::default() };
    hide.record(&mut record);
    let hit = HitView { code: "IBAN".into(), effect: Effect::Flag, detail: "DE89 is blocked".into() };
    let fault = |code: &str| FaultView { stage: "decode".into(), code: code.into(), message: "DE89".into() };
    let verdict =
        VerdictView { rule: "r".into(), sha256: String::new(), mode: Mode::Live, hits: vec![hit], not_asked: false };
    let record_of = |code: &str| EvaluatedView {
        outcome: OutcomeView::Flagged,
        fault: Some(fault(code)),
        fields: letter("IBAN").fields,
        verdicts: vec![verdict.clone()],
    };
    let mut evaluated =
        EvaluateView { revision: 1, records: vec![record_of("FIELD_KIND")], test: Some("DE89".into()), hidden: None };
    hide.evaluated(&mut evaluated);
    let texts = [
        serde_json::to_string(&groups),
        serde_json::to_string(&one),
        serde_json::to_string(&record),
        serde_json::to_string(&evaluated),
    ];
    for text in texts.map(|text| text.expect("plain data")) {
        assert!(!text.contains("DE89") && text.contains("DEBIT") && text.contains("iban is sensitive"), "{text}");
    }
    let (hit, fault) = (&evaluated.records[0].verdicts[0].hits[0], evaluated.records[0].fault.as_ref());
    assert_eq!((hit.code.as_str(), fault.map(|fault| fault.code.as_str())), ("IBAN", Some("FIELD_KIND")));
    assert!(record.offset == 7 && one.letter.hits[0].code == "IBAN");
}

/// A header that comes to be has to be decided on, here.
#[test]
fn every_header_of_the_engine_is_open_or_hidden_on_purpose() {
    let text = include_str!("../../../../../docs/formats.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let ours: Vec<_> = rows.filter(|name| name.starts_with("weir.") || name.starts_with("__dlq.")).collect();
    let mut decided: Vec<_> = OPEN.into_iter().chain([HITS, MESSAGE]).collect();
    decided.retain(|name| !ours.contains(name));
    assert!(ours.len() == OPEN.len() + 2 && decided.is_empty(), "{ours:?} {decided:?}");
}

#[test]
fn a_reason_of_the_engine_that_quotes_nothing_stays() {
    let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
    let mut letters = LettersView { complete: true, letters: vec![letter("FIELD_MISSING")], hidden: None };
    letters.letters[0].headers = headers(&[
        ("weir.code", "FIELD_MISSING"),
        ("__dlq.errors.message", "amount: is absent, a decimal is required"),
    ]);
    hide.letters(&mut letters);
    assert_eq!(letters.letters[0].message.as_deref(), Some("amount: is absent, a decimal is required"));
}

#[test]
fn measures_of_a_sensitive_field_go_and_where_none_is_sensitive_all_stays() {
    assert!(Hide::of(&schema(&[])).is_none());
    let hide = Hide::of(&schema(&["amount", "iban"])).expect("two are sensitive");
    let measures = ["amount_sum", "amount_min", "amount_max", "amount_late_sum", "records"];
    let window = WindowView {
        window_start: String::new(),
        window_end: String::new(),
        r#final: false,
        group: BTreeMap::new(),
        records: 1,
        flagged: 0,
        late: 0,
        measures: measures.map(|name| (name.to_owned(), Some("1".to_owned()))).into(),
    };
    let mut windows = [window];
    hide.windows(&mut windows);
    assert_eq!(windows[0].measures.keys().collect::<Vec<_>>(), ["amount_late_sum", "records"]);
    assert!(hide.why().starts_with("amount, iban are sensitive"));
}

#[test]
fn of_an_alert_rule_code_position_and_the_other_fields_stay() {
    use std::sync::Arc;

    use crate::admin::views::{AlertsHeld, AlertsWanted};
    use crate::model::ids::{Offset, Partition, RecordPosition};
    use crate::model::seen_alert::{Flagged, Says, SeenAlert, SeenHit};

    let hit = SeenHit { rule: "blocked".into(), code: "IBAN".into(), detail: "DE89".into(), ..SeenHit::default() };
    let flagged = Flagged {
        record: RecordPosition { partition: Partition(3), offset: Offset(7) },
        timestamp: 0,
        revision: 1,
        hits: vec![hit],
        more: 0,
        fields: vec![("iban".into(), Some("DE89".into())), ("type".into(), Some("DEBIT".into()))],
        value: Some("DE89".into()),
        is_cut: false,
    };
    let says = Says::Flagged(flagged);
    let alert = SeenAlert { number: 1, partition: 0, offset: 0, written: 0, key: Some("DE89".into()), says };
    let held = AlertsHeld { read: 1, alerts: vec![Arc::new(alert)], ..AlertsHeld::default() };
    let mut view = AlertsView::of(&held, &AlertsWanted { limit: 9, ..AlertsWanted::default() });
    assert!(serde_json::to_string(&view).expect("plain data").contains("DE89"));
    Hide::of(&schema(&["iban"])).expect("one is sensitive").alerts(&mut view);
    let text = serde_json::to_string(&view).expect("plain data");
    assert!(!text.contains("DE89"), "{text}");
    for stays in ["\"rule\":\"blocked\"", "\"code\":\"IBAN\"", "\"record\":\"3@7\"", "DEBIT", "\"hidden\":\"iban is"] {
        assert!(text.contains(stays), "{stays} is not in {text}");
    }
}

#[test]
fn of_a_message_of_the_alert_topic_nothing_stays_that_quotes_the_record() {
    let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
    let mut alert = serde_json::json!({
        "kind": "alert", "source": { "topic": "s", "partition": 3, "offset": 18 }, "revision": 7,
        "hits": [{ "rule": "blocked", "code": "IBAN", "detail": "DE89 is blocked" }, { "rule": "high", "code": "HIGH" }],
        "fields": { "iban": "DE89", "type": "DEBIT" }, "value": "{\"iban\":\"DE89\"}", "value_hex": "44453839",
        "cut": { "fields": { "iban": 9 } }, "what_comes_later": "DE89",
    });
    hide.alert_message(&mut alert);
    let wanted = serde_json::json!({
        "kind": "alert", "source": { "topic": "s", "partition": 3, "offset": 18 }, "revision": 7,
        "hits": [{ "rule": "blocked", "code": "IBAN" }, { "rule": "high", "code": "HIGH" }],
        "fields": { "type": "DEBIT" },
    });
    assert_eq!(alert, wanted);
    let mut other = serde_json::json!("DE89");
    hide.alert_message(&mut other);
    assert!(other.is_null());
}

/// A member that comes to be has to be decided on, here.
#[test]
fn every_member_of_a_message_of_the_alert_topic_is_open_or_hidden_on_purpose() {
    const HIDDEN: [&str; 3] = ["value", "value_hex", "cut"];
    let text = include_str!("../../../../../docs/formats.md");
    let (_, section) = text.split_once("\n## Alerts\n").expect("a section");
    let section = section.split("\n## ").next().expect("it ends");
    let mut members: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    members.sort_unstable();
    members.dedup();
    let mut decided: Vec<_> = OPEN_ALERT.into_iter().chain(HIDDEN).collect();
    decided.sort_unstable();
    assert_eq!(members, decided);
}
