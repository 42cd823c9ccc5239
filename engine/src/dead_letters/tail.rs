//! The newest letters of the queue, as a user reads them: committed ones only.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::client::client_config;

const PATIENCE: Duration = Duration::from_secs(5);

/// The end of a partition is what we read towards, not an error for the log; others come out of `poll`.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

/// A letter as it stands in the queue.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Shown {
    /// Partition of the queue.
    pub partition: i32,
    /// Offset in the queue.
    pub offset: i64,
    /// Of the source record, as text; bytes that are no UTF-8 are replaced.
    pub key: Option<String>,
    /// Of the source record, as text; bytes that are no UTF-8 are replaced.
    pub value: Option<String>,
    /// All headers, the source's own included.
    pub headers: BTreeMap<String, String>,
}

impl Shown {
    /// A header's text; empty if it has none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The newest `limit` letters of each partition, cut to the newest `limit` by offset; only those with `code`, if given.
/// Blocks: call it from a blocking thread.
pub fn tail(
    brokers: &str,
    properties: &BTreeMap<String, String>,
    topic: &str,
    limit: usize,
    code: Option<&str>,
) -> Result<Vec<Shown>, String> {
    let mut client = client_config(brokers, properties);
    client.set("group.id", "weir-tail").set("enable.auto.commit", "false").set("isolation.level", "read_committed");
    client.set("enable.partition.eof", "true");
    let consumer: BaseConsumer<Quiet> = client.create_with_context(Quiet).map_err(|why| why.to_string())?;
    let mut open = assign_tails(&consumer, topic, limit)?;
    let (mut letters, until) = (Vec::new(), Instant::now() + PATIENCE);
    while !open.is_empty() && Instant::now() < until {
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|at| *at != partition),
            Some(Err(why)) => return Err(why.to_string()),
            Some(Ok(message)) => letters.push(show(&message)),
        }
    }
    letters.retain(|letter| code.is_none_or(|code| letter.header("weir.code") == code));
    letters.sort_by_key(|letter| (letter.header("weir.source.timestamp").to_owned(), letter.partition, letter.offset));
    Ok(letters.split_off(letters.len().saturating_sub(limit)))
}

/// Starts reading `limit` offsets before the end of each partition; returns those that hold anything.
fn assign_tails(consumer: &BaseConsumer<Quiet>, topic: &str, limit: usize) -> Result<Vec<i32>, String> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).map_err(|why| why.to_string())?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    if partitions.is_empty() {
        return Err(format!("there is no topic {topic:?}"));
    }
    let (mut list, mut open) = (TopicPartitionList::new(), Vec::new());
    let back = i64::try_from(limit).unwrap_or(i64::MAX).saturating_mul(2).saturating_add(100);
    for partition in partitions.iter().map(|partition| partition.id()) {
        let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE).map_err(|why| why.to_string())?;
        if high > low {
            let from = KafkaOffset::Offset(high.saturating_sub(back).max(low));
            list.add_partition_offset(topic, partition, from).map_err(|why| why.to_string())?;
            open.push(partition);
        }
    }
    consumer.assign(&list).map_err(|why| why.to_string())?;
    Ok(open)
}

fn show(message: &impl Message) -> Shown {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default()))).collect()
    });
    Shown {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(text),
        value: message.payload().map(text),
        headers: headers.unwrap_or_default(),
    }
}
