//! The newest letters of the queue, or alerts of theirs, as a user reads them: committed ones only. It reads backwards, in ranges
//! that grow, until it has what was asked for, is at the topic's beginning or has used up its time; which of them, it says. Behind
//! what it has read, [`Follower`] reads on.

mod alerts;
mod follow;
mod newest;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Headers, Message};

use self::newest::{Age, Newest, age};
use crate::config::Properties;
use crate::kafka::{Cluster, Range, RangeError, RangeReader};

pub use self::follow::Follower;
pub use self::newest::Shown;

/// The longest range of offsets that is read of a partition in one go: bounds what may be read in vain.
const LONGEST_RANGE: i64 = 100_000;

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
    /// Where each partition ended when it was read: a [`Follower`] begins there.
    #[serde(skip)]
    pub ends: BTreeMap<i32, i64>,
}

/// Whether a message has this code.
type HasCode = fn(&BorrowedMessage<'_>, &str) -> bool;

/// The newest letters of the queue. Blocks: call it from a blocking thread.
///
/// # Errors
/// The topic cannot be read.
pub fn tail(brokers: &str, properties: &Properties, wanted: &Wanted) -> Result<Tail, RangeError> {
    tail_of(brokers, properties, wanted, has_code)
}

/// The newest alerts of the alert topic, summaries of what is not sent among them. Blocks, too.
///
/// # Errors
/// The topic cannot be read.
pub fn tail_alerts(brokers: &str, properties: &Properties, wanted: &Wanted) -> Result<Tail, RangeError> {
    tail_of(brokers, properties, wanted, alerts::has_code)
}

fn tail_of(brokers: &str, properties: &Properties, wanted: &Wanted, has_code: HasCode) -> Result<Tail, RangeError> {
    let until = Instant::now() + wanted.within;
    let cluster = Cluster { brokers, properties, keys: ("source.brokers or --brokers", "source.properties or -X") };
    let reader = RangeReader::new(cluster, wanted.topic)?;
    let whole = reader.whole(until)?;
    let ends = whole.iter().map(|range| (range.partition, range.to)).collect();
    let mut partitions: Vec<Backwards> = whole.into_iter().map(Backwards::new).collect();
    let (mut newest, mut read) = (Newest::default(), 0);
    loop {
        let ranges: Vec<Range> =
            partitions.iter_mut().filter_map(|partition| partition.next_range(wanted.limit, &newest)).collect();
        let at_end = ranges.is_empty();
        let in_time = reader.read(&ranges, until, |message| {
            read += 1;
            let partition = partitions.iter_mut().find(|partition| partition.id == message.partition());
            partition.expect("only what was asked for comes").see(message, wanted, has_code, &mut newest);
        })?;
        if at_end || !in_time {
            let (letters, whole) = newest.end(wanted.limit);
            return Ok(Tail { letters, complete: at_end && whole, read, ends });
        }
    }
}

/// One partition on the way back to its beginning.
struct Backwards {
    id: i32,
    low: i64,
    /// What is at or after it has been read.
    from: i64,
    /// Offsets of the next range.
    length: i64,
    /// Letters that match, so far.
    seen: usize,
    /// The first of them in the range that was read last.
    first: Option<Age>,
}

impl Backwards {
    fn new(whole: Range) -> Self {
        Self { id: whole.partition, low: whole.from, from: whole.to, length: 0, seen: 0, first: None }
    }

    /// None: nothing before it is wanted.
    fn next_range(&mut self, limit: usize, newest: &Newest) -> Option<Range> {
        if self.length == 0 {
            self.length = i64::try_from(limit).unwrap_or(LONGEST_RANGE).saturating_mul(2).saturating_add(100);
        }
        let is_beyond = self.first.take().is_some_and(|first| newest.is_beyond(first));
        if self.seen >= limit || self.from <= self.low || is_beyond {
            return None;
        }
        let to = self.from;
        self.from = to.saturating_sub(self.length).max(self.low);
        self.length = self.length.saturating_mul(2).min(LONGEST_RANGE.max(self.length));
        Some(Range { partition: self.id, from: self.from, to })
    }

    fn see(&mut self, message: &BorrowedMessage<'_>, wanted: &Wanted, has_code: HasCode, newest: &mut Newest) {
        // Asked before anything is copied: with a code, most of what is read is not wanted.
        if wanted.code.is_none_or(|code| has_code(message, code)) {
            self.seen += 1;
            self.first.get_or_insert_with(|| age(message));
            newest.add(message, wanted);
        }
    }
}

/// As [`Shown::header`]: of two the later.
fn has_code(message: &BorrowedMessage<'_>, code: &str) -> bool {
    let headers = message.headers();
    let last = headers.and_then(|headers| headers.iter().filter(|header| header.key == "weir.code").last());
    last.and_then(|header| header.value) == Some(code.as_bytes())
}
