//! The topics and the group of a test, read and written by the test itself.

pub mod member;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::pipeline::TestPipeline;
use crate::wait;

/// Partitions of a topic that a test makes, unless it adds some.
pub const PARTITIONS: i32 = 4;
/// For one answer of a broker that may have ten times too much to do.
const ASK: Duration = Duration::from_secs(120);

const LOOK: Duration = Duration::from_secs(1);

/// Partition and offset.
pub type Place = (i32, i64);

/// A record of a topic, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Kafka's timestamp, in epoch milliseconds.
    pub timestamp: Option<i64>,
    /// None: the record has none.
    pub key: Option<Vec<u8>>,
    /// Value of the message; None: a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order; a name may come twice.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// The last header of the name, as Kafka's `lastHeader` gives it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(known, _)| known == name)?;
        value.as_deref().map(|value| std::str::from_utf8(value).expect("the engine's headers are text"))
    }
}

impl TestPipeline {
    /// A client of the pipeline's group that sees committed records only and commits nothing by itself.
    pub fn kafka(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", self.group());
        config.set("isolation.level", "read_committed").set("enable.auto.commit", "false");
        config.set("check.crcs", "true").clone()
    }

    /// Makes a topic of [`PARTITIONS`] partitions; returns when the broker tells of them.
    pub fn make_topic(&self, name: &str, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.kafka().create().expect("an admin client");
        let mut topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = futures::executor::block_on(admin.create_topics(&[topic], &AdminOptions::new()));
        for topic in made.expect("the broker answers") {
            topic.expect("the topic is new");
        }
        // A broker that is busy takes a moment until it tells others of the topic.
        wait::until(&format!("{name} is there"), || self.partitions(name) == PARTITIONS);
    }

    /// Adds partitions until the topic has so many.
    pub fn grow(&self, topic: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.kafka().create().expect("an admin client");
        let more = NewPartitions::new(topic, partitions as usize);
        let grown = futures::executor::block_on(admin.create_partitions(&[more], &AdminOptions::new()));
        for topic in grown.expect("the broker answers") {
            topic.expect("the topic has fewer");
        }
    }

    /// How many partitions the topic has now.
    pub fn partitions(&self, topic: &str) -> i32 {
        let consumer: BaseConsumer = self.kafka().create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), ASK).expect("the broker answers");
        metadata.topics()[0].partitions().len() as i32
    }

    /// Every committed record, with the transaction's verdict: what an aborted one wrote is not there.
    pub fn read(&self, topic: &str) -> BTreeMap<Place, Record> {
        let mut records = BTreeMap::new();
        self.each(topic, |place, record| drop(records.insert(place, record)));
        records
    }

    /// The same, one by one, in the order of each partition.
    pub fn each(&self, topic: &str, mut seen: impl FnMut(Place, Record)) {
        self.until_all_is_decided(topic);
        let partitions = self.partitions(topic);
        let consumer: BaseConsumer = self.kafka().set("enable.partition.eof", "true").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&list).expect("partitions that exist");
        let (mut ended, mut moved, mut trouble) = (0, Instant::now(), None);
        while ended < partitions {
            match consumer.poll(LOOK) {
                // What a busy broker answers, librdkafka asks for again; it says so, and nothing is lost.
                None => {}
                Some(Err(KafkaError::MessageConsumption(why))) if goes_by(why) => trouble = Some(why),
                Some(Err(KafkaError::PartitionEOF(_))) => (ended, moved) = (ended + 1, Instant::now()),
                Some(Err(why)) => panic!("{topic}: {why}"),
                Some(Ok(message)) => {
                    seen((message.partition(), message.offset()), record(&message));
                    moved = Instant::now();
                }
            }
            assert!(moved.elapsed() < wait::STILL, "{topic}: no record and no end for long; trouble: {trouble:?}");
        }
    }

    /// Until the transactions that are open now have ended. Nobody can read what is behind one of a killed engine
    /// before the broker ends it: after its time-out of 10 s, looked for every 10 s.
    fn until_all_is_decided(&self, topic: &str) {
        let stable: BaseConsumer = self.kafka().create().expect("a consumer");
        let all: BaseConsumer = self.kafka().set("isolation.level", "read_uncommitted").create().expect("a consumer");
        let ends = |consumer: &BaseConsumer, partition| {
            let bounds = || consumer.fetch_watermarks(topic, partition, ASK).map_err(|why| why.to_string());
            wait::until_some("the broker tells the ends of its logs", bounds).1
        };
        for partition in 0..self.partitions(topic) {
            let end = ends(&all, partition);
            wait::until(&format!("{topic} {partition} has no open transaction"), || ends(&stable, partition) >= end);
        }
    }

    /// Sends it to the partition and says where it is.
    pub fn send(&self, partition: i32, record: &Record) -> Place {
        self.send_all(&[(partition, record.clone())])[0]
    }

    /// Sends each to its partition and says where they are, in their order.
    pub fn send_all(&self, records: &[(i32, Record)]) -> Vec<Place> {
        let producer: FutureProducer = self.kafka().set("message.max.bytes", "20000000").create().expect("a producer");
        let topic = self.topic();
        let sent = records.iter().map(|(partition, record)| {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: value.as_ref() });
            }
            let mut message = FutureRecord::to(&topic).partition(*partition).headers(headers);
            message.key = record.key.as_ref();
            message.payload = record.value.as_ref();
            producer.send_result(message).unwrap_or_else(|(why, _)| panic!("{topic}: {why}"))
        });
        let all = futures::executor::block_on(futures::future::join_all(sent.collect::<Vec<_>>()));
        let places = all.into_iter().map(|sent| match sent {
            Ok(Ok(Delivery { partition, offset, .. })) => (partition, offset),
            other => panic!("{topic}: the broker does not take it: {other:?}"),
        });
        places.collect()
    }

    /// The group's offsets; None: the broker does not tell yet, or a partition has none.
    pub fn committed(&self, consumer: &BaseConsumer) -> Option<Vec<i64>> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic(), 0, self.partitions(&self.topic()) - 1);
        let known = consumer.committed_offsets(list, ASK).ok()?;
        known.elements().iter().map(|element| element.offset().to_raw().filter(|offset| *offset >= 0)).collect()
    }

    /// The end of each partition of the source topic, past committed records.
    pub fn ends(&self, consumer: &BaseConsumer) -> Vec<i64> {
        let bounds =
            |partition| consumer.fetch_watermarks(&self.topic(), partition, ASK).map_err(|why| why.to_string());
        let end = |partition| wait::until_some("the broker tells the ends of its logs", || bounds(partition)).1;
        (0..self.partitions(&self.topic())).map(end).collect()
    }
}

/// Whether a consumer's error is over when the broker has caught up.
fn goes_by(why: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        why,
        BrokerTransportFailure
            | AllBrokersDown
            | NotLeaderForPartition
            | LeaderNotAvailable
            | RequestTimedOut
            | OperationTimedOut
    )
}

fn record(message: &impl Message) -> Record {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    Record {
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
    }
}
