//! The oracle has eyes: each difference that a broken engine could leave is made by hand, and it must be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;

use crate::alone;
use crate::flow::{Flow, is_blocked};
use weir_testkit::broker::Record;
use weir_testkit::oracle::alerts::Check;
use weir_testkit::oracle::{all_is_exact, flagged};
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;

/// What is changed in the tables, how it is undone, and what the oracle says.
const TABLES: [(&str, &str, &str, &str); 6] = [
    ("a record counted twice", "records = records + 1", "records = records - 1", "records in risk_stats"),
    ("a record lost", "records = records - 1", "records = records + 1", "records in risk_stats"),
    ("a cent too much", "amount_sum = amount_sum + 0.01", "amount_sum = amount_sum - 0.01", "differ"),
    ("another least amount", "amount_min = amount_min - 1", "amount_min = amount_min + 1", "differ"),
    ("another greatest amount", "amount_max = amount_max + 1", "amount_max = amount_max - 1", "differ"),
    ("flagged by another revision", "flagged = flagged + 1", "flagged = flagged - 1", "differ"),
];

#[test]
fn the_oracle_sees_each_difference() {
    let _alone = alone();
    let pipeline = TestPipeline::on(Arc::new(Stack::up()), "eyes", PAYSIM, &RULES).with_alerts(2, "count");
    judged_with_a_swap(&pipeline);
    let compared = all_is_exact(&pipeline, &BTreeSet::new(), is_blocked);
    assert!(compared.letters > 0 && compared.revisions > 1, "{} {}", compared.letters, compared.revisions);

    for (what, change, undo, says) in TABLES {
        let row = "ORDER BY window_start, type LIMIT 1";
        pipeline.sql(&format!("UPDATE risk_stats SET {change} {row}"));
        sees(&pipeline, what, says);
        pipeline.sql(&format!("UPDATE risk_stats SET {undo} {row}"));
    }
    moved_between_windows(&pipeline);
    judged_by_another_revision(&pipeline);
    all_is_exact(&pipeline, &BTreeSet::new(), is_blocked);

    alerts_are_seen(&pipeline);

    // What is in Kafka stays there: from here on each difference adds to the one before, and the newest is told first.
    let letters: BTreeMap<_, Record> = pipeline.read(&pipeline.queue());
    let of_dirt = |letter: &&Record| letter.header("weir.code") == Some("PARSE_JSON");
    let newest = |letter: &&Record| letter.header("weir.revision").and_then(|revision| revision.parse::<u64>().ok());
    let letter = letters.values().filter(of_dirt).max_by_key(newest).expect("the flow sends broken JSON");
    let end = pipeline
        .read(&pipeline.topic())
        .into_keys()
        .filter(|(partition, _)| *partition == 0)
        .map(|(_, at)| at + 1)
        .max();
    let end = end.expect("records");

    let dirt = Record { timestamp: Some(1), key: Some(b"C1".to_vec()), value: Some(b"{".to_vec()), headers: vec![] };
    send(&pipeline, &pipeline.topic(), &dirt);
    sees(&pipeline, "a dirty record without its letter", "1 missing");
    send(&pipeline, &pipeline.queue(), &letter_of(letter, &dirt, end, "FIELD_KIND"));
    sees(&pipeline, "a letter with another code", r#"should be Some("PARSE_JSON")"#);
    send(&pipeline, &pipeline.topic(), &dirt);
    send(&pipeline, &pipeline.topic(), &dirt);
    send(&pipeline, &pipeline.queue(), &letter_of(letter, &dirt, end + 2, "PARSE_JSON"));
    send(&pipeline, &pipeline.queue(), &letter_of(letter, &dirt, end + 1, "PARSE_JSON"));
    sees(&pipeline, "letters in another order than their records", "behind offset");
    send(&pipeline, &pipeline.queue(), &letter_of(letter, &dirt, end, "PARSE_JSON"));
    sees(&pipeline, "a letter twice", "1 twice");
}

/// Differences of alerts that a broken engine could leave, each in a topic of its own.
fn alerts_are_seen(pipeline: &TestPipeline) {
    let whole: Vec<Record> = pipeline.read(&pipeline.alerts()).into_values().collect();
    let text = |record: &Record| String::from_utf8(record.value.clone().expect("JSON")).expect("text");
    let is_alert = |record: &Record| text(record).starts_with(r#"{"kind":"alert""#);
    let first = |alert: bool| whole.iter().position(|record| is_alert(record) == alert).expect("some of both");
    let (alert, summary) = (first(true), first(false));
    let changed = |at: usize, from: &str, to: &str| {
        let mut all = whole.clone();
        let before = text(&all[at]);
        assert!(before.contains(from), "{before}");
        all[at].value = Some(before.replacen(from, to, 1).into_bytes());
        all
    };
    let (mut lost, mut uncounted, mut twice) = (whole.clone(), whole.clone(), whole.clone());
    lost.remove(alert);
    uncounted.remove(summary);
    twice.insert(alert, whole[alert].clone());
    let cases = [
        ("an alert lost", lost, "missing"),
        ("a count lost", uncounted, "missing"),
        ("an alert twice", twice, "twice"),
        ("an alert with another amount", changed(alert, "\"amount\":\"", "\"amount\":\"9"), "is not so"),
        ("an alert of another revision", changed(alert, "\"revision\":", "\"revision\":9"), "is not so"),
        ("a count too high", changed(summary, "\"records\":", "\"records\":1"), "a summary of"),
        ("a record that is not flagged", changed(alert, "\"offset\":", "\"offset\":99"), "not flagged"),
    ];
    let wanted = flagged(pipeline, is_blocked);
    let seen = |messages: &[Record]| {
        catch_unwind(AssertUnwindSafe(|| {
            let mut check = Check::new(&wanted, pipeline.topic(), true);
            for message in messages {
                check.see(message);
            }
            check.end()
        }))
    };
    assert!(seen(&whole).is_ok(), "as they are");
    for (what, messages, says) in cases {
        let why = seen(&messages).err().unwrap_or_else(|| panic!("{what}: not seen"));
        let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(why.contains(says), "{what}: {why}");
    }
}

/// What the engine would have sent for a record of partition 0.
fn letter_of(like: &Record, record: &Record, offset: i64, code: &str) -> Record {
    let own = |(name, value): &(String, Option<Vec<u8>>)| {
        let value = match name.as_str() {
            "__dlq.errors.partition" => Some(b"0".to_vec()),
            "__dlq.errors.offset" => Some(offset.to_string().into_bytes()),
            "weir.source.timestamp" => record.timestamp.map(|time| time.to_string().into_bytes()),
            "weir.code" => Some(code.as_bytes().to_vec()),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    Record { headers: like.headers.iter().map(own).collect(), ..record.clone() }
}

fn judged_with_a_swap(pipeline: &TestPipeline) {
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let flow = Flow::start(pipeline, 1, 2_000);
    engine.until("records are judged", Duration::from_secs(60), || pipeline.position() > 1_000);
    pipeline.patch("/rules/high_amount", &json!({ "parameters": { "limit": "50" } }));
    let at = pipeline.position();
    engine.until("records are judged by it", Duration::from_secs(60), || pipeline.position() > at + 4_000);
    flow.stop();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    engine.stop();
}

/// The sums stay right in all, not in each.
fn moved_between_windows(pipeline: &TestPipeline) {
    let rows = pipeline.sql("SELECT window_start, HEX(group_id) FROM risk_stats ORDER BY window_start, type LIMIT 2");
    let shift = |by: [i32; 2]| {
        for (row, by) in rows.iter().zip(by) {
            let key = format!("window_start = '{}' AND group_id = UNHEX('{}')", row[0], row[1]);
            pipeline.sql(&format!("UPDATE risk_stats SET records = records + {by} WHERE {key}"));
        }
    };
    shift([1, -1]);
    sees(pipeline, "a record in another window", "2 of");
    shift([-1, 1]);
}

/// The audit says of some records that the other revision judged them.
fn judged_by_another_revision(pipeline: &TestPipeline) {
    let swap = "revision = (SELECT MAX(revision) FROM (SELECT revision FROM weir_activation) all_of_them)";
    pipeline.sql(&format!("UPDATE weir_activation SET first_offset = first_offset + 900 WHERE {swap}"));
    sees(pipeline, "records judged by another revision than the table says", "differ");
    pipeline.sql(&format!("UPDATE weir_activation SET first_offset = first_offset - 900 WHERE {swap}"));
}

fn sees(pipeline: &TestPipeline, what: &str, says: &str) {
    let why = match catch_unwind(AssertUnwindSafe(|| all_is_exact(pipeline, &BTreeSet::new(), is_blocked))) {
        Ok(_) => panic!("{what}: not seen"),
        Err(why) => why.downcast_ref::<String>().cloned().unwrap_or_default(),
    };
    assert!(why.contains(says), "{what}: {why}");
}

/// To partition 0.
fn send(pipeline: &TestPipeline, topic: &str, record: &Record) {
    let producer: BaseProducer = pipeline.kafka().create().expect("a producer");
    let mut headers = rdkafka::message::OwnedHeaders::new();
    for (key, value) in &record.headers {
        headers = headers.insert(rdkafka::message::Header { key, value: value.as_deref() });
    }
    let mut out = BaseRecord::to(topic).partition(0).headers(headers);
    (out.key, out.timestamp) = (record.key.as_deref(), record.timestamp);
    if let Some(value) = &record.value {
        out = out.payload(value);
    }
    producer.send(out).map_err(|(why, _)| why).expect("the queue has room");
    producer.flush(Duration::from_secs(30)).expect("the broker takes it");
}
