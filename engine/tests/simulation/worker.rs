//! A worker as `pipeline::worker` is one, without records' bytes, rules and threads: the same phases, the same order in
//! its loop, the same calls of `take`, `advance` and `Pending`. Keep it in step with that one.

use std::sync::Arc;

use tokio::sync::Mutex;
use weir::checkpoint::{Cancel, Failed, Pending, TakeError, TakenOver, advance, take};
use weir::config::Start;
use weir::model::ids::{Offset, Partition};
use weir::model::store::Store;

use super::broker::SimBroker;
use super::group::{Event, Membership};
use super::judging::Windows;
use super::store::SimStore;
use super::task::{Done, Task};
use super::world::Shared;

struct Assignment {
    partitions: Vec<Partition>,
    metadata: Membership,
}

enum Phase {
    Idle,
    Taking { task: Task, cancel: Cancel },
    Running,
    Overdue,
}

struct InFlight {
    task: Task,
    cancel: Cancel,
    published: Vec<(Partition, u64, Offset)>,
}

/// What blocks the loop while partitions are let go.
enum Drain {
    /// Waits for the step in flight: in the first round and in the second.
    Steps {
        round: u8,
    },
    Clearing(Task),
}

/// Why the loop drains, and what comes after it.
#[derive(Clone, Copy, PartialEq)]
enum Why {
    /// What is going through is finished, but nothing that fails is tried again.
    Revoked,
    /// A last checkpoint is worth waiting for.
    Stopping,
}

impl Why {
    fn cancel(self) -> Cancel {
        match self {
            Self::Revoked => Cancel::cancelled(),
            Self::Stopping => Cancel::default(),
        }
    }
}

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

    // ---- the group

    fn serve_group(&mut self) {
        let event = {
            let mut world = self.world.lock();
            let world = &mut *world;
            world.kafka.group.poll(self.process, &mut world.dice)
        };
        let Some(event) = event else { return };
        self.world.lock().say(|| format!("  worker {}: {event:?}", self.process));
        match event {
            Event::Assign { partitions, metadata } => {
                self.assignment = Some(Assignment { partitions, metadata });
                self.start_taking();
            }
            Event::Revoke { lost } => {
                self.world.lock().counts.revokes += 1;
                if lost {
                    self.let_go(Why::Revoked);
                } else {
                    self.draining = Some((Drain::Steps { round: 0 }, Why::Revoked));
                }
            }
        }
    }

    fn start_taking(&mut self) {
        let Some(assignment) = &self.assignment else { return };
        self.windows.clear();
        self.pending = Pending::default();
        self.cleared.clear();
        let (store, broker) = (self.store.clone(), self.broker.clone());
        let (partitions, metadata) = (assignment.partitions.clone(), assignment.metadata);
        let (cancel, old) = (Cancel::default(), self.in_flight.take());
        let given_up = cancel.clone();
        self.world.lock().counts.takes += 1;
        let task = Task::new(Box::pin(async move {
            if let Some(old) = old {
                old.cancel.cancel();
                if let Some(work) = old.task.into_work() {
                    work.await;
                }
            }
            let mut broker = broker.lock().await;
            broker.replaying = true;
            let result = take(&*store, &mut *broker, &partitions, Start::Earliest, &metadata, &given_up).await;
            broker.replaying = false;
            Done::Took(result)
        }));
        if let Phase::Taking { task, cancel } = std::mem::replace(&mut self.phase, Phase::Taking { task, cancel }) {
            cancel.cancel();
            self.detached.push(task);
        }
    }

    fn settle_taking(&mut self) {
        if let Phase::Taking { task, .. } = &mut self.phase {
            if let Some(Done::Took(result)) = task.result() {
                self.taken(result);
            }
        } else if matches!(self.phase, Phase::Overdue) && self.one_in(8) {
            self.start_taking();
        }
    }

    fn taken(&mut self, result: Result<TakenOver, TakeError>) {
        let mut world = self.world.lock();
        world.say(|| format!("  worker {}: take -> {}", self.process, brief(&result)));
        let taken = match result {
            Ok(taken) => taken,
            Err(TakeError::Fatal(why)) => return world.violated(|| format!("take failed for good: {why}")),
            Err(_) => {
                self.phase = Phase::Overdue;
                return;
            }
        };
        let Some(assignment) = &self.assignment else {
            self.phase = Phase::Idle;
            return;
        };
        // A zombie may find K past the N that it read before it froze. It has nothing to say about the partition any more.
        if let Some(stopped) = taken.stopped.first().filter(|_| world.kafka.group.accepts(assignment.metadata)) {
            world.violated(|| format!("partition {} stopped: {}", stopped.partition, stopped.why));
        }
        self.pending.restart(&taken.stands);
        self.phase = Phase::Running;
    }

    fn let_go(&mut self, why: Why) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
        }
        if let Phase::Taking { task, cancel } = std::mem::replace(&mut self.phase, Phase::Idle) {
            cancel.cancel();
            self.detached.push(task);
        }
        self.assignment = None;
        self.pending = Pending::default();
        self.windows.clear();
        self.draining = None;
        let mut world = self.world.lock();
        match why {
            Why::Revoked => world.kafka.group.unassign(self.process),
            Why::Stopping => {
                world.kafka.group.stop(self.process, true);
                self.stopped = true;
            }
        }
    }

    /// SIGTERM: a last step, then the group is left.
    pub(crate) fn stop(&mut self) {
        if self.draining.is_none() {
            self.draining = Some((Drain::Steps { round: 0 }, Why::Stopping));
        }
    }

    // ---- the checkpoint

    fn is_full(&self) -> bool {
        self.pending.records() >= 5
    }

    fn step(&mut self, cancel: Cancel) {
        let Some(assignment) = &self.assignment else { return };
        if self.pending.is_empty() {
            return;
        }
        let Some(step) = self.pending.step(self.windows.drain(), |_| None) else { return };
        let (store, broker, metadata) = (self.store.clone(), self.broker.clone(), assignment.metadata);
        let cleared = std::mem::take(&mut self.cleared);
        let published = step.partitions.iter().map(|p| (p.partition, p.owner, p.to)).collect();
        let given_up = cancel.clone();
        self.world.lock().counts.steps += 1;
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            Done::Stepped(advance(&*store, &mut *broker, &step, &cleared, &metadata, &given_up).await)
        }));
        self.in_flight = Some(InFlight { task, cancel, published });
    }

    fn settle_step(&mut self) {
        if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.task.is_done()) {
            match self.ended() {
                None => {}
                // It was abandoned when the partitions were let go: whoever has them now finishes it.
                Some(_) if self.assignment.is_none() => {}
                Some(Failed::Group(_)) => self.phase = Phase::Overdue,
                Some(_) => self.start_taking(),
            }
        }
    }

    /// What the step that is over brought. Some: it failed, and with it went all that is not in the store.
    fn ended(&mut self) -> Option<Failed> {
        let mut in_flight = self.in_flight.take()?;
        let Some(Done::Stepped(result)) = in_flight.task.result() else { return None };
        self.world.lock().say(|| format!("  worker {}: step -> {result:?}", self.process));
        match result {
            Ok(()) if self.assignment.is_none() => None,
            Ok(()) => {
                self.cleared = in_flight.published;
                None
            }
            Err(why) => {
                if let Failed::Fatal(why) = &why {
                    self.world.lock().violated(|| format!("a step failed for good: {why}"));
                }
                self.pending = Pending::default();
                self.windows.clear();
                Some(why)
            }
        }
    }

    /// The blocking part of a revoke or a stop, from one wait to the next.
    fn drain(&mut self) {
        let Some((drain, why)) = self.draining.take() else { return };
        match drain {
            Drain::Steps { round } => {
                if let Some(in_flight) = self.in_flight.as_ref().filter(|in_flight| !in_flight.task.is_done()) {
                    if why == Why::Revoked {
                        in_flight.cancel.cancel();
                    }
                    let abandoned = self.world.lock().fault(12);
                    if abandoned {
                        self.world.lock().counts.drains_abandoned += 1;
                        self.let_go(why);
                    } else {
                        self.draining = Some((Drain::Steps { round }, why));
                    }
                    return;
                }
                if self.ended().is_some() {
                    self.let_go(why);
                    return;
                }
                if matches!(self.phase, Phase::Running) {
                    self.step(why.cancel());
                }
                let next = if round == 0 { Drain::Steps { round: 1 } } else { self.clear_outbox() };
                self.draining = Some((next, why));
            }
            // The time-out drops the call wherever it is.
            Drain::Clearing(task) if task.is_done() || self.world.lock().fault(12) => {
                drop(task);
                self.let_go(why);
            }
            clearing @ Drain::Clearing(_) => self.draining = Some((clearing, why)),
        }
    }

    fn clear_outbox(&mut self) -> Drain {
        let (store, cleared) = (self.store.clone(), std::mem::take(&mut self.cleared));
        Drain::Clearing(Task::new(Box::pin(async move {
            if !cleared.is_empty() {
                let _ = store.published(&cleared).await;
            }
            Done::Cleared
        })))
    }

    // ---- the records

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

fn brief(result: &Result<TakenOver, TakeError>) -> String {
    match result {
        Ok(taken) => {
            let stands = taken.stands.iter().map(|s| format!("P{} from {} as owner {}", s.partition, s.next, s.owner));
            let stopped = taken.stopped.iter().map(|s| format!("P{} STOPPED: {}", s.partition, s.why));
            stands.chain(stopped).collect::<Vec<_>>().join(", ")
        }
        Err(why) => format!("failed: {why}"),
    }
}
