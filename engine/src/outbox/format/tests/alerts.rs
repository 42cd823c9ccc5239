//! Alerts there and back, as docs/formats.md lays them out.

use super::*;
use crate::model::alert::{Alert, AlertField, AlertHit, AlertMessage, NotSent};
use crate::outbox::format::write::KEY;

/// The two messages of the document: an alert and what is not sent behind it.
fn documented_alerts() -> Alerts {
    let mut alerts = Alerts::to("fraud_alerts");
    let (rule, version, sha256) = ("high_amount", "0.1.0", Sha256([9; 32]));
    alerts.push(&Alert {
        offset: Offset(7),
        timestamp: 1_700_000_000_000,
        key: Some(b"C1"),
        value: None,
        cut: Cut::default(),
        revision: Revision(3),
        hits: vec![AlertHit { rule, version, sha256, code: "HIGH_AMOUNT", detail: "\u{fc}" }],
        more: 0,
        fields: vec![AlertField { name: "amount", json: "\"250000.00\"", cut: None }],
    });
    alerts.push_not_sent(&NotSent {
        from: Offset(8),
        to: Offset(11),
        records: 3,
        codes: vec![("HIGH_AMOUNT", 3), ("SELF_TRANSFER", 1)],
    });
    alerts
}

fn alerts_of(chunk: &[u8]) -> (String, Vec<AlertMessage<'_>>) {
    let Ok(Stored::Alerts(alerts)) = read_any(chunk) else { panic!("alerts") };
    (alerts.topic().to_owned(), alerts.map(Result::unwrap).collect())
}

#[test]
fn alerts_are_written_as_the_document_says_and_come_back_with_their_topic() {
    let chunk = documented_alerts().into_bytes();
    let (_, after) = FORMATS.split_once("```hex destination=1\n").expect("an example");
    let (hex, _) = after.split_once("```").expect("its end");
    assert_eq!(hex::encode(&chunk), hex.split_whitespace().collect::<String>());
    let (topic, messages) = alerts_of(&chunk);
    assert_eq!(topic, "fraud_alerts");
    let [AlertMessage::Alert(alert), AlertMessage::NotSent(not_sent)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((alert.key, alert.fields[0].json, alert.hits[0].detail), (Some(&b"C1"[..]), "\"250000.00\"", "\u{fc}"));
    assert_eq!((not_sent.from, not_sent.to, not_sent.records), (Offset(8), Offset(11), 3));
    assert_eq!((messages[0].offset(), messages[1].offset()), (Offset(7), Offset(8)));
}

#[test]
fn a_chunk_of_alerts_that_is_cut_or_of_which_any_bit_differs_is_damaged() {
    let whole = documented_alerts().into_bytes();
    assert_eq!(check(&whole), Ok(()));
    for end in 0..whole.len() {
        assert!(check(&whole[..end]).is_err(), "cut at {end}");
    }
    for at in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(check(&changed).is_err(), "bit {at}");
    }
    assert!(decode(&whole).is_err_and(|why| why.what.contains("letters")), "they are no letters");
}

#[test]
fn what_no_row_could_hold_of_an_alert_is_cut_and_its_length_kept() {
    let (key, value) = (vec![b'k'; KEY + 1], vec![b'v'; VALUE + 1]);
    let mut alerts = Alerts::to("fraud_alerts");
    let messages = documented_alerts().into_bytes();
    let (_, messages) = alerts_of(&messages);
    let AlertMessage::Alert(small) = &messages[0] else { panic!("an alert") };
    alerts.push(&Alert { key: Some(&key), value: Some(&value), ..small.clone() });
    let chunk = alerts.into_bytes();
    let (_, messages) = alerts_of(&chunk);
    let AlertMessage::Alert(cut) = &messages[0] else { panic!("an alert") };
    assert_eq!((cut.key.map(<[u8]>::len), cut.value.map(<[u8]>::len)), (Some(KEY), Some(VALUE)));
    assert_eq!((cut.cut.key, cut.cut.value), (Some(key.len()), Some(value.len())));
}

#[test]
fn the_last_alert_moves_to_a_chunk_of_its_own_for_the_same_topic() {
    let mut alerts = documented_alerts();
    let before = {
        let whole = documented_alerts().into_bytes();
        let (_, messages) = alerts_of(&whole);
        let mut first = Alerts::to("fraud_alerts");
        let AlertMessage::Alert(alert) = &messages[0] else { panic!("an alert") };
        first.push(alert);
        first.len()
    };
    let moved = alerts.split(before, Offset(8));
    assert_eq!((alerts.first_offset(), moved.first_offset()), (Some(Offset(7)), Some(Offset(8))));
    let (left, moved) = (alerts.into_bytes(), moved.into_bytes());
    assert_eq!((alerts_of(&left).1.len(), alerts_of(&moved).1.len()), (1, 1));
    assert_eq!(alerts_of(&moved).0, "fraud_alerts");
}

#[test]
fn the_document_s_tables_lead_through_alerts_too() {
    let written = documented_alerts().into_bytes();
    let mut walk = Walk { bytes: &written[..written.len() - CHECKSUM], seen: Vec::new() };
    walk.rows(&table("A chunk of alerts begins"));
    walk.rows(&table("An alert is"));
    walk.rows(&table("A summary is"));
    assert_eq!(walk.bytes, b"");
    let value = |name: &str| walk.seen.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((value("destination"), value("topic"), value("kind")), (Some("1"), Some("fraud_alerts"), Some("1")));
    assert_eq!((value("hits[].version"), value("hits[].detail")), (Some("0.1.0"), Some("\u{fc}")));
    assert_eq!((value("fields[].json"), value("codes[].records")), (Some("\"250000.00\""), Some("1")));
}
