//! What a message holds, and what gives way when it is too long.

use std::collections::BTreeSet;

use rdkafka::message::Headers;

use super::*;
use crate::model::finding::Effect;
use crate::model::ids::{Offset, Revision};
use crate::model::letter::{Cut, Reason};

/// What is large is a piece of it.
static LARGE: &str = match std::str::from_utf8(&[b'x'; 1_000_000]) {
    Ok(text) => text,
    Err(_) => panic!(),
};

fn letter(value: usize) -> Letter<'static> {
    let reason = Reason {
        stage: Stage::Decode,
        code: "PARSE_JSON",
        message: "not JSON".into(),
        rule: None,
        revision: Revision(2),
        hits: vec![],
        more: 0,
    };
    let (value, headers) = (Some(&LARGE.as_bytes()[..value]), vec![("trace", None)]);
    Letter { offset: Offset(5), timestamp: 9, key: None, value, headers, cut: Cut::default(), reason }
}

/// The message under this limit, as it would be sent.
fn outgoing<'l>(letter: &'l Letter<'_>, limit: usize) -> Outgoing<'l> {
    let origin = Origin { topic: "finance_stream".into(), group: "weir".into() };
    Writer::new(&origin, Partition(3), limit).outgoing(letter)
}

fn header(message: &Outgoing<'_>, name: &str) -> Option<String> {
    let found = message.headers.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

#[test]
fn a_value_that_fits_is_sent_as_it_was() {
    let letter = letter(10_000);
    let message = outgoing(&letter, 100_000);
    assert_eq!(message.value.as_deref().map(<[u8]>::len), Some(10_000));
    assert_eq!(header(&message, VALUE_CUT), None);
    assert_eq!(header(&message, "__dlq.errors.partition").as_deref(), Some("3"));
    assert_eq!(message.headers.get(0).key, "trace", "the source's own headers come first");
}

#[test]
fn a_value_that_does_not_fit_is_cut_and_says_how_long_it_was() {
    let letter = letter(10_000);
    let message = outgoing(&letter, 5_000);
    assert!(message.value.as_ref().is_some_and(|value| value.len() < 5_000));
    assert_eq!(header(&message, VALUE_CUT).as_deref(), Some("10000"));
    assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
}

/// Two letters by one writer, of which the first leaves nothing in the second's headers.
#[test]
fn the_headers_are_these_in_this_order() {
    let origin = Origin { topic: "finance_stream".into(), group: "weir".into() };
    let mut writer = Writer::new(&origin, Partition(3), 100_000);
    let mut other = letter(10);
    other.reason.rule = Some(("other", Sha256([8; 32])));
    writer.outgoing(&other);
    let mut letter = letter(10);
    letter.reason.stage = Stage::Rule;
    letter.reason.rule = Some(("negative_amount", Sha256([9; 32])));
    let hit = |rule, effect, detail| Hit { rule, code: "C", effect, detail };
    letter.reason.hits = vec![hit("r", Effect::DeadLetter, "a \"quoted\" ü"), hit("s", Effect::Flag, "")];
    let message = writer.outgoing(&letter);
    let text = |header: rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.map(|value| String::from_utf8(value.to_vec()).unwrap()))
    };
    let got: Vec<_> = message.headers.iter().map(text).collect();
    let hits = r#"[{"rule":"r","code":"C","effect":"dead-letter","detail":"a \"quoted\" ü"},"#.to_owned()
        + r#"{"rule":"s","code":"C","effect":"flag"}]"#;
    let wanted = [
        ("trace", None),
        ("__dlq.errors.topic", Some("finance_stream")),
        ("__dlq.errors.partition", Some("3")),
        ("__dlq.errors.offset", Some("5")),
        ("__dlq.errors.group", Some("weir")),
        ("__dlq.errors.message", Some("not JSON")),
        ("weir.stage", Some("rule")),
        ("weir.code", Some("PARSE_JSON")),
        ("weir.revision", Some("2")),
        ("weir.hits", Some(&hits)),
        ("weir.source.timestamp", Some("9")),
        ("weir.rule", Some("negative_amount")),
        ("weir.rule.sha256", Some(&"09".repeat(32))),
    ];
    let wanted: Vec<_> = wanted.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).to_vec();
    assert_eq!(got, wanted);
}

/// docs/formats.md is what a consumer of the topic goes by.
#[test]
fn the_document_lists_every_header_that_a_letter_can_have() {
    let (_, text) =
        include_str!("../../../../docs/formats.md").split_once("| header | what it is |").expect("the table");
    let rows = text.lines().skip(2).take_while(|line| line.starts_with('|'));
    let documented: BTreeSet<_> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    let (mut plain, long) = (letter(10), large(900_000, 900_000, 900_000));
    plain.reason.rule = Some(("negative_amount", Sha256([9; 32])));
    plain.reason.more = 1;
    let messages = [outgoing(&plain, 100_000), outgoing(&long, 5_000)];
    let names = messages.iter().flat_map(|message| message.headers.iter()).map(|header| header.key);
    let ours: BTreeSet<_> = names.filter(|name| OURS.iter().any(|ours| name.starts_with(ours))).collect();
    assert_eq!(documented, ours);
}

fn size(message: &Outgoing<'_>) -> usize {
    let of = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
    let headers: usize = message.headers.iter().map(|header| header_size(header.key, of(header.value))).sum();
    headers + of(message.key) + of(message.value.as_deref())
}

#[test]
fn what_the_outbox_cut_is_marked_with_the_length_that_the_source_had() {
    let cut = Cut { key: Some(3_000_000), value: Some(20_000_000), headers: Some(4_000_000) };
    for limit in [5_000, 100_000] {
        let letter = Letter { cut, key: Some(&[1]), ..letter(10_000) };
        let message = outgoing(&letter, limit);
        let marks = [KEY_CUT, VALUE_CUT, HEADERS_CUT].map(|mark| header(&message, mark).unwrap());
        assert_eq!(marks, ["3000000", "20000000", "4000000"]);
        assert!(size(&message) <= limit, "{} bytes", size(&message));
    }
}

/// A kibibyte of value, and so much of the rest.
fn large(hits: usize, headers: usize, key: usize) -> Letter<'static> {
    let mut letter = letter(1_024);
    letter.reason.message = "m".repeat(100).into();
    letter.reason.hits = vec![Hit { code: "C", rule: "r", effect: Effect::DeadLetter, detail: &LARGE[..hits] }];
    letter.headers.push(("big", Some(&LARGE.as_bytes()[..headers])));
    letter.key = Some(&LARGE.as_bytes()[..key]);
    letter
}

#[test]
fn whatever_is_too_long_gives_way_until_the_letter_fits() {
    let limit = 5_000;
    let cases = [
        (large(9_000, 10, 10), vec![HITS_CUT]),
        (large(10, 9_000, 10), vec![HITS_CUT, HEADERS_CUT]),
        (large(10, 10, 9_000), vec![HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT]),
        (large(900_000, 900_000, 900_000), vec![HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT]),
        (large(10, 10, 10), vec![]),
    ];
    for (letter, wanted) in cases {
        let message = outgoing(&letter, limit);
        assert!(size(&message) <= limit, "{} bytes", size(&message));
        let marks = [HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT];
        let cut: Vec<_> = marks.into_iter().filter(|mark| header(&message, mark).is_some()).collect();
        assert_eq!(cut, wanted);
        assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
        assert_eq!(header(&message, "__dlq.errors.offset").as_deref(), Some("5"));
    }
}

#[test]
fn a_record_that_brings_headers_of_our_names_says_nothing_in_our_name() {
    let mut letter = letter(10);
    for name in ["weir.rule", "weir.code", "__dlq.errors.message", "weird", "source.weir.rule"] {
        letter.headers.push((name, Some(b"forged")));
    }
    let message = outgoing(&letter, 100_000);
    let forged: Vec<_> = message.headers.iter().filter(|header| header.value == Some(&b"forged"[..])).collect();
    let names: Vec<_> = forged.iter().map(|header| header.key).collect();
    let wanted = ["source.weir.rule", "source.weir.code", "source.__dlq.errors.message", "weird", "source.weir.rule"];
    assert_eq!(names, wanted);
    assert_eq!(header(&message, "weir.rule"), None, "no rule decided");
    assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
    assert!(size(&message) <= message.size, "the longer names count");
}

#[test]
fn hits_that_are_not_listed_are_counted_in_a_header() {
    let mut letter = letter(10);
    assert_eq!(header(&outgoing(&letter, 100_000), MORE), None);
    letter.reason.more = 236;
    assert_eq!(header(&outgoing(&letter, 100_000), MORE).as_deref(), Some("236"));
}
