//! The next checkpoint in the making: what a worker has judged since its last one, as positions, letters, alerts and
//! activations. Bounded by the caller, which asks for [`CheckpointBuilder::records`] and
//! [`CheckpointBuilder::letter_bytes`] before it fetches more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::CHUNK;
use super::alerts::{AlertBudget, PendingAlerts};
use super::claim::ResumePoint;
use crate::model::alert::Alert;
use crate::model::checkpoint::{Activation, Checkpoint, OutboxChunk, PartitionProgress, WindowDelta};
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::letter::{Reason, Source};
use crate::outbox::format::{Alerts, Letters};

/// How far a partition was judged, beyond what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positioned {
    /// Epoch: the fencing token under which it was claimed.
    pub epoch: u64,
    /// N as stored, or as the checkpoint in flight will store it.
    pub from: Offset,
    /// Next offset to judge.
    pub to: Offset,
    /// The newest revision that judged it.
    pub revision: Option<Revision>,
}

/// Collects what a worker judges from one checkpoint to the next.
#[derive(Debug, Default)]
pub struct CheckpointBuilder {
    partitions: BTreeMap<Partition, Positioned>,
    letters: BTreeMap<Partition, Vec<Letters>>,
    alerts: PendingAlerts,
    /// An alert has no room any more and may not be only counted: nothing further is judged.
    waits_for_alerts: bool,
    activations: Vec<Activation>,
    records: usize,
    letter_bytes: usize,
}

impl CheckpointBuilder {
    /// Forgets everything and begins again where the partitions were claimed.
    pub fn restart(&mut self, points: &[ResumePoint]) {
        *self = Self::default();
        for point in points {
            let at = Positioned { epoch: point.epoch, from: point.next, to: point.next, revision: point.revision };
            self.partitions.insert(point.partition, at);
        }
    }

    /// How far a partition was judged; None: it is not ours to judge.
    pub fn position(&self, partition: Partition) -> Option<Positioned> {
        self.partitions.get(&partition).copied()
    }

    /// Every partition that may be judged, and its position.
    pub fn positions(&self) -> impl Iterator<Item = (Partition, Positioned)> + '_ {
        self.partitions.iter().map(|(partition, at)| (*partition, *at))
    }

    /// Records judged since the last checkpoint.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of encoded letters and alerts since the last checkpoint.
    pub fn letter_bytes(&self) -> usize {
        self.letter_bytes
    }

    /// Whether there is anything to checkpoint.
    pub fn is_empty(&self) -> bool {
        self.partitions.values().all(|at| at.from == at.to)
    }

    /// Adds a dead letter of this partition, in order of offset.
    pub fn letter(&mut self, partition: Partition, source: &Source<'_>, reason: &Reason<'_>) {
        let chunks = self.letters.entry(partition).or_default();
        if chunks.is_empty() {
            chunks.push(Letters::default());
        }
        let chunk = chunks.last_mut().expect("one was just pushed if there was none");
        let before = chunk.len();
        chunk.push(source, reason);
        self.letter_bytes += chunk.len() - before;
        if before > 0 && chunk.len() > CHUNK {
            let moved = chunk.split(before, source.offset);
            chunks.push(moved);
        }
    }

    /// How many more alerts of this partition are sent before the next checkpoint.
    pub fn alert_room(&self, partition: Partition, most: u32) -> u32 {
        self.alerts.room(partition, most)
    }

    /// Adds the alert of the flagged record at this offset, in order of offset. Beyond the budget it is not made, but counted by
    /// these codes. Returns whether it is sent.
    pub fn alert<'a, 'c>(
        &mut self,
        (partition, offset): (Partition, Offset),
        budget: AlertBudget<'_>,
        codes: impl Iterator<Item = &'c str>,
        make: impl FnOnce() -> Alert<'a>,
    ) -> bool {
        let sent = self.alert_room(partition, budget.most) > 0;
        match sent {
            true => self.letter_bytes += self.alerts.send(partition, budget.topic, &make()),
            false => self.alerts.count(partition, offset, codes),
        }
        sent
    }

    /// The next alert belongs into the next checkpoint, so this one ends here.
    pub fn end_before_an_alert(&mut self) {
        self.waits_for_alerts = true;
    }

    /// Whether the checkpoint has to be made before anything else is judged.
    pub fn waits_for_alerts(&self) -> bool {
        self.waits_for_alerts
    }

    /// A batch was judged by this revision, up to here.
    pub fn judged(&mut self, partition: Partition, first: Offset, next: Offset, records: usize, revision: Revision) {
        let Some(at) = self.partitions.get_mut(&partition) else { return };
        if at.revision != Some(revision) {
            self.activations.push(Activation { partition, first_offset: first, revision });
            at.revision = Some(revision);
        }
        at.to = next;
        self.records += records;
    }

    /// Moves the position to `next`, before which there is nothing more to read: behind the last record there are only
    /// control records and aborted ones. Without it the group's offset would never reach the end of such a log.
    pub fn passed(&mut self, partition: Partition, next: Offset) {
        if let Some(at) = self.partitions.get_mut(&partition) {
            at.to = at.to.max(next);
        }
    }

    /// Makes everything since the last checkpoint the next one, and is at its end. None: nothing moved.
    pub fn finish(
        &mut self,
        windows: Vec<WindowDelta>,
        watermark: impl Fn(Partition) -> Option<i64>,
    ) -> Option<Checkpoint> {
        if self.is_empty() {
            return None;
        }
        let mut checkpoint = Checkpoint { windows, ..Checkpoint::default() };
        for (partition, at) in self.partitions.iter_mut().filter(|(_, at)| at.from != at.to) {
            checkpoint.partitions.push(PartitionProgress {
                partition: *partition,
                epoch: at.epoch,
                from: at.from,
                to: at.to,
                watermark: watermark(*partition),
            });
            at.from = at.to;
        }
        checkpoint.outbox = self.take_outbox();
        checkpoint.activations = std::mem::take(&mut self.activations);
        checkpoint.activations.sort_by_key(|activation| (activation.partition, activation.first_offset));
        self.records = 0;
        self.letter_bytes = 0;
        self.waits_for_alerts = false;
        Some(checkpoint)
    }

    /// Chunks of a partition are numbered through, whatever their destination.
    fn take_outbox(&mut self) -> Arc<[OutboxChunk]> {
        let mut chunks: BTreeMap<Partition, Vec<(Offset, Vec<u8>)>> = BTreeMap::new();
        for (partition, letters) in std::mem::take(&mut self.letters) {
            let letters = letters.into_iter().filter_map(|of| Some((of.first_offset()?, of.into_bytes())));
            chunks.entry(partition).or_default().extend(letters);
        }
        for (partition, alerts) in self.alerts.take() {
            let alerts = alerts.into_iter().filter_map(|of: Alerts| Some((of.first_offset()?, of.into_bytes())));
            chunks.entry(partition).or_default().extend(alerts);
        }
        let of_partition = |(partition, chunks): (Partition, Vec<_>)| {
            let numbered = (0..).zip(chunks);
            numbered.map(move |(chunk, (first_offset, letters))| OutboxChunk {
                partition,
                first_offset,
                chunk,
                letters,
            })
        };
        chunks.into_iter().flat_map(of_partition).collect()
    }
}
