//! A worker as `pipeline::worker` is one, without records' bytes, rules and threads: the same phases, the same order in
//! its loop, the same calls of `take`, `advance` and `Pending`. Keep it in step with that one.

use std::sync::Arc;

use tokio::sync::Mutex;
use weir::checkpoint::{Cancel, Pending};
use weir::model::ids::{Offset, Partition};

use super::broker::SimBroker;
use super::judging::Windows;
use super::store::SimStore;
use super::task::Task;
use super::world::Shared;

mod group;
mod steps;

use group::{Assignment, Phase};
use steps::{Drain, InFlight, Why};

/// See the module.
pub(crate) struct Worker {
    pub(crate) process: usize,
    pub(crate) world: Shared,
    store: Arc<SimStore>,
    broker: Arc<Mutex<SimBroker>>,
    pending: Pending,
    windows: Windows,
    phase: Phase,
    assignment: Option<Assignment>,
    in_flight: Option<InFlight>,
    cleared: Vec<(Partition, u64, Offset)>,
    draining: Option<(Drain, Why)>,
    /// Takings that were cancelled and have not noticed yet.
    detached: Vec<Task>,
    pub(crate) stopped: bool,
}

impl Worker {
    pub(crate) fn start(world: &Shared) -> Self {
        let process = world.lock().kafka.group.start();
        Self {
            process,
            world: world.clone(),
            store: Arc::new(SimStore { world: world.clone(), process }),
            broker: Arc::new(Mutex::new(SimBroker::new(world.clone(), process))),
            pending: Pending::default(),
            windows: Windows::default(),
            phase: Phase::Idle,
            assignment: None,
            in_flight: None,
            cleared: Vec::new(),
            draining: None,
            detached: Vec::new(),
            stopped: false,
        }
    }

    /// Every future that is not over.
    pub(crate) fn tasks(&mut self) -> impl Iterator<Item = &mut Task> {
        let taking = match &mut self.phase {
            Phase::Taking { task, .. } => Some(task),
            _ => None,
        };
        let clearing = match &mut self.draining {
            Some((Drain::Clearing(task), _)) => Some(task),
            _ => None,
        };
        let stepping = self.in_flight.as_mut().map(|in_flight| &mut in_flight.task);
        taking.into_iter().chain(stepping).chain(clearing).chain(&mut self.detached)
    }

    /// Once around the loop; while it drains, as far as it gets without blocking.
    pub(crate) fn turn(&mut self) {
        self.detached.retain(|task| !task.is_done());
        if self.draining.is_some() {
            self.drain();
            return;
        }
        self.serve_group();
        if self.draining.is_some() {
            return;
        }
        self.settle_taking();
        self.settle_step();
        if matches!(self.phase, Phase::Running) {
            let due = self.in_flight.is_none() && !self.pending.is_empty() && self.one_in(3);
            if due || (self.in_flight.is_none() && self.is_full()) {
                self.step(Cancel::default());
            }
            if !self.is_full() {
                self.judge();
            }
        }
    }

    fn one_in(&self, n: u32) -> bool {
        self.world.lock().dice.one_in(n)
    }

    fn judge(&mut self) {
        let mut world = self.world.lock();
        let positions = self.pending.positions().count() as u32;
        if positions == 0 {
            return;
        }
        let (pick, most) = (world.dice.below(positions) as usize, 1 + i64::from(world.dice.below(3)));
        let (partition, at) = self.pending.positions().nth(pick).expect("picked among them");
        let end = world.kafka.ends[partition.0 as usize].min(at.to.0 + most);
        if end > at.to.0 {
            world.counts.records_judged += (end - at.to.0) as u64;
            self.windows.judge(partition, at.to, Offset(end), &mut self.pending);
        }
    }
}
