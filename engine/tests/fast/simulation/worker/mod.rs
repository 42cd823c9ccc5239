//! A worker of a schedule: the machine that ships (`weir::worker::machine`) and a driver that does what it asks for against the
//! models. What happens and when is the schedule's business, what follows from it is the machine's; here nothing is decided.
//! A planted mistake of a worker is an action that is not done as it was asked for, or an event that is told wrongly.
//! `events.rs` is what it hears, `actions.rs` what it does, `batches.rs` the records that it fetches and judges.

mod actions;
mod batches;
mod events;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use weir::checkpoint::TaskHandle;
use weir::model::ids::Partition;
use weir::worker::machine::{Event, Machine, Phase, PublishedRows, REBALANCE_OVERDUE, Settings, Token};

use super::broker::SimBroker;
use super::group::Membership;
use super::judging::Windows;
use super::rules::Rules;
use super::store::SimStore;
use super::task::Task;
use super::world::Shared;

const SECOND: Duration = Duration::from_secs(1);
const SETTINGS: Settings = Settings {
    interval: SECOND,
    max_records: 5,
    max_groups: usize::MAX,
    max_letter_bytes: u64::MAX,
    drain: Duration::from_secs(10),
    rejoin_after: Duration::from_secs(60),
};

/// Records of one partition that were fetched and not judged: from, to.
type Fetched = (Partition, i64, i64);

struct ClaimTask {
    claim: Token,
    task: Task,
    handle: TaskHandle,
    metadata: Membership,
}

struct CheckpointTask {
    checkpoint: Token,
    task: Task,
    handle: TaskHandle,
    rows: Vec<PublishedRows>,
}

/// See the module.
pub(crate) struct Worker {
    pub(crate) process: usize,
    world: Shared,
    store: Arc<SimStore>,
    broker: Arc<Mutex<SimBroker>>,
    machine: Machine<Membership>,
    /// This machine's clock; no two workers have the same.
    now: Instant,
    windows: Windows,
    /// Where the consumer reads on in each partition that it was assigned.
    reads: BTreeMap<Partition, i64>,
    backlog: VecDeque<Fetched>,
    claim: Option<ClaimTask>,
    checkpoint: Option<CheckpointTask>,
    clearing: Option<Task>,
    probing: bool,
    /// Claims that were abandoned and have not noticed yet.
    detached: Vec<Task>,
    /// It has to end: it was told to, or it failed.
    ends: bool,
    stop_told: bool,
    /// Its Kafka is another cluster's, which no id tells; whether that one's group has given it its partitions.
    foreign: Option<bool>,
    pub(crate) rules: Rules,
    /// A task of it panicked, so it may fail.
    panicked: bool,
    /// Of planted mistakes: rows of checkpoints that passed for successes, which would be caught too soon if they were cleared.
    unpublished: Vec<PublishedRows>,
    pub(crate) stopped: bool,
}

impl Worker {
    pub(crate) fn start(world: &Shared) -> Self {
        let process = world.lock().kafka.group.start();
        Self::with(world, process, None)
    }

    /// One whose configuration names this database and the brokers of another cluster. Its group gives it all partitions.
    pub(crate) fn foreign(world: &Shared) -> Self {
        let process = {
            let mut world = world.lock();
            world.counts.foreign_engines += 1;
            let process = world.kafka.group.outsider();
            world.say(|| format!("worker {process} starts, of another cluster"));
            process
        };
        Self::with(world, process, Some(false))
    }

    fn with(world: &Shared, process: usize, foreign: Option<bool>) -> Self {
        let now = tokio::time::Instant::now().into_std();
        Self {
            process,
            world: world.clone(),
            store: Arc::new(SimStore { world: world.clone(), process }),
            broker: Arc::new(Mutex::new(SimBroker::new(world.clone(), process, foreign.is_some()))),
            machine: Machine::new(SETTINGS, now),
            now,
            windows: Windows::default(),
            reads: BTreeMap::new(),
            backlog: VecDeque::new(),
            claim: None,
            checkpoint: None,
            clearing: None,
            probing: false,
            detached: Vec::new(),
            ends: false,
            stop_told: false,
            foreign,
            rules: Rules::new(world, process, foreign.is_some()),
            panicked: false,
            unpublished: Vec::new(),
            stopped: false,
        }
    }

    /// Every future that is not over.
    pub(crate) fn tasks(&mut self) -> impl Iterator<Item = &mut Task> {
        let claim = self.claim.as_mut().map(|claim| &mut claim.task);
        let checkpoint = self.checkpoint.as_mut().map(|checkpoint| &mut checkpoint.task);
        let checkpoints = claim.into_iter().chain(checkpoint).chain(&mut self.clearing).chain(&mut self.detached);
        checkpoints.chain(self.rules.tasks())
    }

    /// SIGTERM: a last checkpoint, then the group is left.
    pub(crate) fn stop(&mut self) {
        self.ends = true;
    }

    /// It was frozen for so long.
    pub(crate) fn slept(&mut self, time: Duration) {
        self.now += time;
    }

    /// A bug ends the checkpoint's task where it is. Whether there was one.
    pub(crate) fn panic(&mut self) -> bool {
        let running = self.checkpoint.as_mut().filter(|checkpoint| !checkpoint.task.is_done());
        running.map(|checkpoint| checkpoint.task.panic()).is_some()
    }

    /// Once around the loop; while it drains, as far as it gets without blocking.
    pub(crate) fn turn(&mut self) {
        self.detached.retain(|task| !task.is_done());
        if self.machine.draining().is_some() {
            return self.drain();
        }
        self.time_passes();
        if self.one_in(3) {
            self.rules.turn();
        }
        if self.ends {
            if !std::mem::replace(&mut self.stop_told, true) {
                self.feed(Event::Stop { asked: self.now });
            }
            return;
        }
        match self.foreign {
            None => self.serve_group(),
            Some(assigned) => self.serve_foreign_group(assigned),
        }
        if self.machine.draining().is_some() || self.ends {
            return;
        }
        self.serve_probe();
        self.serve_claim();
        self.serve_checkpoint();
        self.tick();
        if self.machine.may_judge(self.windows.len()) {
            self.judge();
        }
    }

    fn one_in(&self, n: u32) -> bool {
        self.world.lock().dice.one_in(n)
    }

    fn fault(&self, n: u32) -> bool {
        self.world.lock().fault(n)
    }

    fn tick(&mut self) {
        self.feed(Event::Tick { groups: self.windows.len() });
    }

    fn time_passes(&mut self) {
        if self.fault(60) {
            self.now += SETTINGS.rejoin_after;
        }
        let roll = self.world.lock().dice.below(24);
        self.now += match roll {
            0..3 if matches!(self.machine.phase(), Phase::Overdue { .. }) => REBALANCE_OVERDUE + SECOND,
            0..8 => SECOND,
            _ => Duration::from_millis(10),
        };
    }

    fn feed(&mut self, event: Event<Membership>) {
        let mut actions = Vec::new();
        self.machine.on(event, self.now, &mut actions);
        for action in actions {
            self.perform(action);
        }
    }
}
