//! Letters there and back.

mod alerts;

use super::write::VALUE;
use super::*;
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
