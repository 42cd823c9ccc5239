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
/// The longest that a round reads.
const ROUND: Duration = Duration::from_secs(30);

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

    /// What has come since, in the order in which it was written. Blocks. If it fails, the next round reads the same again.
    ///
    /// # Errors
    /// The topic cannot be read now.
    pub fn read_on(&mut self) -> Result<Vec<Shown>, RangeError> {
        let until = Instant::now() + ROUND;
        let whole = self.reader.whole(until)?;
        let ranges = plan(whole, &self.next);
        let (mut shown, code) = (BTreeMap::new(), self.code);
        let whole = self.reader.read(&ranges, until, |message| {
            if code.is_none_or(|code| alerts::has_code(message, code)) {
                shown.insert(age(message), Shown::of(message, usize::MAX));
            }
        })?;
        if !whole {
            return Ok(Vec::new());
        }
        self.next.extend(ranges.iter().map(|range| (range.partition, range.to)));
        Ok(shown.into_values().collect())
    }
}

/// What comes next of each partition.
fn plan(whole: Vec<Range>, next: &BTreeMap<i32, i64>) -> Vec<Range> {
    let most = (ALL / i64::try_from(whole.len().max(1)).unwrap_or(ALL)).clamp(LEAST, MOST);
    let range = |Range { partition, from: low, to }| {
        // A topic that was made anew may be shorter.
        let from = next.get(&partition).copied().unwrap_or(low).clamp(low, to);
        Range { partition, from, to: to.min(from + most) }
    };
    whole.into_iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(partitions: i32, next: &[(i32, i64)]) -> Vec<(i64, i64)> {
        let whole = (0..partitions).map(|partition| Range { partition, from: 50, to: 1_000_000 }).collect();
        let ranges = plan(whole, &next.iter().copied().collect());
        ranges.iter().map(|range| (range.from, range.to)).collect()
    }

    #[test]
    fn a_round_goes_on_where_the_last_one_ended_and_holds_no_more_for_many_partitions() {
        let next = [(0, 700), (1, 7), (2, 2_000_000)];
        let wanted = [(700, 10_700), (50, 10_050), (1_000_000, 1_000_000), (50, 10_050)];
        assert_eq!(planned(4, &next), wanted);
        let many = planned(1_000, &[]);
        assert_eq!(many.iter().map(|(from, to)| to - from).sum::<i64>(), ALL);
    }
}
