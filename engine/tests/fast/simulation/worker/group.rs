//! The group's part of a worker, as `pipeline::worker::group`: assigned, taken, revoked, let go.

use weir::checkpoint::{Cancel, TakeError, TakenOver, take};
use weir::config::Start;
use weir::model::ids::Partition;

use super::Worker;
use super::steps::{Drain, Why};
use crate::simulation::group::{Event, Membership};
use crate::simulation::task::{Done, Task};

pub(super) struct Assignment {
    pub(super) partitions: Vec<Partition>,
    pub(super) metadata: Membership,
}

pub(super) enum Phase {
    Idle,
    Settling,
    Taking { task: Task, cancel: Cancel },
    Running,
    Overdue,
}

impl Worker {
    pub(super) fn serve_group(&mut self) {
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

    pub(super) fn start_taking(&mut self) {
        if self.assignment.is_none() {
            return;
        }
        self.forget();
        self.cleared.clear();
        if let Phase::Taking { task, cancel } = std::mem::replace(&mut self.phase, Phase::Settling) {
            cancel.cancel();
            self.detached.push(task);
        }
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
            return;
        }
        let Some(assignment) = &self.assignment else { return };
        let (store, broker) = (self.store.clone(), self.broker.clone());
        let (partitions, metadata) = (assignment.partitions.clone(), assignment.metadata);
        let cancel = Cancel::default();
        let given_up = cancel.clone();
        self.world.lock().counts.takes += 1;
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            broker.replaying = true;
            let result = take(&*store, &mut *broker, &partitions, Start::Earliest, &metadata, &given_up).await;
            broker.replaying = false;
            Done::Took(result)
        }));
        self.phase = Phase::Taking { task, cancel };
    }

    pub(super) fn settle_taking(&mut self) {
        if let Phase::Taking { task, .. } = &mut self.phase {
            if let Some(Done::Took(result)) = task.result() {
                self.taken(result);
            }
        } else if matches!(self.phase, Phase::Overdue) && self.one_in(8) {
            self.start_taking();
        }
    }

    pub(super) fn taken(&mut self, result: Result<TakenOver, TakeError>) {
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

    pub(super) fn let_go(&mut self, why: Why) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
        }
        if let Phase::Taking { task, cancel } = std::mem::replace(&mut self.phase, Phase::Idle) {
            cancel.cancel();
            self.detached.push(task);
        }
        self.assignment = None;
        self.forget();
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
