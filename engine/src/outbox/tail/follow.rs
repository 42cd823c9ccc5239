//! What comes into an alert topic behind what was read of it, a round at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::newest::{Shown, age};
use super::{Tail, alerts};
use crate::config::Properties;
use crate::kafka::{Cluster, Range, RangeError, RangeReader};

/// Offsets that a round reads of a partition at most: what it holds is bounded.
const MOST: i64 = 10_000;
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
        let new = |whole: Range| {
            // A topic that was made anew may be shorter.
            let from = self.next.get(&whole.partition).copied().unwrap_or(whole.from).clamp(whole.from, whole.to);
            Range { partition: whole.partition, from, to: whole.to.min(from + MOST) }
        };
        let ranges: Vec<Range> = self.reader.whole(until)?.into_iter().map(new).collect();
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
