//! What comes into an alert topic behind what was read of it, a round at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::newest::{Shown, age};
use super::{Tail, alerts};
use crate::config::Properties;
use crate::kafka::{Cluster, Range, RangeError, RangeReader};

/// Offsets that a round reads of a partition at most.
const MOST: i64 = 10_000;
/// And over all partitions, as long as each has [`LEAST`]: what a round holds is bounded.
const ALL: i64 = 100_000;
/// Offsets that a round may read of each partition, however many there are.
const LEAST: i64 = 100;
/// The longest that a round reads, and the longest that it asks before what there is.
const ROUND: Duration = Duration::from_secs(30);

/// What a round has read.
#[derive(Debug, Default)]
pub struct Round {
    /// In the order in which they were written, as far as the round came.
    pub alerts: Vec<Shown>,
    /// Offsets that retention deleted before they were read. Marks of transactions among them, which are no messages. What it
    /// deletes while the round reads is not counted.
    pub deleted: u64,
    /// Partitions that end before what was read of them: their topic was made anew. They are read from their beginning.
    pub made_anew: Vec<i32>,
}

/// Reads on in an alert topic.
pub struct Follower<'a> {
    reader: RangeReader<'a>,
    /// Next offset of each partition; one that was added since begins at its log's start.
    next: BTreeMap<i32, i64>,
    code: Option<&'a str>,
}

impl<'a> Follower<'a> {
    /// Begins where this tail ended. `code`: only alerts that have it.
    ///
    /// # Errors
    /// librdkafka refuses a property.
    pub fn new(
        brokers: &'a str,
        properties: &'a Properties,
        topic: &'a str,
        tail: &Tail,
        code: Option<&'a str>,
    ) -> Result<Self, RangeError> {
        let cluster = Cluster { brokers, properties, keys: ("source.brokers or --brokers", "source.properties or -X") };
        Ok(Self { reader: RangeReader::new(cluster, topic)?, next: tail.ends.clone(), code })
    }

    /// What has come since, or a part of it where a link is slow: the next round goes on behind that. Blocks. If it fails, the next
    /// round reads the same again.
    ///
    /// # Errors
    /// The topic cannot be read now.
    pub fn read_on(&mut self) -> Result<Round, RangeError> {
        let whole = self.reader.whole(Instant::now() + ROUND)?;
        let Plan { ranges, deleted, made_anew } = plan(whole, &self.next);
        let (mut shown, mut read, code) = (BTreeMap::new(), BTreeMap::new(), self.code);
        // A time of its own: a link on which the question takes long must not leave none to read in.
        let is_whole = self.reader.read(&ranges, Instant::now() + ROUND, |message| {
            read.insert(message.partition(), message.offset() + 1);
            if code.is_none_or(|code| alerts::has_code(message, code)) {
                shown.insert(age(message), Shown::of(message, usize::MAX));
            }
        })?;
        go_on(&mut self.next, &ranges, read, is_whole);
        Ok(Round { alerts: shown.into_values().collect(), deleted, made_anew })
    }
}

/// Sets where the next round begins. `read`: the offset behind the last message of each partition that came.
fn go_on(next: &mut BTreeMap<i32, i64>, ranges: &[Range], read: BTreeMap<i32, i64>, is_whole: bool) {
    // Also of a partition of which nothing came: what was deleted before its range is told once.
    next.extend(ranges.iter().map(|range| (range.partition, if is_whole { range.to } else { range.from })));
    if !is_whole {
        next.extend(read);
    }
}

/// What a round reads, and what it cannot.
struct Plan {
    ranges: Vec<Range>,
    deleted: u64,
    made_anew: Vec<i32>,
}

/// What comes next of each partition.
fn plan(whole: Vec<Range>, next: &BTreeMap<i32, i64>) -> Plan {
    let (mut deleted, mut made_anew) = (0, Vec::new());
    let most = (ALL / i64::try_from(whole.len().max(1)).unwrap_or(ALL)).clamp(LEAST, MOST);
    let range = |Range { partition, from: low, to }| {
        let from = match next.get(&partition).copied() {
            Some(known) if known > to => {
                made_anew.push(partition);
                low
            }
            Some(known) => {
                deleted += u64::try_from(low - known).unwrap_or_default();
                known.max(low)
            }
            None => low,
        };
        Range { partition, from, to: to.min(from + most) }
    };
    let ranges = whole.into_iter().map(range).collect();
    Plan { ranges, deleted, made_anew }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(partitions: i32, next: &[(i32, i64)]) -> (Vec<(i64, i64)>, u64, Vec<i32>) {
        let whole = (0..partitions).map(|partition| Range { partition, from: 50, to: 1_000_000 }).collect();
        let Plan { ranges, deleted, made_anew } = plan(whole, &next.iter().copied().collect());
        (ranges.iter().map(|range| (range.from, range.to)).collect(), deleted, made_anew)
    }

    #[test]
    fn a_round_goes_on_where_the_last_one_ended_and_holds_no_more_for_many_partitions() {
        let next = [(0, 700), (1, 7), (2, 2_000_000)];
        let wanted = vec![(700, 10_700), (50, 10_050), (50, 10_050), (50, 10_050)];
        assert_eq!(planned(4, &next), (wanted, 43, vec![2]), "43 were deleted, and partition 2 was made anew");
        let (many, ..) = planned(1_000, &[]);
        assert_eq!(many.iter().map(|(from, to)| to - from).sum::<i64>(), ALL);
    }

    #[test]
    fn a_round_that_its_time_ends_is_gone_on_with_behind_what_was_read() {
        let ranges = [(0, 7), (1, 50), (2, 0)].map(|(partition, from)| Range { partition, from, to: from + 100 });
        let (mut next, read) = (BTreeMap::from([(0, 7), (1, 3)]), BTreeMap::from([(0, 31)]));
        go_on(&mut next, &ranges, read.clone(), false);
        assert_eq!(next, BTreeMap::from([(0, 31), (1, 50), (2, 0)]), "what is missing before 50 is told once");
        go_on(&mut next, &ranges, read, true);
        assert_eq!(next, BTreeMap::from([(0, 107), (1, 150), (2, 100)]));
    }
}
