//! How many keys are asked at once: as many as the time-out carries. A batch has up to 2,000 keys, and values may be large or the
//! way narrow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// More keys than a batch has.
const ALL: usize = 4_096;

pub(super) struct Parts(AtomicUsize);

impl Default for Parts {
    fn default() -> Self {
        Self(AtomicUsize::new(ALL))
    }
}

impl Parts {
    pub(super) fn size(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// So many keys had no answer in time. Several batches may meet that at once: they halve it once.
    pub(super) fn halve(&self, keys: usize) -> usize {
        self.0.fetch_min((keys / 2).max(1), Ordering::Relaxed);
        self.size()
    }

    /// So many had one: twice as many are asked next if even they take half of the time-out at most.
    pub(super) fn fitted(&self, keys: usize, took: Duration, timeout: Duration) {
        let size = self.size();
        if size < ALL && keys == size && took * 4 <= timeout {
            self.0.store((size * 2).min(ALL), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_shrink_to_one_key_and_grow_again_while_there_is_time_to_spare() {
        let (parts, timeout) = (Parts::default(), Duration::from_millis(200));
        assert_eq!(parts.halve(2_000), 1_000);
        assert_eq!(parts.halve(2_000), 1_000, "another batch that was asked at the same time");
        for _ in 0..20 {
            parts.halve(parts.size());
        }
        assert_eq!(parts.size(), 1);
        parts.fitted(1, timeout / 2, timeout);
        assert_eq!(parts.size(), 1, "two might not fit");
        for _ in 0..20 {
            parts.fitted(parts.size(), timeout / 4, timeout);
        }
        assert_eq!(parts.size(), ALL);
        parts.halve(2_000);
        parts.fitted(10, Duration::ZERO, timeout);
        assert_eq!(parts.size(), 1_000, "ten keys tell nothing of a thousand");
    }
}
