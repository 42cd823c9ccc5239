//! What the workers of a process do and what they wait for. Workers report once a batch or checkpoint, never once a record;
//! `/pipeline`, `/readyz`, the demo and the stop's deadline read it. It knows no stage, so each of them may use it.
//!
//! Each part keeps one thing: [`Partitions`] how far they are, [`Members`] who belongs to the group, [`Lookups`] and
//! [`Dependencies`] which service answers, [`Waits`] what keeps a worker from judging, [`Checkpoints`] how long the last ones took,
//! [`History`] what the last 15 minutes were like. `refused.rs` turns words of Kafka into
//! the command that an operator has to run.

mod checkpoints;
mod dependencies;
mod history;
mod lag;
mod lookups;
mod members;
mod partitions;
mod rates;
mod refused;
mod waiting;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::conditions::Conditions;

pub use checkpoints::{Checkpoints, EndedCheckpoint};
pub use dependencies::{Dependencies, Dependency, DependencyStatus};
pub use history::{Change, ChangeKind, History, RulesChange, Sample};
pub use lag::{Trend, oldest_ms};
pub use lookups::{LookupAway, Lookups};
pub use members::{Members, Outside};
pub use partitions::{PartitionStatus, Partitions, Totals};
pub use rates::{PerSecond, Rates};
pub(crate) use refused::{Side, refused};
pub use waiting::{On, Waiting, Waits};

/// Time for a worker to leave the group, once its last checkpoint is through or given up.
const LEAVE: Duration = Duration::from_millis(800);

/// The status of one process, shared by all its workers.
#[derive(Debug)]
pub struct Status {
    started: Instant,
    /// When the workers were told to stop.
    stop: OnceLock<Instant>,
    /// How far each partition is, and what was judged in all.
    pub partitions: Partitions,
    /// The workers, and which of them are members of the group.
    pub members: Members,
    /// The lookups that do not answer.
    pub lookups: Lookups,
    /// Whether Kafka, the database and each lookup answer.
    pub dependencies: Dependencies,
    /// What keeps each worker from judging.
    pub waits: Waits,
    /// The last checkpoints of all workers.
    pub checkpoints: Checkpoints,
    /// What the last 15 minutes were like.
    pub history: History,
    /// What workers and the start found that an operator has to look at.
    pub conditions: Conditions,
}

impl Default for Status {
    fn default() -> Self {
        let (dependencies, conditions) = (Dependencies::default(), Conditions::default());
        Self {
            started: Instant::now(),
            stop: OnceLock::new(),
            partitions: Partitions::default(),
            members: Members::new(dependencies.clone()),
            lookups: Lookups::new(dependencies.clone(), conditions.clone()),
            dependencies,
            waits: Waits::default(),
            checkpoints: Checkpoints::default(),
            history: History::default(),
            conditions,
        }
    }
}

impl Status {
    /// Seconds since the start.
    pub fn uptime(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// The workers are told to stop; to be called once.
    pub(crate) fn stop(&self) {
        let _ = self.stop.set(Instant::now());
    }

    /// When the workers were told to stop; None: they were not.
    pub(crate) fn stop_asked(&self) -> Option<Instant> {
        self.stop.get().copied()
    }

    /// Until when a worker that ends may take to leave the group. `drain`: `checkpoint.drain`.
    pub(crate) fn leave_by(&self, drain: Duration) -> Instant {
        match self.stop_asked() {
            Some(asked) => asked + drain + LEAVE,
            None => Instant::now() + LEAVE,
        }
    }

    /// A worker gave its partitions back: it is no member, has none of them, and waits for nothing.
    pub(crate) fn let_go(&self, worker: usize) {
        self.members.left(worker);
        self.partitions.let_go(worker);
        self.waits.set(worker, None);
    }
}
