//! The newest letters of the queue, as a user reads them: committed ones only. It reads backwards, in ranges that grow,
//! until it has what was asked for, stands at the topic's beginning or has used up its time; which of them, it says.

mod newest;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use self::newest::{Age, Newest, age};
use super::client::{Complaints, client_config, complaint, not_made};
use super::topics::{Cluster, told};

pub use self::newest::Shown;

/// The longest range of offsets that one round reads of a partition: bounds what a round may waste.
const LONGEST_RANGE: i64 = 100_000;
const POLL: Duration = Duration::from_millis(50);

/// What to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The queue.
    pub topic: &'a str,
    /// The most letters to return.
    pub limit: usize,
    /// Only those with this code.
    pub code: Option<&'a str>,
    /// The longest that it may take.
    pub within: Duration,
    /// Bytes of a key, a value and each header that are kept; of all headers of a letter 16 times as many.
    pub text: usize,
    /// Bytes of all letters together, over all partitions; beyond it the oldest go.
    pub bytes: usize,
}

/// What was read.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Tail {
    /// Oldest first, by the time at which they were written.
    pub letters: Vec<Shown>,
    /// False: time ran out, so there may be newer or further letters than these; or `bytes` did, so there are older ones.
    pub complete: bool,
    /// How many messages were looked at.
    pub read: u64,
}

/// Nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A property that librdkafka refuses.
    #[error("Kafka client: {0}")]
    Client(String),
    /// No broker answered.
    #[error("no answer from Kafka at {brokers}: {why}")]
    Unreachable {
        /// As given.
        brokers: String,
        /// librdkafka's word.
        why: String,
    },
    /// It does not exist, or may not be read.
    #[error("topic {topic:?}: {why}")]
    Topic {
        /// As given.
        topic: String,
        /// librdkafka's word.
        why: String,
    },
    /// Reading broke off.
    #[error("reading {topic:?}: {why}")]
    Broken {
        /// As given.
        topic: String,
        /// librdkafka's word.
        why: KafkaError,
    },
}

/// The newest letters of the queue. Blocks: call it from a blocking thread.
pub fn tail(brokers: &str, properties: &BTreeMap<String, String>, wanted: &Wanted) -> Result<Tail, TailError> {
    let until = Instant::now() + wanted.within;
    let consumer = connect(brokers, properties)?;
    let cluster = Cluster { brokers, properties, keys: ("source.brokers or --brokers", "source.properties or -X") };
    let mut partitions = partitions(&consumer, cluster, wanted.topic, until)?;
    let (mut newest, mut read) = (Newest::default(), 0);
    loop {
        let assigned = assign(&consumer, &mut partitions, wanted, &newest)?;
        if !assigned || !round(&consumer, &mut partitions, wanted, until, (&mut newest, &mut read))? {
            let (letters, whole) = newest.end(wanted.limit);
            return Ok(Tail { letters, complete: !assigned && whole, read });
        }
    }
}

/// One partition on the way back to its beginning.
struct Backwards {
    id: i32,
    low: i64,
    /// The range that is read now: from here …
    from: i64,
    /// … up to here; what stands at or after it has been read.
    to: i64,
    length: i64,
    reading: bool,
    /// Letters that match, so far.
    seen: usize,
    /// The first of them in the range that was read last.
    first: Option<Age>,
}

impl Backwards {
    fn next_range(&mut self, limit: usize, newest: &Newest) {
        let is_beyond = self.first.take().is_some_and(|first| newest.is_beyond(first));
        self.reading = self.seen < limit && self.from > self.low && !is_beyond;
        if self.reading {
            self.to = self.from;
            self.from = self.to.saturating_sub(self.length).max(self.low);
            self.length = self.length.saturating_mul(2).min(LONGEST_RANGE.max(self.length));
        }
    }

    fn see(&mut self, message: &impl Message, wanted: &Wanted, newest: &mut Newest) {
        let offset = message.offset();
        // Asked before anything is copied: with a code, most of what is read is not wanted.
        if offset < self.to && wanted.code.is_none_or(|code| has_code(message, code)) {
            self.seen += 1;
            self.first.get_or_insert_with(|| age(message));
            newest.add(message, wanted);
        }
        if offset >= self.to - 1 {
            self.reading = false;
        }
    }
}

type Reader = BaseConsumer<Complaints>;

fn connect(brokers: &str, properties: &BTreeMap<String, String>) -> Result<Reader, TailError> {
    let mut client = client_config(brokers, properties);
    client.set("group.id", "weir-tail").set("enable.auto.commit", "false").set("isolation.level", "read_committed");
    client.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "20");
    // Retention may take a range away while we read it: then on from what is left.
    client.set("auto.offset.reset", "earliest").set("queued.max.messages.kbytes", "16384");
    client.create_with_context(Complaints::default()).map_err(|why| TailError::Client(not_made(&why, properties)))
}

fn partitions(
    consumer: &Reader,
    cluster: Cluster<'_>,
    topic: &str,
    until: Instant,
) -> Result<Vec<Backwards>, TailError> {
    // A broker that is there answers at once; one that is not must not look like an empty topic.
    let patience = || until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let unreachable = |why: KafkaError| {
        let why = complaint(consumer).unwrap_or_else(|| why.to_string());
        TailError::Unreachable { brokers: cluster.brokers.to_owned(), why }
    };
    let refused = |why: String| TailError::Topic { topic: topic.to_owned(), why };
    let unanswered = |why| TailError::Unreachable { brokers: cluster.brokers.to_owned(), why };
    let metadata = told(consumer, cluster, topic, patience()).map_err(unanswered)?;
    let found = metadata.topics().first().ok_or_else(|| refused("is not there".to_owned()))?;
    if let Some(fault) = found.error() {
        return Err(refused(RDKafkaErrorCode::from(fault).to_string()));
    }
    let mut all = Vec::new();
    for id in found.partitions().iter().map(|partition| partition.id()) {
        let (low, high) = consumer.fetch_watermarks(topic, id, patience()).map_err(unreachable)?;
        all.push(Backwards { id, low, from: high, to: high, length: 0, reading: false, seen: 0, first: None });
    }
    Ok(all)
}

/// The next range of every partition that still has to be read; false if none has.
fn assign(
    consumer: &Reader,
    partitions: &mut [Backwards],
    wanted: &Wanted,
    newest: &Newest,
) -> Result<bool, TailError> {
    let broken = |why| TailError::Broken { topic: wanted.topic.to_owned(), why };
    let first = i64::try_from(wanted.limit).unwrap_or(LONGEST_RANGE).saturating_mul(2).saturating_add(100);
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        partition.length = partition.length.max(first);
        partition.next_range(wanted.limit, newest);
        if partition.reading {
            let from = KafkaOffset::Offset(partition.from);
            list.add_partition_offset(wanted.topic, partition.id, from).map_err(broken)?;
        }
    }
    consumer.assign(&list).map_err(broken)?;
    Ok(list.count() > 0)
}

/// Reads the ranges to their ends; false if the time ran out before.
fn round(
    consumer: &Reader,
    partitions: &mut [Backwards],
    wanted: &Wanted,
    until: Instant,
    (newest, read): (&mut Newest, &mut u64),
) -> Result<bool, TailError> {
    while partitions.iter().any(|partition| partition.reading) {
        if Instant::now() >= until {
            return Ok(false);
        }
        let (id, message) = match consumer.poll(POLL) {
            None => continue,
            Some(Err(KafkaError::PartitionEOF(id))) => (id, None),
            // Partitions and offsets are given by hand, so the group is only a name, which librdkafka asks for; nobody needs
            // a right to it for that.
            Some(Err(why)) if why.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => continue,
            Some(Err(why)) => return Err(TailError::Broken { topic: wanted.topic.to_owned(), why }),
            Some(Ok(message)) => (message.partition(), Some(message)),
        };
        let Some(partition) = partitions.iter_mut().find(|partition| partition.id == id && partition.reading) else {
            continue; // beyond its range, which ended while others' go on
        };
        match message {
            // The range's last offsets may hold no message (a transaction's end): then this is its end.
            None => partition.reading = false,
            Some(message) => {
                *read += 1;
                partition.see(&message, wanted, newest);
            }
        }
    }
    Ok(true)
}

/// As [`Shown::header`]: of two the later.
fn has_code(message: &impl Message, code: &str) -> bool {
    let headers = message.headers();
    let last = headers.and_then(|headers| headers.iter().filter(|header| header.key == "weir.code").last());
    last.and_then(|header| header.value) == Some(code.as_bytes())
}
