//! The store's server side: rows, row locks, and sessions whose COMMIT may stay undecided. What a transaction changes is
//! applied at its COMMIT, under locks that it held since its statements, so nothing between can be seen or lost.

use std::collections::BTreeMap;

use weir::model::checkpoint::{Checkpoint, Claimed, OutboxChunk, PartitionProgress};
use weir::model::ids::{Offset, Partition, Revision};
use weir::model::store::StoreError;

use super::records::Sum;
use super::world::{PARTITIONS, Plant};

/// The lock of the statistics' rows, which all workers share; above those of the partitions, as in the order of locking.
pub(crate) const WINDOWS: usize = PARTITIONS;

/// `weir_partition`, its outbox rows and its newest activation.
#[derive(Clone, Default)]
pub(crate) struct Row {
    pub(crate) epoch: u64,
    pub(crate) next: Option<Offset>,
    pub(crate) published: Option<Offset>,
    watermark: Option<i64>,
    revision: Option<Revision>,
    pub(crate) checkpoint: u64,
    /// A checkpoint that was written under another epoch than that of the moment, and the epoch of the moment.
    pub(crate) foreign: Option<(u64, u64)>,
    outbox: Vec<OutboxChunk>,
}

/// What a transaction changes.
#[derive(Clone)]
pub(crate) enum Effect {
    Nothing,
    Take(Vec<usize>),
    Begin(usize, Offset),
    Checkpoint(Checkpoint),
    Published(Vec<(Partition, u64, Offset)>),
}

/// A connection in a transaction.
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) process: usize,
    /// Its COMMIT is under way and nobody knows; None: its client still speaks to it, or died before COMMIT.
    pub(crate) undecided: Option<Effect>,
    /// Its client is gone.
    pub(crate) orphaned: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Database {
    pub(crate) rows: [Row; PARTITIONS],
    /// By whom; 0: nobody.
    locks: [u32; PARTITIONS + 1],
    pub(crate) sessions: Vec<Session>,
    next_session: u32,
    pub(crate) windows: BTreeMap<(i64, [u8; 16]), Sum>,
    pub(crate) total: Sum,
}

impl Database {
    pub(crate) fn open(&mut self, process: usize) -> u32 {
        self.next_session += 1;
        self.sessions.push(Session { id: self.next_session, process, undecided: None, orphaned: false });
        self.next_session
    }

    pub(crate) fn session(&mut self, id: u32) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Whether the session has the lock now.
    pub(crate) fn lock(&mut self, session: u32, lock: usize) -> bool {
        let holder = &mut self.locks[lock];
        if *holder == 0 {
            *holder = session;
        }
        *holder == session
    }

    /// COMMIT done or rolled back: the session and its locks are gone.
    pub(crate) fn close(&mut self, session: u32) {
        self.sessions.retain(|other| other.id != session);
        for holder in self.locks.iter_mut().filter(|holder| **holder == session) {
            *holder = 0;
        }
    }

    /// Decides a COMMIT that was under way, or ends a session whose client died before it.
    pub(crate) fn resolve(&mut self, session: u32, commit: bool, plant: Plant) -> bool {
        let effect = self.session(session).and_then(|session| session.undecided.take());
        let applied = commit && effect.is_some();
        if let Some(effect) = effect.filter(|_| commit) {
            self.apply(effect, plant);
        }
        self.close(session);
        applied
    }

    pub(crate) fn taken(&self, partition: usize) -> Claimed {
        let row = &self.rows[partition];
        Claimed {
            partition: Partition(partition as i32),
            epoch: row.epoch + 1,
            next_offset: row.next,
            published: row.published,
            watermark: row.watermark,
            revision: row.revision,
            outbox: row.outbox.clone(),
        }
    }

    /// The compare-and-set of `begin`, as the port describes it.
    pub(crate) fn may_begin(&self, partition: usize, epoch: u64, at: Offset) -> Result<(), StoreError> {
        let row = &self.rows[partition];
        let unset = row.next.is_none_or(|next| next == at && row.checkpoint == 0);
        if row.epoch == epoch && unset { Ok(()) } else { Err(StoreError::Fenced(Partition(partition as i32))) }
    }

    /// The compare-and-set of a checkpoint.
    pub(crate) fn may_commit(&self, checkpoint: &Checkpoint, plant: Plant) -> Result<(), StoreError> {
        let matches = |part: &PartitionProgress| {
            let row = &self.rows[part.partition.0 as usize];
            match plant {
                Plant::NoCompareAndSet => true,
                Plant::NoEpochCheck => row.next == Some(part.from),
                _ => row.epoch == part.epoch && row.next == Some(part.from),
            }
        };
        match checkpoint.partitions.iter().find(|part| !matches(part)) {
            Some(part) => Err(StoreError::Fenced(part.partition)),
            None => Ok(()),
        }
    }

    pub(crate) fn apply(&mut self, effect: Effect, plant: Plant) {
        match effect {
            Effect::Nothing => {}
            Effect::Take(partitions) => {
                for partition in partitions {
                    self.rows[partition].epoch += 1;
                }
            }
            Effect::Begin(partition, at) => {
                self.rows[partition].next = Some(at);
                if plant == Plant::BeginSetsPublished {
                    self.rows[partition].published = Some(at);
                }
            }
            Effect::Checkpoint(checkpoint) => self.apply_checkpoint(checkpoint, plant),
            Effect::Published(upto) => self.published(&upto),
        }
    }

    fn apply_checkpoint(&mut self, checkpoint: Checkpoint, plant: Plant) {
        for part in &checkpoint.partitions {
            let row = &mut self.rows[part.partition.0 as usize];
            row.next = Some(part.to);
            row.watermark = part.watermark.or(row.watermark);
            row.checkpoint += 1;
            if part.epoch != row.epoch && plant != Plant::NoCompareAndSet {
                row.foreign = Some((part.epoch, row.epoch));
            }
        }
        for chunk in checkpoint.outbox.iter().filter(|_| plant != Plant::OutboxRemovedEarly) {
            self.rows[chunk.partition.0 as usize].outbox.push(chunk.clone());
        }
        for activation in checkpoint.activations {
            self.rows[activation.partition.0 as usize].revision = Some(activation.revision);
        }
        for delta in checkpoint.windows {
            let gained = delta.measures[0].unwrap_or(0);
            let window = self.windows.entry((delta.start, delta.group.id)).or_default();
            window.records += delta.records;
            window.amount += gained;
            self.total.records += delta.records;
            self.total.amount += gained;
        }
    }

    fn published(&mut self, upto: &[(Partition, u64, Offset)]) {
        for (partition, epoch, offset) in upto {
            let row = &mut self.rows[partition.0 as usize];
            if row.epoch == *epoch && row.published.is_none_or(|before| before <= *offset) {
                row.published = Some(*offset);
                row.outbox.retain(|chunk| chunk.first_offset >= *offset);
            }
        }
    }
}
