//! What no real broker shows on demand, on the cluster that librdkafka brings along.

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use weir_testkit::wait;

use super::*;

const P0: Partition = Partition(0);

/// Three records in one partition.
fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic("stream", 1, 1).expect("a topic");
    let mut client = ClientConfig::new();
    let producer: BaseProducer =
        client.set("bootstrap.servers", cluster.bootstrap_servers()).create().expect("a producer");
    for value in ["a", "b", "c"] {
        let record = BaseRecord::<(), _>::to("stream").partition(0).payload(value);
        producer.send(record).map_err(|(why, _)| why).expect("room for three");
    }
    producer.flush(Duration::from_secs(30)).expect("the records arrive");
    cluster
}

fn connect(cluster: &MockCluster<'static, DefaultProducerContext>) -> Source {
    let config = config::Source {
        brokers: cluster.bootstrap_servers(),
        topic: "stream".into(),
        group: "group".into(),
        start: config::Start::Earliest,
        max_record: bytesize::ByteSize::mib(1),
        rejoin_after: Duration::from_secs(60),
        properties: config::Properties::default(),
    };
    let mut source = Source::connect(&config, None).expect("a consumer");
    source.join().expect("a subscription");
    source
}

/// The first event that is looked for.
fn until<T>(source: &mut Source, what: &str, wanted: impl Fn(Event) -> Option<T>) -> T {
    wait::until_some(what, || source.events().into_iter().find_map(&wanted).ok_or(()))
}

#[test]
fn a_record_that_went_past_our_queue_is_said_and_comes_once_its_partition_is_assigned_anew() {
    let cluster = cluster();
    let mut source = connect(&cluster);
    until(&mut source, "assignment", |event| matches!(event, Event::Assign { .. }).then_some(()));
    source.consumer.assign(&source.list(&[(P0, Offset(0))]).expect("an offset")).expect("an assignment");
    let stray = |event| match event {
        Event::Stray { partition, offset } => Some((partition, offset)),
        _ => None,
    };
    assert_eq!(until(&mut source, "stray record", stray), (P0, Offset(0)));

    source.assign(&[(P0, Offset(0))]).expect("an assignment");
    let mut offsets = Vec::new();
    wait::until_some("three records", || {
        offsets.extend(source.fetch(10, Duration::from_millis(50)).places().map(|(_, _, offset)| offset.0));
        if offsets.len() < 3 { Err(offsets.len()) } else { Ok(()) }
    });
    assert_eq!(offsets, [0, 1, 2]);
}

#[test]
fn a_partition_that_has_no_queue_is_an_error_that_names_it() {
    let mut source = connect(&cluster());
    // Longer than any topic's name.
    source.topic = "x".repeat(600).into();
    let why = source.assign(&[(P0, Offset(0))]).expect_err("no such topic can be").to_string();
    assert!(why.contains("no queue for partition 0") && why.contains("xxx"), "{why}");
}

#[test]
fn a_fatal_error_of_the_client_says_what_to_do() {
    let taken = fatal(RDKafkaErrorCode::FencedInstanceId, "fenced");
    assert!(
        taken.contains("took this one's group.instance.id (fenced): give each process an id of its own"),
        "{taken}"
    );
    let other = fatal(RDKafkaErrorCode::InconsistentGroupProtocol, "x");
    assert!(
        other.starts_with("Kafka's client can't go on: ") && other.ends_with(": x; start this process again"),
        "{other}"
    );
}
