//! Records and letters that are larger than the topics take, than the consumer asks for, than the configuration allows.

use std::collections::BTreeMap;

use crate::edges_topic::fixture::{self, Fixture, SOON, payment};
use weir_testkit::broker::{Place, Record};

const TEN_MB: usize = 10_000_000;

/// A payment whose JSON is this long, and does not compress: the queue's limit is one of what is sent.
fn padded(number: i64, size: usize) -> Record {
    let mut value = payment(number);
    assert_eq!(value.pop(), Some(b'}'));
    value.extend(br#","note":""#);
    let mut state = number as u64;
    while value.len() < size - 2 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        value.push(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state >> 58) as usize]);
    }
    value.extend(br#""}"#);
    let headers = vec![("trace".to_owned(), Some(b"one".to_vec()))];
    Record { key: Some(b"C1".to_vec()), value: Some(value), headers, ..Record::default() }
}

/// Code, length of the value and the mark of a cut one, by the place of its record; key and the record's own headers are
/// always there.
fn letters(pipeline: &Fixture) -> BTreeMap<Place, (String, usize, Option<String>)> {
    let mut found = BTreeMap::new();
    for (_, letter) in pipeline.read(&pipeline.queue()) {
        assert_eq!((letter.key.as_deref(), letter.header("trace")), (Some(&b"C1"[..]), Some("one")));
        let mark = letter.header("weir.value.cut").map(str::to_owned);
        let value = letter.value.as_deref().expect("no letter here is a tombstone");
        assert!(value.starts_with(br#"{"event_time":17672"#), "the beginning is kept");
        let seen = (letter.header("weir.code").unwrap().to_owned(), value.len(), mark);
        assert_eq!(found.insert(pipeline.place(&letter), seen), None, "a letter twice");
    }
    found
}

/// Whole, or cut to no less than the limit allows and marked with the length that it had.
fn is_kept(letter: &(String, usize, Option<String>), code: &str, length: usize, limit: usize) {
    assert_eq!(letter.0, code);
    match &letter.2 {
        None => assert_eq!(letter.1, length),
        Some(mark) => {
            assert_eq!(mark, &length.to_string());
            assert!(letter.1 < limit && letter.1 + 3_000 > limit, "{} bytes of {length}, limit {limit}", letter.1);
        }
    }
    assert_eq!(letter.2.is_some(), length > limit, "{letter:?}");
}

#[test]
fn a_letter_above_the_queues_limit_is_cut_also_when_the_limit_is_lowered_while_the_engine_runs() {
    let pipeline = fixture::pipeline("lowered").with(r#"max_record = "64KiB""#, r#"max_record = "900KB""#);
    let mut engine = pipeline.start();
    let mut sent = Vec::new();
    let mut send = |size: usize, limit: usize| sent.push((pipeline.send(0, &padded(3, size)), size, limit));
    // TestPipeline::on made the queue so.
    [1_000, 150_000, 800_000].into_iter().for_each(|size| send(size, 200_000));
    pipeline.until_all_is_committed(&mut engine, SOON);
    pipeline.configure(&pipeline.queue(), &[("max.message.bytes", "20000")]);
    [1_000, 15_000, 30_000, 150_000, 800_000].into_iter().for_each(|size| send(size, 20_000));
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    let letters = letters(&pipeline);
    assert_eq!(letters.len(), sent.len());
    for (place, size, limit) in sent {
        is_kept(&letters[&place], "AMOUNT_NEGATIVE", size, limit);
    }
}

#[test]
fn a_record_of_ten_megabytes_is_a_letter_or_judged_as_max_record_says_and_holds_nothing_up() {
    let pipeline = fixture::pipeline("large");
    pipeline.configure(&pipeline.topic(), &[("max.message.bytes", "12000000")]);
    pipeline.fill(0, 0..3);
    let oversize = pipeline.send(0, &padded(7, TEN_MB));
    pipeline.fill(0, 4..10);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    assert_eq!(pipeline.counted(), 9);
    let pipeline = pipeline.with(r#"max_record = "64KiB""#, r#"max_record = "16MiB""#);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let negative = pipeline.send(0, &padded(13, TEN_MB));
    pipeline.send(0, &padded(8, TEN_MB));
    pipeline.fill(0, 4..10);
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    assert_eq!(pipeline.counted(), 9 + 1 + 6, "the valid one of ten megabytes and those behind it");
    let letters = letters(&pipeline);
    assert_eq!(letters.keys().collect::<Vec<_>>(), [&oversize, &negative]);
    is_kept(&letters[&oversize], "OVERSIZE", TEN_MB, 200_000);
    is_kept(&letters[&negative], "AMOUNT_NEGATIVE", TEN_MB, 200_000);
}
