//! The newest letters of the queue, or alerts of theirs, as a user reads them: committed ones only. It reads backwards, in ranges
//! that grow, until it has what was asked for, is at the topic's beginning or has used up its time; which of them, it says. Behind
//! what it has read, [`Follower`] reads on. [`LiveTail`] keeps the newest in memory for pages that refresh.

mod alerts;
mod filter;
mod follow;
mod held;
mod held_alerts;
mod live;
mod newest;
mod seen;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use self::filter::last_header;
use self::newest::{Age, Newest, age};
use crate::config::Properties;
use crate::kafka::{Cluster, Range, RangeError, RangeReader};

pub use self::filter::Filter;
pub use self::follow::{Follower, Round};
pub use self::held::{GroupKey, HeldLetters, LetterGroup, MINUTES};
pub use self::held_alerts::HeldAlerts;
pub use self::live::{Keep, LiveTail, Progress, Topic};
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
    /// False: time ran out, so there may be newer or further letters than these; or `bytes` did, so there are older ones. True says
    /// nothing of what stands behind the first letter of [`Filter::to`] or later: it is not read.
    pub complete: bool,
    /// How many messages were looked at.
    pub read: u64,
    /// Where each partition ended when it was read: a [`Follower`] begins there.
    #[serde(skip)]
    pub ends: BTreeMap<i32, i64>,
}

/// Whether a message has this code.
type HasCode = fn(&BorrowedMessage<'_>, &str) -> bool;

/// What is asked of each message.
#[derive(Clone, Copy)]
struct Question<'a> {
    wanted: &'a Wanted<'a>,
    filter: &'a Filter,
    has_code: HasCode,
}

/// The newest letters of the queue. Blocks: call it from a blocking thread.
///
/// # Errors
/// The topic cannot be read.
pub fn tail(brokers: &str, properties: &Properties, wanted: &Wanted) -> Result<Tail, RangeError> {
    tail_filtered(brokers, properties, wanted, &Filter::default())
}

/// The newest letters that a filter takes. Blocks, too.
///
/// # Errors
/// The topic cannot be read.
pub fn tail_filtered(
    brokers: &str,
    properties: &Properties,
    wanted: &Wanted,
    filter: &Filter,
) -> Result<Tail, RangeError> {
    tail_of(brokers, properties, Question { wanted, filter, has_code })
}

/// The newest alerts of the alert topic, summaries of what is not sent among them. Blocks, too.
///
/// # Errors
/// The topic cannot be read.
pub fn tail_alerts(brokers: &str, properties: &Properties, wanted: &Wanted) -> Result<Tail, RangeError> {
    tail_of(brokers, properties, Question { wanted, filter: &Filter::default(), has_code: alerts::has_code })
}

fn tail_of(brokers: &str, properties: &Properties, question: Question<'_>) -> Result<Tail, RangeError> {
    let Question { wanted, filter, .. } = question;
    let until = Instant::now() + wanted.within;
    let cluster = Cluster { brokers, properties, keys: ("source.brokers or --brokers", "source.properties or -X") };
    let reader = RangeReader::new(cluster, wanted.topic)?;
    let whole = reader.whole(until)?;
    let ends = whole.iter().map(|range| (range.partition, range.to)).collect();
    let whole = in_time(&reader, whole, filter, until)?;
    let count = i32::try_from(whole.len().max(1)).unwrap_or(i32::MAX);
    // A letter is in the partition of its record, unless partitions were added since: it is found in its own at once, and else
    // wherever it is.
    let is_likely = |range: &Range| filter.source.is_none_or(|at| at.partition.0 % count == range.partition);
    let (likely, others): (Vec<_>, Vec<_>) = whole.into_iter().partition(is_likely);
    let mut back = Back { question, newest: Newest::default(), read: 0 };
    let mut complete = true;
    for ranges in [likely, others] {
        let is_found = filter.source.is_some() && !back.newest.is_empty();
        complete = complete && (is_found || back.read_all(&reader, ranges, until)?);
    }
    let (letters, is_whole) = back.newest.end(wanted.limit);
    Ok(Tail { letters, complete: complete && is_whole, read: back.read, ends })
}

/// The parts of these ranges that were written in the time that a filter asks for.
fn in_time(
    reader: &RangeReader<'_>,
    mut ranges: Vec<Range>,
    filter: &Filter,
    until: Instant,
) -> Result<Vec<Range>, RangeError> {
    if let Some(time) = filter.from {
        let first = reader.first_since(&ranges, time, until)?;
        ranges.iter_mut().for_each(|range| range.from = first.get(&range.partition).copied().unwrap_or(range.to));
    }
    if let Some(time) = filter.to {
        let past = reader.first_since(&ranges, time, until)?;
        ranges.iter_mut().for_each(|range| range.to = past.get(&range.partition).copied().unwrap_or(range.to));
    }
    Ok(ranges)
}

/// Reading backwards, and what was found so far.
struct Back<'a> {
    question: Question<'a>,
    newest: Newest,
    read: u64,
}

impl Back<'_> {
    /// Until nothing before is wanted. False: `until` came first.
    fn read_all(&mut self, reader: &RangeReader<'_>, ranges: Vec<Range>, until: Instant) -> Result<bool, RangeError> {
        let (question, limit) = (self.question, self.question.wanted.limit);
        let mut partitions: Vec<Backwards> = ranges.into_iter().map(Backwards::new).collect();
        loop {
            let newest = &self.newest;
            let ranges: Vec<Range> =
                partitions.iter_mut().filter_map(|partition| partition.next_range(limit, newest)).collect();
            if ranges.is_empty() {
                return Ok(true);
            }
            let in_time = reader.read(&ranges, until, |message| {
                self.read += 1;
                let partition = partitions.iter_mut().find(|partition| partition.id == message.partition());
                partition.expect("only what was asked for comes").see(message, question, &mut self.newest);
            })?;
            if !in_time {
                return Ok(false);
            }
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

    fn see(&mut self, message: &BorrowedMessage<'_>, question: Question<'_>, newest: &mut Newest) {
        let Question { wanted, filter, has_code } = question;
        // Asked before anything is copied: with a code, most of what is read is not wanted.
        if wanted.code.is_none_or(|code| has_code(message, code)) && filter.takes(message) {
            self.seen += 1;
            self.first.get_or_insert_with(|| age(message));
            newest.add(message, wanted);
        }
    }
}

/// As [`Shown::header`]: of two the later.
fn has_code(message: &BorrowedMessage<'_>, code: &str) -> bool {
    last_header(message, "weir.code") == code.as_bytes()
}
