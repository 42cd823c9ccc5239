//! How many batches are open ahead of the one that is judged, so that a worker does not stand still for each answer of Redis.

use std::time::Duration;

use crate::model::record::Batch;

/// Batches that may be open at once: two, while Redis answers as fast as batches are judged, and as many as it takes where
/// it is far. Sixteen of 2,000 records of 1 KB are 32 MB and their columns.
const LEAST_OPEN: usize = 2;
const MOST_OPEN: usize = 16;

/// Time of waiting for an answer from which more batches are opened: several times what a Redis on this machine takes.
const NOTICED: Duration = Duration::from_millis(2);

/// How many batches are open at once: more each time that a worker had nothing to judge until an answer came, fewer again
/// when a whole fetch went by without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    open: usize,
    waited: bool,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { open: LEAST_OPEN, waited: false }
    }
}

impl Ahead {
    pub(super) fn open(self) -> usize {
        self.open
    }

    /// Until something else than an answer was to be done, this long.
    pub(super) fn waited(&mut self, long: Duration) {
        if long >= NOTICED {
            self.waited = true;
        }
    }

    /// Records of the next fetch. All of them are judged before there is another, so no more batches are open than it has.
    pub(super) fn fetch(&mut self, least: usize) -> usize {
        self.open = match std::mem::take(&mut self.waited) {
            true => (self.open * 2).min(MOST_OPEN),
            false => (self.open - 1).max(LEAST_OPEN),
        };
        // Else the last of a fetch would be waited for with nothing behind them.
        least.max(2 * self.open.saturating_sub(LEAST_OPEN) * Batch::MAX_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_batches_are_open_the_farther_redis_is_and_fewer_when_it_is_near_again() {
        let mut ahead = Ahead::default();
        let mut after = |wait: u64| {
            ahead.waited(Duration::from_millis(wait));
            let fetch = ahead.fetch(8_000);
            (ahead.open, fetch)
        };
        assert_eq!(after(0), (2, 8_000));
        assert_eq!([after(10), after(10), after(10), after(10)], [(4, 8_000), (8, 24_000), (16, 56_000), (16, 56_000)]);
        let near: Vec<_> = (0..20).map(|_| after(1).0).collect();
        assert_eq!((near[0], near[19]), (15, 2));
    }
}
