//! How far partitions are: judged, committed, and where their logs end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::ids::{Offset, Partition};

/// How far a partition is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Worker that has it.
    pub worker: usize,
    /// Next offset to judge.
    pub judged: Option<i64>,
    /// K: where the last checkpoint that is through ended, which N was then, too.
    pub committed: Option<i64>,
    /// Epoch under which it was claimed.
    pub epoch: Option<u64>,
    /// The end of the log, as last asked.
    pub end: Option<i64>,
    /// Kafka's timestamp of the record that was judged last, in epoch milliseconds; None: none was, or it has none.
    pub judged_at: Option<i64>,
    /// When its log was last asked for and held no record that was not judged, in epoch milliseconds.
    pub caught_up_at: Option<i64>,
    /// Epoch milliseconds; None: no record moved it yet.
    pub watermark: Option<i64>,
    /// Why it is stopped, if it is.
    pub error: Option<String>,
}

impl PartitionStatus {
    /// Ours, but not yet where it can be judged: the store or the group has not answered.
    pub fn is_being_claimed(&self) -> bool {
        self.error.is_none() && self.committed.is_none()
    }

    /// Offsets up to the end of the log, as last asked, that are not judged; None: not known.
    pub fn lag(&self) -> Option<i64> {
        self.end.zip(self.judged.or(self.committed)).map(|(end, at)| (end - at).max(0))
    }
}

/// What was judged since the start, what was judged again after a failure included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// Of these, dead letters.
    pub letters: u64,
    /// Of these, valid records that a rule flagged.
    pub flagged: u64,
}

/// Every partition that this process has or had to stop, and the totals of all.
#[derive(Debug, Default)]
pub struct Partitions {
    all: Mutex<BTreeMap<Partition, PartitionStatus>>,
    records: AtomicU64,
    letters: AtomicU64,
    flagged: AtomicU64,
    /// When a checkpoint was last through.
    checkpoint: Mutex<Option<Instant>>,
}

impl Partitions {
    /// All of them.
    pub fn all(&self) -> BTreeMap<Partition, PartitionStatus> {
        self.lock().clone()
    }

    /// Records judged since the start, those that were judged again after a failure included.
    pub fn records_judged(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// What was judged since the start. Its numbers may be a batch apart.
    pub fn totals(&self) -> Totals {
        Totals {
            records: self.records_judged(),
            letters: self.letters.load(Ordering::Relaxed),
            flagged: self.flagged.load(Ordering::Relaxed),
        }
    }

    /// Time since a checkpoint was last through; None: none was.
    pub fn last_checkpoint_age(&self) -> Option<Duration> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// The partitions of which more is judged than is stored, each with both offsets, for a person.
    pub(crate) fn uncommitted(&self) -> Vec<String> {
        let all = self.all().into_iter().filter_map(|(partition, status)| {
            let (judged, stored) = (status.judged?, status.committed?);
            (judged > stored).then(|| format!("partition {partition} (judged to {judged}, stored to {stored})"))
        });
        all.collect()
    }

    /// The group gave them; until they are claimed, nothing of them is judged.
    pub(crate) fn claiming(&self, worker: usize, partitions: &[Partition]) {
        for partition in partitions {
            self.update(*partition, |status| {
                *status = PartitionStatus { worker, end: status.end, ..Default::default() }
            });
        }
    }

    /// It is consumed from here: whatever had stopped it is over.
    pub(crate) fn claimed(&self, worker: usize, partition: Partition, epoch: u64, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.epoch = Some(epoch);
            status.committed = Some(next.0);
            status.error = None;
        });
    }

    /// A batch was judged.
    pub(crate) fn add_judged(&self, batch: Totals) {
        self.records.fetch_add(batch.records, Ordering::Relaxed);
        self.letters.fetch_add(batch.letters, Ordering::Relaxed);
        self.flagged.fetch_add(batch.flagged, Ordering::Relaxed);
    }

    /// Records flow: whatever kept them from being read is over.
    pub(crate) fn judged_to(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.judged = Some(next.0);
            status.error = None;
        });
    }

    /// A checkpoint of this partition is through.
    pub(crate) fn committed(&self, worker: usize, partition: Partition, next: Offset) {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.update(partition, |status| {
            status.worker = worker;
            status.committed = Some(next.0);
        });
    }

    /// It is not read on, and why.
    pub(crate) fn stopped(&self, worker: usize, partition: Partition, why: String) {
        self.update(partition, |status| {
            status.worker = worker;
            status.error = Some(why);
        });
    }

    /// The end of its log, and when it was asked for, in epoch milliseconds; an answer that comes after the partition was let go
    /// says nothing any more.
    pub(crate) fn set_end(&self, partition: Partition, end: Offset, asked_at: i64) {
        if let Some(status) = self.lock().get_mut(&partition) {
            status.end = Some(end.0);
            if status.lag() == Some(0) {
                status.caught_up_at = Some(asked_at);
            }
        }
    }

    /// Kafka's timestamp of the record that was judged last, in epoch milliseconds; -1: it has none.
    pub(crate) fn set_judged_at(&self, partition: Partition, timestamp: i64) {
        if let Some(status) = self.lock().get_mut(&partition) {
            status.judged_at = Some(timestamp).filter(|at| *at >= 0);
        }
    }

    /// How far event time is in a partition that is ours, in epoch milliseconds.
    pub(crate) fn set_watermark(&self, partition: Partition, watermark: Option<i64>) {
        if let Some(status) = self.lock().get_mut(&partition) {
            status.watermark = watermark;
        }
    }

    pub(super) fn let_go(&self, worker: usize) {
        self.lock().retain(|_, status| status.worker != worker);
    }

    fn update(&self, partition: Partition, change: impl FnOnce(&mut PartitionStatus)) {
        change(self.lock().entry(partition).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, PartitionStatus>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition(3);

    #[test]
    fn a_stopped_partition_stays_stopped_when_a_checkpoint_ends_and_goes_on_when_it_is_taken() {
        let partitions = Partitions::default();
        partitions.claimed(0, P, 1, Offset(5));
        partitions.stopped(0, P, "the offset is outside the log".into());
        partitions.committed(0, P, Offset(9));
        assert!(partitions.all()[&P].error.is_some(), "a checkpoint in flight says nothing about reading on");
        partitions.claimed(0, P, 1, Offset(9));
        assert_eq!(partitions.all()[&P].error, None);
    }

    #[test]
    fn a_partition_is_being_taken_from_its_assignment_until_its_position_is_known() {
        let partitions = Partitions::default();
        partitions.claiming(0, &[P]);
        assert!(partitions.all()[&P].is_being_claimed());
        partitions.claimed(0, P, 1, Offset(5));
        assert!(!partitions.all()[&P].is_being_claimed());
        partitions.claiming(0, &[P]);
        assert!(partitions.all()[&P].is_being_claimed(), "again, after a failure");
    }

    #[test]
    fn an_error_of_reading_is_over_when_a_record_comes() {
        let partitions = Partitions::default();
        partitions.claimed(0, P, 1, Offset(5));
        partitions.stopped(0, P, "the leader is away".into());
        partitions.judged_to(0, P, Offset(6));
        assert_eq!(partitions.all()[&P].error, None);
    }

    #[test]
    fn an_answer_about_a_partition_that_was_let_go_brings_it_back_no_more() {
        let partitions = Partitions::default();
        partitions.claimed(0, P, 1, Offset(5));
        partitions.let_go(0);
        partitions.set_end(P, Offset(9), 0);
        assert!(partitions.all().is_empty());
    }

    #[test]
    fn what_no_checkpoint_holds_is_named_with_both_offsets() {
        let partitions = Partitions::default();
        partitions.claimed(0, P, 1, Offset(5));
        assert!(partitions.uncommitted().is_empty());
        partitions.judged_to(0, P, Offset(9));
        assert_eq!(partitions.uncommitted(), ["partition 3 (judged to 9, stored to 5)"]);
    }

    #[test]
    fn a_log_without_a_record_that_is_not_judged_is_caught_up_with_since_it_was_asked_for() {
        let partitions = Partitions::default();
        partitions.claimed(0, P, 1, Offset(5));
        for (judged, end, wanted) in
            [(7, 9, (Some(2), None)), (9, 9, (Some(0), Some(2_000))), (9, 12, (Some(3), Some(2_000)))]
        {
            partitions.judged_to(0, P, Offset(judged));
            partitions.set_end(P, Offset(end), if end == judged { 2_000 } else { 9_000 });
            let status = &partitions.all()[&P];
            assert_eq!((status.lag(), status.caught_up_at), wanted, "judged to {judged} of {end}");
        }
        partitions.claiming(0, &[P]);
        assert_eq!(partitions.all()[&P].caught_up_at, None, "another worker may have been at it meanwhile");
    }
}
