//! Reads ranges of offsets of a topic, those of several partitions side by side, as committed records only. It joins no group
//! and commits nothing, so it moves nobody's partitions and needs no right but that to read the topic.
//!
//! Record by record, and not by [`ffi`](super::ffi)'s batch call: who reads ranges today shows a few letters to a person, and copies
//! of each far more than a poll costs. Its records are rdkafka's, which tests can make without a broker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::client::{ClientSettings, Cluster, Complaints, complaint};
use super::error::RangeError;
use super::topics::told;

/// How long one look for a message waits.
const POLL: Duration = Duration::from_millis(50);
/// The least that a question about the topic may take, however little time is left: a broker that is there answers at once, and
/// one that is not must not look like an empty topic.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

/// Offsets of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// The offset past the last.
    pub to: i64,
}

/// Reads a bounded range of a log without a group. Its methods block: call them from a blocking thread.
pub struct RangeReader<'a> {
    consumer: BaseConsumer<Complaints>,
    cluster: Cluster<'a>,
    topic: &'a str,
}

impl<'a> RangeReader<'a> {
    /// Makes the client; asks nobody yet.
    ///
    /// # Errors
    /// librdkafka refuses a property.
    pub fn new(cluster: Cluster<'a>, topic: &'a str) -> Result<Self, RangeError> {
        let mut settings = ClientSettings::new(cluster, &[]);
        settings
            // librdkafka asks for a group's name. Partitions and offsets are given by hand, so nobody ever hears of it.
            .set("group.id", "weir-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            // The last offsets of a range may hold no record but a transaction's end.
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            // Retention may take a range away while it is read: then on from what is left.
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "16384");
        Ok(Self { consumer: settings.create(Complaints::default())?, cluster, topic })
    }

    /// What each partition of the topic holds now. Waits for answers until `until`, and for each at least a second.
    ///
    /// # Errors
    /// No broker answers, or the topic is not there or may not be read.
    pub fn whole(&self, until: Instant) -> Result<Vec<Range>, RangeError> {
        let timeout = || until.saturating_duration_since(Instant::now()).max(LEAST_TIMEOUT);
        let unreachable = |why| RangeError::Unreachable { brokers: self.cluster.brokers.to_owned(), why };
        let refused = |why: String| RangeError::Topic { topic: self.topic.to_owned(), why };
        let metadata = told(&self.consumer, self.cluster, self.topic, timeout()).map_err(unreachable)?;
        let found = metadata.topics().first().ok_or_else(|| refused("is not there".to_owned()))?;
        if let Some(fault) = found.error() {
            return Err(refused(RDKafkaErrorCode::from(fault).to_string()));
        }
        let range = |partition: i32| {
            let bounds = self.consumer.fetch_watermarks(self.topic, partition, timeout());
            let (from, to) =
                bounds.map_err(|why| unreachable(complaint(&self.consumer).unwrap_or_else(|| why.to_string())))?;
            Ok(Range { partition, from, to })
        };
        let mut ids: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
        ids.sort_unstable();
        ids.into_iter().map(range).collect()
    }

    /// The first offset of each of these partitions that was written at this time, in epoch milliseconds, or later; none of a
    /// partition that has no such record.
    ///
    /// # Errors
    /// No broker answers.
    pub fn first_since(&self, ranges: &[Range], time: i64, until: Instant) -> Result<BTreeMap<i32, i64>, RangeError> {
        let mut asked = TopicPartitionList::new();
        for range in ranges {
            let time = KafkaOffset::Offset(time);
            asked.add_partition_offset(self.topic, range.partition, time).map_err(|why| self.broken(why))?;
        }
        let timeout = until.saturating_duration_since(Instant::now()).max(LEAST_TIMEOUT);
        let found = self.consumer.offsets_for_times(asked, timeout).map_err(|why| self.broken(why))?;
        let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
            KafkaOffset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        };
        Ok(found.elements().iter().filter_map(offset).collect())
    }

    /// Gives `each` every record of these ranges, at most one range a partition, in the order of each partition. False: `until`
    /// came before the ends. A range whose beginning retention has deleted is read from what is left. A partition whose range has
    /// ended is fetched and passed over until the others have ended, too: ranges of one call should be about as long.
    ///
    /// # Errors
    /// librdkafka cannot read on.
    pub fn read(
        &self,
        ranges: &[Range],
        until: Instant,
        mut each: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<bool, RangeError> {
        let mut open: Vec<Range> = ranges.iter().copied().filter(|range| range.from < range.to).collect();
        self.assign(&open)?;
        while !open.is_empty() {
            if Instant::now() >= until {
                return Ok(false);
            }
            let (partition, message) = match self.consumer.poll(POLL) {
                None => continue,
                Some(Err(KafkaError::PartitionEOF(partition))) => (partition, None),
                // The group is only a name: nobody needs a right to it.
                Some(Err(why)) if why.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                    continue;
                }
                Some(Err(why)) => return Err(self.broken(why)),
                Some(Ok(message)) => (message.partition(), Some(message)),
            };
            // None: past the end of its range, while others' go on.
            let Some(at) = open.iter().position(|range| range.partition == partition) else { continue };
            let Range { from, to, .. } = open[at];
            if let Some(message) = message.as_ref().filter(|message| (from..to).contains(&message.offset())) {
                each(message);
            }
            if message.is_none_or(|message| message.offset() >= to - 1) {
                open.swap_remove(at);
            }
        }
        Ok(true)
    }

    /// Fetches from these offsets on and nothing else, whatever was fetched before.
    fn assign(&self, ranges: &[Range]) -> Result<(), RangeError> {
        let mut list = TopicPartitionList::new();
        for range in ranges {
            let from = KafkaOffset::Offset(range.from);
            list.add_partition_offset(self.topic, range.partition, from).map_err(|why| self.broken(why))?;
        }
        self.consumer.assign(&list).map_err(|why| self.broken(why))
    }

    fn broken(&self, why: KafkaError) -> RangeError {
        RangeError::Broken { topic: self.topic.to_owned(), why }
    }
}
