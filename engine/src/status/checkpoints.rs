//! The last checkpoints of the process, whatever their outcome: when each ended, and how long its phases took.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Checkpoints that are kept.
const KEPT: usize = 60;

/// A checkpoint that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedCheckpoint {
    /// Its number among those of the process, from 1.
    pub id: u64,
    /// When it ended, in epoch milliseconds.
    pub at: i64,
    /// Worker that made it.
    pub worker: usize,
    /// committed, fenced or failed.
    pub outcome: &'static str,
    /// From its start to its end.
    pub took: Duration,
    /// The part in which outbox rows that are in Kafka were deleted.
    pub clear: Duration,
    /// The part in which the group's offsets were asked for.
    pub group_offsets: Duration,
    /// The first transaction, waiting included.
    pub database: Duration,
    /// The second one, waiting included.
    pub kafka: Duration,
    /// Partitions that it moved.
    pub partitions: usize,
    /// By how many offsets it moved them together.
    pub offsets: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Checkpoints(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// How many there were.
    ended: u64,
    last: VecDeque<EndedCheckpoint>,
}

impl Checkpoints {
    /// The last 60, oldest first.
    pub fn last(&self) -> Vec<EndedCheckpoint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.iter().cloned().collect()
    }

    /// One has ended; it gets its number here.
    pub(crate) fn add(&self, ended: EndedCheckpoint) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.ended += 1;
        let id = kept.ended;
        if kept.last.len() == KEPT {
            kept.last.pop_front();
        }
        kept.last.push_back(EndedCheckpoint { id, ..ended });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sixty_are_kept_and_a_number_is_never_given_twice() {
        let checkpoints = Checkpoints::default();
        for at in 0..100 {
            checkpoints.add(EndedCheckpoint {
                id: 0,
                at,
                worker: 0,
                outcome: "committed",
                took: Duration::from_millis(3),
                clear: Duration::ZERO,
                group_offsets: Duration::ZERO,
                database: Duration::from_millis(1),
                kafka: Duration::from_millis(2),
                partitions: 1,
                offsets: 7,
            });
        }
        let last: Vec<_> = checkpoints.last().into_iter().map(|ended| (ended.id, ended.at)).collect();
        assert_eq!((last.len(), last[0], last[59]), (60, (41, 40), (100, 99)));
    }
}
