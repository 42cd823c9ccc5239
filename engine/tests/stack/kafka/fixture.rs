//! Topics and a group of a test's own on a real broker that all tests share, and what is in them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset as KafkaOffset, TopicPartitionList};
use weir::config::{DeadLetters, Properties, Source as SourceConfig, Start};
use weir::model::checkpoint::OutboxChunk;
use weir::model::ids::{Offset, Partition};
use weir::model::letter::Source as Record;
use weir::outbox::format::Letters;
use weir::outbox::{Destination, Destinations, Publisher};
use weir::source::{Event, Fetched, GroupMetadata, Source};

use weir_testkit::fakes::reason::reason;
use weir_testkit::stack::delay::Delay;
use weir_testkit::stack::{Stack, shared};
use weir_testkit::wait::STILL;

pub(crate) const PARTITIONS: i32 = 2;
pub(crate) const P0: Partition = Partition(0);
pub(crate) const P1: Partition = Partition(1);
/// How far the far broker is, each way.
pub(crate) const FAR: Duration = Duration::from_millis(25);

/// The stack's broker from [`FAR`] away. What leads there is made once for a stack, and ends with the process.
fn far(stack: &Stack) -> String {
    static LED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let (broker, port) = stack.far();
    if LED.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
        Delay::listen_at(port, FAR).serve(broker);
    }
    format!("127.0.0.1:{port}")
}

pub(crate) struct Fixture {
    pub(crate) source: SourceConfig,
    pub(crate) letters: DeadLetters,
    stack: Arc<Stack>,
}

/// A member of the group that was given everything.
pub(crate) struct Member {
    pub(crate) source: Source,
    pub(crate) metadata: Arc<GroupMetadata>,
}

impl Fixture {
    /// `settings` are those of the letter topic.
    pub(crate) async fn new(name: &str, settings: &[(&str, &str)]) -> Self {
        let stack = tokio::task::spawn_blocking(shared).await.unwrap();
        // Of the same name in another run on the same stack, stays apart.
        let name = format!("{name}_{:06x}", rand::random_range(0..1 << 24));
        let source = SourceConfig {
            brokers: stack.brokers().to_owned(),
            topic: format!("stream_{name}"),
            group: format!("group_{name}"),
            start: Start::Earliest,
            max_record: bytesize::ByteSize::mib(1),
            rejoin_after: Duration::from_secs(60),
            properties: Properties::default(),
        };
        let letters = DeadLetters { topic: format!("letters_{name}"), properties: Properties::default() };
        let fixture = Self { source, letters, stack };
        let topic = |name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let queue = settings.iter().fold(topic(&fixture.letters.topic), |topic, (key, value)| topic.set(key, value));
        let topics = [topic(&fixture.source.topic), queue];
        let admin: AdminClient<DefaultClientContext> = fixture.client().create().unwrap();
        for made in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
            made.unwrap();
        }
        fixture
    }

    /// One more topic, with these settings.
    pub(crate) async fn topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        for made in admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap() {
            made.unwrap();
        }
    }

    /// From now on the engine's clients reach Kafka from [`FAR`] away.
    pub(crate) fn goes_far(&mut self) {
        self.source.brokers = far(&self.stack);
    }

    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig::new().set("bootstrap.servers", self.stack.brokers()).clone()
    }

    /// One more record of the source topic.
    pub(crate) fn send(&self, partition: Partition, value: &[u8]) {
        let producer: BaseProducer = self.client().create().unwrap();
        let record = BaseRecord::<(), _>::to(&self.source.topic).partition(partition.0).payload(value);
        producer.send(record).map_err(|(why, _)| why).unwrap();
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    pub(crate) fn publisher(&self) -> Publisher {
        let id = format!("weir-test-{}", uuid::Uuid::new_v4());
        Publisher::with_id(&self.source, Destinations::new(&self.letters), id)
    }

    /// Joins the group and waits until it has all partitions.
    pub(crate) fn member(&self) -> Member {
        let mut source = Source::connect(&self.source, None).unwrap();
        source.join().unwrap();
        let end = Instant::now() + STILL;
        loop {
            assert!(Instant::now() < end, "no assignment within {STILL:?}");
            for event in source.events() {
                match event {
                    Event::Assign { partitions, metadata } if partitions.len() == PARTITIONS as usize => {
                        return Member { source, metadata };
                    }
                    Event::Fatal(why) => panic!("{why}"),
                    _ => {}
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that a reader of this isolation level sees in the letter topic, in the order of each partition.
    pub(crate) fn letters_seen(&self, isolation: &str) -> Vec<OwnedMessage> {
        self.seen(&self.letters.topic, PARTITIONS, isolation)
    }

    /// The same of any topic.
    pub(crate) fn seen(&self, topic: &str, partitions: i32, isolation: &str) -> Vec<OwnedMessage> {
        let mut client = self.client();
        client.set("group.id", "reader").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = client.set("isolation.level", isolation).create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, KafkaOffset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut open, mut seen, mut moved) = (partitions, Vec::new(), Instant::now());
        while open > 0 {
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => seen.push(message.detach()),
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(why)) => panic!("{why}"),
                None => {
                    assert!(moved.elapsed() < STILL, "the ends are not reached");
                    continue;
                }
            }
            moved = Instant::now();
        }
        seen.sort_by_key(|message| (message.partition(), message.offset()));
        seen
    }

    /// What the broker keeps of the letter topic.
    pub(crate) fn bytes_in_queue(&self) -> usize {
        let data = self.stack.folder().join("kafka/data");
        let logs = (0..PARTITIONS).map(|partition| data.join(format!("{}-{partition}", self.letters.topic)));
        let files = logs.flat_map(|log| std::fs::read_dir(log).unwrap()).map(|file| file.unwrap());
        let segments = files.filter(|file| file.path().extension().is_some_and(|of| of == "log"));
        segments.map(|file| file.metadata().unwrap().len() as usize).sum()
    }

    /// Offsets of the source records whose letters are visible to a reader of committed letters.
    pub(crate) fn offsets_seen(&self) -> Vec<String> {
        self.letters_seen("read_committed").iter().filter_map(|letter| header(letter, "__dlq.errors.offset")).collect()
    }
}

pub(crate) fn header(letter: &OwnedMessage, name: &str) -> Option<String> {
    let found = letter.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// Fetches until this many records and errors are there.
pub(crate) fn fetch(source: &mut Source, wanted: usize) -> Vec<Fetched> {
    let (mut all, mut count, mut moved) = (Vec::new(), 0, Instant::now());
    let mut said = Vec::new();
    while count < wanted {
        assert!(moved.elapsed() < STILL, "{count} of {wanted} came: {said:?}");
        said.extend(source.events().into_iter().map(|event| match event {
            Event::Assign { .. } => "assign".to_owned(),
            Event::Revoke { lost } => format!("revoke, lost: {lost}"),
            Event::Stray { partition, offset } => format!("stray {partition}@{offset}"),
            Event::Error(why) | Event::Fatal(why) => why,
        }));
        let fetched = source.fetch(1_000, Duration::from_millis(50));
        said.extend(fetched.messages().map(|message| format!("{}@{}", message.partition, message.offset)));
        said.extend(fetched.errors().iter().map(|(partition, offset, why)| format!("{partition}@{offset}: {why}")));
        let more = fetched.messages().count() + fetched.errors().len();
        if more > 0 {
            (count, moved) = (count + more, Instant::now());
        }
        all.push(fetched);
    }
    all
}

/// A letter for each of these records of partition 0.
pub(crate) fn letters(records: &[(i64, &[u8])]) -> Arc<[OutboxChunk]> {
    Arc::new([chunk(Destination::DEAD_LETTERS, 0, records)])
}

/// The same for any destination, as the row of that number.
pub(crate) fn chunk(destination: Destination, chunk: u32, records: &[(i64, &[u8])]) -> OutboxChunk {
    let mut letters = Letters::to(destination);
    for (offset, value) in records {
        let headers: &[(&str, Option<&[u8]>)] = &[("trace", Some(b"7"))];
        let (offset, value) = (Offset(*offset), Some(*value));
        letters.push(&Record { offset, timestamp: 0, key: Some(b"k"), value, headers }, &reason());
    }
    let first_offset = letters.first_offset().unwrap();
    OutboxChunk { partition: P0, first_offset, chunk, letters: letters.into_bytes() }
}
