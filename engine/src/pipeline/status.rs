//! What the workers do, for `/pipeline`, `/readyz` and the demo. Written once a batch or step, never once a record.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::conditions::Conditions;
use crate::model::ids::{Offset, Partition};

/// How far a partition is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Worker that has it.
    pub worker: usize,
    /// Next offset to judge.
    pub judged: Option<i64>,
    /// N: what the store holds.
    pub committed: Option<i64>,
    /// The end of the log, as last asked.
    pub end: Option<i64>,
    /// Epoch milliseconds; None: no record moved it yet.
    pub watermark: Option<i64>,
    /// Why it is stopped, if it is.
    pub error: Option<String>,
}

impl PartitionStatus {
    /// Ours, but not yet where it can be judged: the store or the group has not answered.
    pub fn is_being_taken(&self) -> bool {
        self.error.is_none() && self.committed.is_none()
    }
}

/// Shared by all workers of a process.
#[derive(Debug)]
pub struct Status {
    since: Instant,
    judged: AtomicU64,
    workers: AtomicU64,
    /// Workers that the group has given partitions, none included.
    members: Mutex<std::collections::BTreeSet<usize>>,
    partitions: Mutex<BTreeMap<Partition, PartitionStatus>>,
    /// What keeps a worker from judging, by worker: the store, Kafka, a lookup.
    waiting: Mutex<BTreeMap<usize, String>>,
    /// Why the store did not answer when it was last asked.
    store: Mutex<Option<String>>,
    conditions: Conditions,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            judged: AtomicU64::new(0),
            workers: AtomicU64::new(0),
            members: Mutex::default(),
            partitions: Mutex::default(),
            waiting: Mutex::default(),
            store: Mutex::default(),
            conditions: Conditions::default(),
        }
    }
}

impl Status {
    /// What workers and the start found that an operator has to look at.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Seconds since the start.
    pub fn uptime(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    /// Records judged since the start, those that were judged again after a failure included.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Relaxed)
    }

    /// Every partition that this process has or had to stop.
    pub fn partitions(&self) -> BTreeMap<Partition, PartitionStatus> {
        self.partitions.lock().expect("no code panics while it holds the lock").clone()
    }

    /// What keeps workers from judging; empty when all is well.
    pub fn waiting(&self) -> Vec<String> {
        self.waiting.lock().expect("no code panics while it holds the lock").values().cloned().collect()
    }

    /// Why the store did not answer when it was last asked; None: it did.
    pub fn store_away(&self) -> Option<String> {
        self.store.lock().expect("no code panics while it holds the lock").clone()
    }

    pub(super) fn store(&self, away: Option<String>) {
        *self.store.lock().expect("no code panics while it holds the lock") = away;
    }

    /// How many there are.
    pub fn workers(&self) -> u64 {
        self.workers.load(Ordering::Relaxed)
    }

    /// Whether any worker is a member of the group.
    pub fn kafka_up(&self) -> bool {
        !self.members.lock().expect("no code panics while it holds the lock").is_empty()
    }

    pub(super) fn add_worker(&self) {
        self.workers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn joined(&self, worker: usize) {
        self.members.lock().expect("no code panics while it holds the lock").insert(worker);
    }

    /// The end of its log; an answer that comes after the partition was let go says nothing any more.
    pub(super) fn end(&self, partition: Partition, end: Offset) {
        let mut partitions = self.partitions.lock().expect("no code panics while it holds the lock");
        if let Some(status) = partitions.get_mut(&partition) {
            status.end = Some(end.0);
        }
    }

    /// The group gave them; until they are taken, nothing of them is judged.
    pub(super) fn taking(&self, worker: usize, partitions: &[Partition]) {
        for partition in partitions {
            self.update(*partition, |status| {
                *status = PartitionStatus { worker, end: status.end, ..Default::default() }
            });
        }
    }

    pub(super) fn add_judged(&self, records: u64) {
        self.judged.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn waits(&self, worker: usize, why: Option<String>) {
        let mut waiting = self.waiting.lock().expect("no code panics while it holds the lock");
        match why {
            Some(why) => waiting.insert(worker, why),
            None => waiting.remove(&worker),
        };
    }

    /// Records flow: whatever kept them from being read is over.
    pub(super) fn judged_to(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.judged = Some(next.0);
            status.error = None;
        });
    }

    /// It is consumed from here: whatever had stopped it is over.
    pub(super) fn taken(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.committed = Some(next.0);
            status.error = None;
        });
    }

    /// How far event time is in a partition that is ours.
    pub(super) fn watermark(&self, partition: Partition, watermark: Option<i64>) {
        let mut partitions = self.partitions.lock().expect("no code panics while it holds the lock");
        if let Some(status) = partitions.get_mut(&partition) {
            status.watermark = watermark;
        }
    }

    pub(super) fn committed(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.committed = Some(next.0);
        });
    }

    pub(super) fn stopped(&self, worker: usize, partition: Partition, why: String) {
        self.update(partition, |status| {
            status.worker = worker;
            status.error = Some(why);
        });
    }

    pub(super) fn let_go(&self, worker: usize) {
        self.members.lock().expect("no code panics while it holds the lock").remove(&worker);
        self.partitions
            .lock()
            .expect("no code panics while it holds the lock")
            .retain(|_, status| status.worker != worker);
    }

    fn update(&self, partition: Partition, change: impl FnOnce(&mut PartitionStatus)) {
        change(self.partitions.lock().expect("no code panics while it holds the lock").entry(partition).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_partition_stays_stopped_when_a_step_ends_and_goes_on_when_it_is_taken() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.stopped(0, p, "the offset is outside the log".into());
        status.committed(0, p, Offset(9));
        assert!(status.partitions()[&p].error.is_some(), "a step in flight says nothing about reading on");
        status.taken(0, p, Offset(9));
        assert_eq!(status.partitions()[&p].error, None);
    }

    #[test]
    fn a_partition_is_being_taken_from_its_assignment_until_its_position_is_known() {
        let (status, p) = (Status::default(), Partition(3));
        status.taking(0, &[p]);
        assert!(status.partitions()[&p].is_being_taken());
        status.taken(0, p, Offset(5));
        assert!(!status.partitions()[&p].is_being_taken());
        status.taking(0, &[p]);
        assert!(status.partitions()[&p].is_being_taken(), "again, after a failure");
    }

    #[test]
    fn an_error_of_reading_is_over_when_a_record_comes() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.stopped(0, p, "the leader is away".into());
        status.judged_to(0, p, Offset(6));
        assert_eq!(status.partitions()[&p].error, None);
    }

    #[test]
    fn an_answer_about_a_partition_that_was_let_go_brings_it_back_no_more() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.let_go(0);
        status.end(p, Offset(9));
        assert!(status.partitions().is_empty());
    }
}
