//! The next checkpoint in the making: what a worker has judged since its last one, as positions, letters and activations.
//! Bounded by the caller, which asks for [`CheckpointBuilder::records`] and [`CheckpointBuilder::letter_bytes`] before it
//! fetches more.

use std::collections::BTreeMap;

use super::claim::ResumePoint;
use crate::model::checkpoint::{Activation, Checkpoint, OutboxChunk, PartitionProgress, WindowDelta};
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::letter::{Reason, Source};
use crate::outbox::format::Letters;

/// An outbox row stays below MariaDB's default max_allowed_packet with room to spare. Only a letter that is larger by
/// itself makes a larger one, and [`Letters`] bounds that.
const CHUNK: usize = 4 << 20;

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

    /// Bytes of encoded letters since the last checkpoint.
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
        let mut outbox = Vec::new();
        for (partition, chunks) in std::mem::take(&mut self.letters) {
            outbox.extend(chunks.into_iter().zip(0..).filter_map(|(letters, chunk)| {
                let first_offset = letters.first_offset()?;
                Some(OutboxChunk { partition, first_offset, chunk, letters: letters.into_bytes() })
            }));
        }
        checkpoint.outbox = outbox.into();
        checkpoint.activations = std::mem::take(&mut self.activations);
        checkpoint.activations.sort_by_key(|activation| (activation.partition, activation.first_offset));
        self.records = 0;
        self.letter_bytes = 0;
        Some(checkpoint)
    }
}
