//! Letters there and back.

use super::write::VALUE;
use super::*;
use crate::model::alert::{Alert, AlertField, AlertHit, AlertMessage, NotSent};
use crate::model::finding::{Effect, Stage};
use crate::model::ids::{Offset, Revision, Sha256};
use crate::model::letter::{Cut, Hit, Reason, Source};
use crate::outbox::destination::Destination;

fn reason() -> Reason<'static> {
    Reason {
        stage: Stage::Rule,
        code: "AMOUNT_NEGATIVE",
        message: "amount -1 < 0".into(),
        rule: Some(("negative_amount", Sha256([9; 32]))),
        revision: Revision(3),
        hits: vec![Hit { rule: "r", code: "C", effect: Effect::Flag, detail: "ü" }],
        more: 0,
    }
}

fn two_letters() -> Vec<u8> {
    let mut letters = Letters::default();
    let headers: &[(&str, Option<&[u8]>)] = &[("trace", Some(b"\xff\x00")), ("empty", None)];
    let full = Source { offset: Offset(7), timestamp: 5, key: Some(b""), value: Some(b"{\"a\":1}"), headers };
    letters.push(&full, &reason());
    let tombstone = Source { offset: Offset(8), timestamp: -1, key: None, value: None, headers: &[] };
    letters.push(&tombstone, &Reason { rule: None, stage: Stage::Decode, hits: vec![], ..reason() });
    assert_eq!(letters.first_offset(), Some(Offset(7)));
    letters.into_bytes()
}

#[test]
fn a_letter_comes_back_as_it_was() {
    let chunk = two_letters();
    let letters = decode(&chunk).unwrap();
    assert_eq!(letters[0].key, Some(&b""[..]), "an empty key is not a missing one");
    assert_eq!(letters[0].headers[1], ("empty", None));
    assert_eq!(letters[0].reason, reason());
    assert_eq!(letters[0].cut, Cut::default());
    assert_eq!((letters[1].offset, letters[1].value), (Offset(8), None));
}

#[test]
fn a_chunk_that_is_cut_or_of_which_any_bit_differs_is_damaged() {
    let whole = two_letters();
    assert_eq!(check(&whole), Ok(()));
    for end in 0..whole.len() {
        assert!(check(&whole[..end]).is_err(), "cut at {end}");
    }
    for at in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(check(&changed).is_err(), "bit {at}");
    }
}

/// The two letters of the document, with so many hits that are not listed.
fn documented(destination: Destination, more: u32) -> Letters {
    let mut letters = Letters::to(destination);
    let headers: &[(&str, Option<&[u8]>)] = &[("trace", Some(b"\xff\x00")), ("empty", None)];
    let (key, value): (&[u8], &[u8]) = (b"C1", b"{\"amount\":-1}");
    let (offset, timestamp) = (Offset(7), 1_700_000_000_000);
    let rejected = Source { offset, timestamp, key: Some(key), value: Some(value), headers };
    let hit = |rule, code, effect, detail| Hit { rule, code, effect, detail };
    let hits = vec![
        hit("negative_amount", "AMOUNT_NEGATIVE", Effect::DeadLetter, "amount -1 < 0"),
        hit("watched", "SEEN", Effect::Flag, "ü"),
    ];
    letters.push(&rejected, &Reason { hits, more, ..reason() });
    let tombstone = Source { offset: Offset(8), timestamp: -1, key: None, value: None, headers: &[] };
    let (stage, code, message) = (Stage::Decode, "PARSE_JSON", "no value".into());
    letters.push(&tombstone, &Reason { stage, code, message, rule: None, hits: vec![], ..reason() });
    letters
}

const FORMATS: &str = include_str!("../../../../docs/formats.md");

/// The example of that version in docs/formats.md.
fn example(version: u8) -> Vec<u8> {
    let (_, after) = FORMATS.split_once(&format!("```hex version={version}\n")).expect("an example of each version");
    let (hex, _) = after.split_once("```").expect("its end");
    hex::decode(hex.split_whitespace().collect::<String>()).expect("hex")
}

#[test]
fn what_is_written_is_the_example_of_the_document() {
    let written = documented(Destination::DEAD_LETTERS, 2).into_bytes();
    assert_eq!(hex::encode(&written), hex::encode(example(VERSION)));
}

/// Each of these examples was made by the code that wrote that version.
#[test]
fn chunks_of_the_versions_before_are_read() {
    let all_listed = documented(Destination::DEAD_LETTERS, 0).into_bytes();
    let newest = documented(Destination::DEAD_LETTERS, 2).into_bytes();
    for (version, same) in
        [(DEAD_LETTERS_ONLY, &newest), (ALL_HITS, &all_listed), (SHA, &all_listed), (UNSUMMED, &all_listed)]
    {
        let old = example(version);
        assert_eq!((old[0], check(&old)), (version, Ok(())));
        assert_eq!(decode(&old), decode(same), "version {version}");
        assert_eq!(read(&old).unwrap().destination(), Destination::DEAD_LETTERS);
    }
    let refused = check(&[1]).unwrap_err().to_string();
    assert!(refused.contains("version 6, 5, 4, 3 or 2"), "{refused}");
}

#[test]
fn a_chunk_says_where_its_letters_go() {
    let mut letters = documented(Destination(7), 0);
    let moved = letters.split(letters.len() - 1, Offset(8));
    for chunk in [letters.into_bytes(), moved.into_bytes()] {
        assert_eq!(read(&chunk).unwrap().destination(), Destination(7));
    }
    assert!(read(&[VERSION]).is_err() && check(&[VERSION, 0]).is_err(), "cut in its first bytes");
}

/// Rows of the document's table of that heading: field and type.
fn table(after: &str) -> Vec<(&'static str, &'static str)> {
    let (_, text) = FORMATS.split_once(after).expect("the heading");
    let rows = text.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    let cell = |row: &'static str, at: usize| row.split('|').nth(at).expect("three cells").trim().trim_matches('`');
    rows.map(|row| (cell(row, 1), cell(row, 2))).collect()
}

/// Reads bytes by the types of the document alone.
struct Walk<'a> {
    bytes: &'a [u8],
    /// Name and value of all fields so far.
    seen: Vec<(String, String)>,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, left) = self.bytes.split_at(count);
        self.bytes = left;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn rows(&mut self, rows: &[(&str, &str)]) {
        let mut at = 0;
        while let Some((name, kind)) = rows.get(at) {
            let below = rows[at + 1..].iter().take_while(|(row, _)| row.starts_with(&format!("{name}[]"))).count();
            at += 1;
            let value = match *kind {
                "u8" => self.take(1)[0].to_string(),
                "u32" => self.u32().to_string(),
                "u64" | "i64" => self.i64().to_string(),
                "length" => match self.i64() {
                    -1 => "none".to_owned(),
                    some => some.to_string(),
                },
                "bytes" | "text" | "bytes?" | "text?" => match self.u32() {
                    u32::MAX if kind.ends_with('?') => "none".to_owned(),
                    count => String::from_utf8_lossy(self.take(count as usize)).into_owned(),
                },
                "sha256" if self.seen.last().is_some_and(|(_, rule)| rule == "none") => continue,
                "sha256" => hex::encode(self.take(32)),
                "count" => self.u32().to_string(),
                other => panic!("the document has no type {other:?}"),
            };
            self.seen.push(((*name).to_owned(), value.clone()));
            if *kind == "count" {
                (0..value.parse::<usize>().unwrap()).for_each(|_| self.rows(&rows[at..at + below]));
                at += below;
            }
        }
    }
}

#[test]
fn the_document_s_tables_lead_through_what_is_written() {
    let written = example(VERSION);
    let mut walk = Walk { bytes: &written[..written.len() - CHECKSUM], seen: Vec::new() };
    walk.rows(&table("### Version 6"));
    while !walk.bytes.is_empty() {
        walk.rows(&table("Then letters up to the checksum"));
    }
    #[rustfmt::skip]
    let wanted = [
        ("version", "6"), ("destination", "0"),
        ("offset", "7"), ("timestamp", "1700000000000"),
        ("cut.key", "none"), ("cut.value", "none"), ("cut.headers", "none"),
        ("key", "C1"), ("value", "{\"amount\":-1}"), ("headers", "2"),
        ("headers[].name", "trace"), ("headers[].value", "\u{fffd}\0"),
        ("headers[].name", "empty"), ("headers[].value", "none"),
        ("stage", "1"), ("code", "AMOUNT_NEGATIVE"), ("message", "amount -1 < 0"),
        ("rule", "negative_amount"), ("rule.sha256", &"09".repeat(32)), ("revision", "3"), ("hits", "2"),
        ("hits[].rule", "negative_amount"), ("hits[].code", "AMOUNT_NEGATIVE"), ("hits[].effect", "0"),
        ("hits[].detail", "amount -1 < 0"),
        ("hits[].rule", "watched"), ("hits[].code", "SEEN"), ("hits[].effect", "1"), ("hits[].detail", "ü"),
        ("more", "2"),
        ("offset", "8"), ("timestamp", "-1"),
        ("cut.key", "none"), ("cut.value", "none"), ("cut.headers", "none"),
        ("key", "none"), ("value", "none"), ("headers", "0"),
        ("stage", "0"), ("code", "PARSE_JSON"), ("message", "no value"), ("rule", "none"), ("revision", "3"),
        ("hits", "0"), ("more", "0"),
    ];
    let wanted: Vec<_> = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(walk.seen, wanted);
}

#[test]
fn how_many_hits_are_not_listed_comes_back() {
    let source = Source { offset: Offset(7), timestamp: 5, key: None, value: Some(b"{}"), headers: &[] };
    let mut letters = Letters::default();
    letters.push(&source, &Reason { more: 236, ..reason() });
    letters.push(&source, &reason());
    let chunk = letters.into_bytes();
    let more: Vec<_> = decode(&chunk).unwrap().iter().map(|letter| letter.reason.more).collect();
    assert_eq!(more, [236, 0]);
}

#[test]
fn a_chunk_of_version_3_of_which_any_byte_differs_is_damaged() {
    let whole = example(SHA);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 16;
        assert!(check(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn reading_ends_with_what_is_damaged() {
    let whole = example(UNSUMMED);
    let read: Vec<_> = read(&whole[..whole.len() - 1]).unwrap().collect();
    assert!(matches!(read[..], [Ok(_), Err(Damaged { .. })]), "{read:?}");
}

#[test]
fn what_no_outbox_row_can_hold_is_cut_and_its_length_kept() {
    let large = vec![b'x'; 20 << 20];
    let headers: &[(&str, Option<&[u8]>)] = &[("big", Some(&large))];
    let source = Source { offset: Offset(7), timestamp: 5, key: Some(&large), value: Some(&large), headers };
    let mut letters = Letters::default();
    letters.push(&source, &reason());
    assert!(letters.len() < 12 << 20, "{} bytes", letters.len());
    let chunk = letters.into_bytes();
    let letter = decode(&chunk).unwrap().remove(0);
    assert_eq!(letter.cut, Cut { key: Some(20 << 20), value: Some(20 << 20), headers: Some((20 << 20) + 3) });
    assert_eq!(letter.value.map(|value| value.len()), Some(VALUE));
    assert_eq!((letter.headers, letter.reason), (vec![], reason()));
}

#[test]
fn the_last_letter_moves_to_a_chunk_of_its_own() {
    let source = |offset| Source { offset: Offset(offset), timestamp: 5, key: None, value: Some(b"{}"), headers: &[] };
    let (mut letters, mut first_alone) = (Letters::default(), Letters::default());
    first_alone.push(&source(7), &reason());
    letters.push(&source(7), &reason());
    let end = letters.len();
    letters.push(&source(8), &reason());
    let moved = letters.split(end, Offset(8));
    assert_eq!(moved.first_offset(), Some(Offset(8)));
    let offsets = |letters: Letters| -> Vec<_> {
        decode(&letters.into_bytes()).unwrap().into_iter().map(|letter| letter.offset.0).collect()
    };
    assert_eq!(letters.clone().into_bytes(), first_alone.into_bytes());
    assert_eq!((offsets(letters), offsets(moved)), (vec![7], vec![8]));
}

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
    let (key, value) = (vec![b'k'; write::KEY + 1], vec![b'v'; VALUE + 1]);
    let mut alerts = Alerts::to("fraud_alerts");
    let messages = documented_alerts().into_bytes();
    let (_, messages) = alerts_of(&messages);
    let AlertMessage::Alert(small) = &messages[0] else { panic!("an alert") };
    alerts.push(&Alert { key: Some(&key), value: Some(&value), ..small.clone() });
    let chunk = alerts.into_bytes();
    let (_, messages) = alerts_of(&chunk);
    let AlertMessage::Alert(cut) = &messages[0] else { panic!("an alert") };
    assert_eq!((cut.key.map(<[u8]>::len), cut.value.map(<[u8]>::len)), (Some(write::KEY), Some(VALUE)));
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
