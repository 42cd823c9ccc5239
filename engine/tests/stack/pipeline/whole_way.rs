//! Every kind of dirt on its way through the real services: windows, letters and offsets are exact.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use weir_testkit::broker::{PARTITIONS, Record};
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::{Database, PAYSIM, RULES, TestPipeline, run, shared};
use weir_testkit::stack::mysql8::Mysql8;
use weir_testkit::stack::root;

#[test]
fn the_whole_way_equals_the_truth_to_the_cent() {
    let records = std::env::var("WEIR_WHOLE_RECORDS").map_or(300_000, |text| text.parse().expect("a number"));
    equals_the_truth(&TestPipeline::new("whole"), records);
}

#[test]
fn the_whole_way_into_a_mysql_8_equals_the_truth_to_the_cent() {
    let server = Mysql8::start();
    let database = Database { url: server.bare_url(), client: server.client() };
    let pipeline = TestPipeline::on_database(shared(), database, "whole_mysql8", PAYSIM, &RULES)
        .with("[sink]", "[sink]\nretention = \"11years\"");
    // The tables as somebody else makes them, and a window that is old enough to go.
    pipeline.sql(&run(&mut pipeline.command("schema", &pipeline.config())));
    pipeline.sql(
        "INSERT INTO risk_stats (window_start, window_end, type, group_id, records, flagged, late, updated_at) VALUES \
         ('2001-01-01', '2001-01-01 00:00:05', 'DEBIT', UNHEX(MD5('x')), 1, 0, 0, '2001-01-01')",
    );
    equals_the_truth(&pipeline, 100_000);
}

/// So many generated records, and the odd ones.
fn equals_the_truth(pipeline: &TestPipeline, records: u32) {
    let generated = Generated::new(pipeline, records, 7, &[]);
    generated.produce(pipeline);
    let mut odd = BTreeMap::new();
    for (number, (code, record)) in odd_records().into_iter().enumerate() {
        odd.insert(pipeline.send(number as i32 % PARTITIONS, &record), (code, record));
    }
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(120));
    let old = || pipeline.sql("SELECT COUNT(*) FROM risk_stats WHERE window_start < '2002-01-01'");
    engine.until("windows beyond sink.retention are gone", Duration::from_secs(10), || old() == [["0"]]);
    engine.stop();

    pipeline.windows_are("type", &generated.windows);
    let source = pipeline.read(&pipeline.topic());
    assert_eq!(source.len(), records as usize + odd.len());
    let mut want = generated.dirty(&source);
    for (place, (code, record)) in odd {
        let stands = &source[&place];
        let sent = (&record.key, &record.value, &record.headers);
        assert_eq!((&stands.key, &stands.value, &stands.headers), sent, "what was sent to {place:?}");
        want.insert(place, code.to_owned());
    }
    pipeline.letters_are(&source, &want);
    kafkas_own_tool_finds_no_lag(pipeline);
    let left: Vec<Vec<String>> = pipeline.sql("SELECT COUNT(*) FROM weir_outbox");
    assert_eq!(left, [["0"]], "a clean stop leaves no outbox");
}

/// Records that no generator of ours makes: each is a dead letter, whatever its key, value and headers are.
fn odd_records() -> Vec<(&'static str, Record)> {
    let negative =
        br#"{"event_time":1767225600000,"type":"DEBIT","amount":-1.00,"name_orig":"C1","name_dest":"M1"}"#.to_vec();
    let record = |key: Option<&[u8]>, value: Option<Vec<u8>>, headers: Vec<(&str, Option<&[u8]>)>| Record {
        timestamp: None,
        key: key.map(<[u8]>::to_vec),
        value,
        headers: headers.into_iter().map(|(k, v)| (k.to_owned(), v.map(<[u8]>::to_vec))).collect(),
    };
    let large = |size: usize| Some([negative.clone(), vec![b' '; size]].concat());
    let traces: Vec<(&str, Option<&[u8]>)> = vec![
        ("trace", Some(b"one")),
        ("trace", Some(b"two")),
        ("none", None),
        ("empty", Some(b"")),
        ("binary", Some(&[0, 0xff, 0xc3, 0x28])),
        ("ümlaut", Some("ü".as_bytes())),
    ];
    // A letter that somebody sent back to the source carries the headers of its first fault.
    let again: Vec<(&str, Option<&[u8]>)> =
        vec![("weir.code", Some(b"LATE")), ("__dlq.errors.offset", Some(b"99")), ("weir.rule", Some(b"gone"))];
    vec![
        ("AMOUNT_NEGATIVE", record(None, Some(negative.clone()), traces.clone())),
        ("AMOUNT_NEGATIVE", record(Some(b""), Some(negative.clone()), vec![])),
        ("AMOUNT_NEGATIVE", record(Some(&[0, 0xff, 0xfe]), Some(negative.clone()), again.clone())),
        ("PARSE_JSON", record(Some(b"tombstone"), None, traces.clone())),
        ("PARSE_JSON", record(None, None, vec![])),
        ("PARSE_JSON", record(Some(b"empty"), Some(vec![]), vec![("trace", None)])),
        ("PARSE_JSON", record(Some(b"utf8"), Some(b"{\"type\":\"\xff\xfe\"}".to_vec()), again)),
        ("PARSE_JSON", record(Some(b"binary"), Some(vec![0, 1, 2, 0xff]), traces.clone())),
        ("OVERSIZE", record(Some(b"large"), large(100_000), traces.clone())),
        ("OVERSIZE", record(Some(&[b'k'; 70_000]), Some(negative.clone()), vec![])),
        // Beyond what the dead-letter topic takes: the value is cut and says so.
        ("OVERSIZE", record(Some(b"larger"), large(600_000), traces)),
    ]
}

/// `kafka-consumer-groups --describe`: one line a partition, ending where the log ends.
fn kafkas_own_tool_finds_no_lag(pipeline: &TestPipeline) {
    let said = run(Command::new(root().join("stack/kafka")).arg("consumer.group.ConsumerGroupCommand").args([
        "--bootstrap-server",
        pipeline.stack.brokers(),
        "--describe",
        "--group",
        &pipeline.group(),
    ]));
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    let header = lines.iter().find(|line| line.contains(&"LAG")).unwrap_or_else(|| panic!("no table: {said}"));
    let column = |name: &str| header.iter().position(|known| *known == name).expect("a column of Kafka's tool");
    let (lag, at, end) = (column("LAG"), column("CURRENT-OFFSET"), column("LOG-END-OFFSET"));
    let topic = pipeline.topic();
    let rows: Vec<_> = lines.iter().filter(|line| line.contains(&topic.as_str())).collect();
    assert_eq!(rows.len(), PARTITIONS as usize, "{said}");
    for row in rows {
        assert_eq!((row[lag], row[at]), ("0", row[end]), "{said}");
    }
}
