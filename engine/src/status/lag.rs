//! How far judging is behind the topic, as time: how old the oldest record is that is not judged, and how that goes on. Nothing here
//! is a number of records divided by a rate: what is said of a record is said by its own timestamp.

use super::PartitionStatus;

/// The least age of what a change is measured against, in milliseconds: the ends of the logs are asked for every 5 s.
const APART_MS: i64 = 10_000;
/// The age at which it is replaced, in milliseconds.
const RENEWED_MS: i64 = 30_000;

/// An upper bound, in milliseconds, on the age of the partition's oldest record that is not judged: 0 if there is none, None if that
/// is not known. `now`: epoch milliseconds.
///
/// Two things are known of that record. It is behind the one that was judged last, so by Kafka's timestamps it is no older. And it
/// came after the log was last seen without a record that was not judged.
pub fn oldest_ms(status: &PartitionStatus, now: i64) -> Option<i64> {
    if status.lag()? == 0 {
        return Some(0);
    }
    let ages = [status.judged_at, status.caught_up_at].into_iter().flatten().map(|at| (now - at).max(0));
    ages.min()
}

/// How the lag of one partition changes, over the last 10 to 60 s.
#[derive(Clone, Copy, Debug)]
pub struct Trend {
    /// Time in epoch milliseconds, and the lag then.
    older: (i64, i64),
    newer: (i64, i64),
}

impl Trend {
    /// Begins with this lag, in records, at this time, in epoch milliseconds.
    pub fn new(now: i64, lag: i64) -> Self {
        Self { older: (now, lag), newer: (now, lag) }
    }

    /// By how many records a second the lag changes, negative if it falls; None: it is not known for long enough.
    pub fn note(&mut self, now: i64, lag: i64) -> Option<i64> {
        if now < self.newer.0 {
            // The clock was set back.
            *self = Self::new(now, lag);
        }
        if now - self.newer.0 >= RENEWED_MS {
            self.older = self.newer;
            self.newer = (now, lag);
        }
        let (at, before) = self.older;
        let over = now - at;
        (over >= APART_MS).then(|| (lag - before).saturating_mul(1_000) / over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition with two records that are not judged.
    fn behind(judged_at: Option<i64>, caught_up_at: Option<i64>) -> PartitionStatus {
        PartitionStatus { judged: Some(8), end: Some(10), judged_at, caught_up_at, ..PartitionStatus::default() }
    }

    #[test]
    fn the_oldest_record_is_no_older_than_the_one_before_it_and_no_older_than_the_last_look_that_found_none() {
        for (status, wanted) in [
            (behind(Some(7_000), None), Some(3_000)),
            (behind(Some(7_000), Some(9_000)), Some(1_000)),
            // A record came after an hour of silence: it is seconds old, not an hour.
            (behind(Some(-3_600_000), Some(5_000)), Some(5_000)),
            (behind(None, None), None),
            // The producer's clock is ahead of ours.
            (behind(Some(12_000), None), Some(0)),
            (PartitionStatus { judged: Some(10), ..behind(Some(1), None) }, Some(0)),
            (PartitionStatus { end: None, ..behind(Some(1), None) }, None),
        ] {
            assert_eq!(oldest_ms(&status, 10_000), wanted, "{status:?}");
        }
    }

    #[test]
    fn a_change_is_that_of_the_last_minute_at_most() {
        let mut trend = Trend::new(0, 1_000);
        assert_eq!(trend.note(5_000, 2_000), None, "too soon");
        assert_eq!(trend.note(10_000, 2_000), Some(100));
        // It falls from then on, and after a minute nothing is left of how it rose.
        let falls = (11..=80).map(|second| trend.note(second * 1_000, 2_000 - (second - 10) * 20)).last();
        assert_eq!(falls, Some(Some(-20)));
        assert_eq!(trend.note(5_000, 0), None, "the clock was set back");
    }
}
