//! How many records are handed over to librdkafka before they go. Knows no Kafka.

use std::time::{Duration, Instant};

/// A record waits at most so long before it goes, at a rate.
const GATHER: Duration = Duration::from_millis(20);
/// What is in memory at once: bytes, and records.
pub(super) const QUEUE_BYTES: usize = 64 << 20;
pub(super) const QUEUE_RECORDS: usize = 100_000;

/// What is handed over and not under way yet. The idempotent producer has one request of a partition under way, so a round is
/// about one batch of each, and the next is handed over when all of it has arrived.
pub(super) struct Round {
    most_bytes: usize,
    most_records: usize,
    bytes: usize,
    records: usize,
    since: Instant,
}

impl Round {
    /// `batch`: bytes and records of a batch. Keys spread unevenly, hence three quarters.
    pub(super) fn new(partitions: usize, batch: (usize, usize)) -> Self {
        let of_all = |most: usize, queue: usize| (most.saturating_mul(partitions) / 4 * 3).clamp(1, queue / 2);
        let (most_bytes, most_records) = (of_all(batch.0, QUEUE_BYTES), of_all(batch.1, QUEUE_RECORDS));
        Self { most_bytes, most_records, bytes: 0, records: 0, since: Instant::now() }
    }

    /// True: it is full.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        if self.records == 0 {
            self.since = Instant::now();
        }
        self.records += 1;
        self.bytes += bytes;
        self.records >= self.most_records || self.bytes >= self.most_bytes
    }

    /// Until the first of it has to go; none: it is empty.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.records > 0).then(|| self.since + GATHER)
    }

    pub(super) fn goes(&mut self) {
        (self.bytes, self.records) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_full_by_bytes_or_records_and_due_from_its_first_record_on() {
        let mut round = Round::new(4, (1_000, 10));
        assert_eq!((round.most_bytes, round.most_records, round.due()), (3_000, 30, None));
        assert!(!round.add(2_999) && round.due().is_some() && round.add(1));
        round.goes();
        assert!(round.due().is_none() && (1..30).all(|_| !round.add(1)) && round.add(1));
        // However many partitions there are, what is not under way yet is half of what may be in memory.
        assert_eq!(Round::new(1_000, (1_000_000, 10_000)).most_bytes, QUEUE_BYTES / 2);
    }
}
