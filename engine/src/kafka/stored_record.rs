//! One record of a topic by its position, byte by byte as the topic has it.

use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Headers, Message};

use super::client::Cluster;
use super::error::RangeError;
use super::range_reader::{Range, RangeReader};
use crate::model::ids::RecordPosition;

/// A record as its topic has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Kafka's timestamp, in epoch milliseconds; -1: it has none.
    pub timestamp: i64,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value; None: a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order; a name may come twice.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What is at a position of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtPosition {
    /// A record.
    Record(StoredRecord),
    /// The topic has not so many partitions.
    NoPartition {
        /// How many it has.
        partitions: usize,
    },
    /// The topic holds it no more.
    Deleted {
        /// The first offset that the partition still holds.
        first: i64,
    },
    /// Nothing is written there yet.
    NotWritten {
        /// The offset that is written next.
        next: i64,
    },
    /// No record for readers of committed ones: a transaction's mark, a record of one that was aborted, or one that compaction took.
    NoRecord,
    /// It was not answered in time.
    TooLate,
}

/// Reads one record with a client of its own. Blocks: call it from a blocking thread.
///
/// # Errors
/// No broker answers, or the topic can't be read.
pub fn record_at(
    cluster: Cluster<'_>,
    topic: &str,
    at: RecordPosition,
    within: Duration,
) -> Result<AtPosition, RangeError> {
    let until = Instant::now() + within;
    let reader = RangeReader::new(cluster, topic)?;
    let whole = reader.whole(until)?;
    let (partition, offset) = (at.partition.0, at.offset.0);
    let Some(range) = whole.iter().find(|range| range.partition == partition) else {
        return Ok(AtPosition::NoPartition { partitions: whole.len() });
    };
    if offset < range.from {
        return Ok(AtPosition::Deleted { first: range.from });
    }
    if offset >= range.to {
        return Ok(AtPosition::NotWritten { next: range.to });
    }
    let (mut found, only) = (AtPosition::NoRecord, Range { partition, from: offset, to: offset + 1 });
    let in_time = reader.read(&[only], until, |message| found = AtPosition::Record(stored(message)))?;
    Ok(if in_time || matches!(found, AtPosition::Record(_)) { found } else { AtPosition::TooLate })
}

fn stored(message: &BorrowedMessage<'_>) -> StoredRecord {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    StoredRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: owned(message.key()),
        value: owned(message.payload()),
        headers: headers.map(|header| (header.key.to_owned(), owned(header.value))).collect(),
    }
}
