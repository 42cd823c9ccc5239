//! A record by its position, and letters by what is asked of them.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir::config::Properties;
use weir::kafka::{AtPosition, Cluster, StoredRecord, record_at};
use weir::outbox::{Filter, Wanted, tail_filtered};

use crate::kafka::fixture::Fixture;
use crate::kafka::produce;

const PATIENCE: Duration = weir_testkit::wait::STILL;

/// A letter of each record, of this rule and version, written at this time, in the partition that a letter has.
pub(super) fn letters(fixture: &Fixture, of: &[(i32, i64, &str, &str, i64)]) {
    let producer: BaseProducer = fixture.client().create().unwrap();
    for (partition, offset, rule, sha256, written) in of {
        let (from, at) = (partition.to_string(), offset.to_string());
        let headers = [
            ("weir.code", "FORGED"),
            ("weir.code", "AMOUNT_NEGATIVE"),
            ("weir.rule", rule),
            ("weir.rule.sha256", sha256),
            ("__dlq.errors.partition", &from),
            ("__dlq.errors.offset", &at),
        ];
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        let key = format!("key-{at}");
        let record = BaseRecord::to(&fixture.letters.topic).partition(partition % 2).key(&key).payload("{}");
        producer.send(record.headers(headers).timestamp(*written)).map_err(|(why, _)| why).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_holds_a_record_or_it_is_said_why_not() {
    let fixture = Fixture::new("positions", &[]).await;
    produce(&fixture);
    let at = |text: &str| {
        let (brokers, none) = (fixture.source.brokers.as_str(), Properties::default());
        let cluster = Cluster { brokers, properties: &none, keys: ("--brokers", "-X") };
        tokio::task::block_in_place(|| record_at(cluster, &fixture.source.topic, text.parse().unwrap(), PATIENCE))
    };
    let record = StoredRecord {
        partition: 0,
        offset: 5,
        timestamp: 1_234,
        key: Some(b"gone".to_vec()),
        value: None,
        headers: Vec::new(),
    };
    assert_eq!(at("0@5").unwrap(), AtPosition::Record(record), "a tombstone is a record");
    let AtPosition::Record(with_headers) = at("0@6").unwrap() else { panic!("a record") };
    let names: Vec<_> = with_headers.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        (names, with_headers.headers[1].1.as_deref()),
        (vec!["twice", "twice", "null", "empty"], Some(&b"\xff\x00"[..]))
    );
    for mark_or_aborted in ["0@1", "0@2", "0@3", "0@7"] {
        assert_eq!(at(mark_or_aborted).unwrap(), AtPosition::NoRecord, "{mark_or_aborted}");
    }
    assert_eq!(at("0@8").unwrap(), AtPosition::NotWritten { next: 8 });
    assert_eq!(at("1@0").unwrap(), AtPosition::NotWritten { next: 0 });
    assert_eq!(at("2@0").unwrap(), AtPosition::NoPartition { partitions: 2 });

    let admin: AdminClient<DefaultClientContext> = fixture.client().create().unwrap();
    let mut until = TopicPartitionList::new();
    until.add_partition_offset(&fixture.source.topic, 0, rdkafka::Offset::Offset(4)).unwrap();
    admin.delete_records(&until, &AdminOptions::new()).await.unwrap();
    assert_eq!(at("0@0").unwrap(), AtPosition::Deleted { first: 4 });
    assert!(matches!(at("0@4").unwrap(), AtPosition::Record(_)));

    let (brokers, none) = ("127.0.0.1:1", Properties::default());
    let away = Cluster { brokers, properties: &none, keys: ("--brokers", "-X") };
    let short = Duration::from_secs(1);
    let away = tokio::task::block_in_place(|| record_at(away, "any", "0@0".parse().unwrap(), short));
    assert!(away.unwrap_err().to_string().starts_with("no answer from Kafka at 127.0.0.1:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_found_by_rule_version_record_key_and_time() {
    let fixture = Fixture::new("filtered", &[]).await;
    letters(
        &fixture,
        &[
            (0, 10, "a", "ab12", 1_000_000),
            (1, 10, "a", "ab12", 2_000_000),
            (0, 11, "a", "cd34", 3_000_000),
            (2, 10, "b", "ab12", 4_000_000),
            (0, 12, "b", "cd34", 5_000_000),
        ],
    );
    let find = |filter: &Filter, limit: usize| {
        let (topic, none) = (fixture.letters.topic.as_str(), Properties::default());
        let wanted =
            Wanted { topic, limit, code: Some("AMOUNT_NEGATIVE"), within: PATIENCE, text: 99, bytes: usize::MAX };
        let found =
            tokio::task::block_in_place(|| tail_filtered(&fixture.source.brokers, &none, &wanted, filter)).unwrap();
        assert!(found.complete, "{filter:?}");
        let written = |letter: &weir::outbox::Shown| letter.timestamp / 1_000_000;
        (found.letters.iter().map(written).collect::<Vec<_>>(), found.read)
    };
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    for (filter, wanted) in [
        (none(), vec![1, 2, 3, 4, 5]),
        (Filter { rule: some("a"), ..none() }, vec![1, 2, 3]),
        (Filter { sha256: some("cd"), ..none() }, vec![3, 5]),
        (Filter { rule: some("a"), sha256: some("cd34"), ..none() }, vec![3]),
        (Filter { key: some("key-10"), ..none() }, vec![1, 2, 4]),
        (Filter { key: some("key-1"), ..none() }, vec![]),
        (Filter { from: Some(3_000_000), ..none() }, vec![3, 4, 5]),
        (Filter { to: Some(3_000_000), ..none() }, vec![1, 2]),
        (Filter { from: Some(2_000_000), to: Some(4_000_001), ..none() }, vec![2, 3, 4]),
        (Filter { from: Some(6_000_000), ..none() }, vec![]),
    ] {
        assert_eq!(find(&filter, 100).0, wanted, "{filter:?}");
    }
    for (position, wanted) in [("0@10", vec![1]), ("2@10", vec![4]), ("1@10", vec![2]), ("0@13", vec![])] {
        let filter = Filter { source: position.parse().ok(), ..none() };
        assert_eq!(find(&filter, 1).0, wanted, "{position}");
    }
    let (_, read) = find(&Filter { source: "0@12".parse().ok(), ..none() }, 1);
    assert!(read <= 4, "the other partition was read for it, too: {read}");
}
