//! The checkpoints of a worker, as `pipeline::worker::steps`: one in flight beside the loop, and the last ones when it lets
//! its partitions go.

use weir::checkpoint::{Cancel, Failed, Pending, advance};
use weir::model::ids::{Offset, Partition};
use weir::model::store::CheckpointStore;

use super::Worker;
use super::group::Phase;
use crate::simulation::task::{Done, Task};
use crate::simulation::world::Plant;

pub(super) struct InFlight {
    pub(super) task: Task,
    pub(super) cancel: Cancel,
    pub(super) published: Vec<(Partition, u64, Offset)>,
}

/// The worker ends for good.
pub(super) struct Ended;

/// What blocks the loop while partitions are let go.
pub(super) enum Drain {
    /// Waits for the step in flight: in the first round and in the second.
    Steps {
        round: u8,
    },
    Clearing(Task),
}

/// Why the loop drains, and what comes after it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Why {
    /// What is going through is finished, but nothing that fails is tried again.
    Revoked,
    /// A last checkpoint is worth waiting for.
    Stopping,
}

impl Why {
    pub(super) fn cancel(self) -> Cancel {
        match self {
            Self::Revoked => Cancel::cancelled(),
            Self::Stopping => Cancel::default(),
        }
    }
}

impl Worker {
    pub(super) fn is_full(&self) -> bool {
        self.pending.records() >= 5
    }

    pub(super) fn step(&mut self, cancel: Cancel) {
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

    pub(super) fn settle_step(&mut self) {
        if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.task.is_done()) {
            match self.ended() {
                // The worker ends, as far as it can in order.
                Err(Ended) => self.stop(),
                Ok(_) if matches!(self.phase, Phase::Settling) => self.start_taking(),
                Ok(None) => {}
                // It was abandoned when the partitions were let go: whoever has them now finishes it.
                Ok(Some(_)) if self.assignment.is_none() => {}
                Ok(Some(Failed::Group(_))) => self.phase = Phase::Overdue,
                Ok(Some(_)) => self.start_taking(),
            }
        }
    }

    /// What the step that is over brought. Some: it failed, and with it went all that is not in the store.
    pub(super) fn ended(&mut self) -> Result<Option<Failed>, Ended> {
        let Some(mut in_flight) = self.in_flight.take() else { return Ok(None) };
        let result = match in_flight.task.result() {
            Some(Done::Stepped(result)) => result,
            Some(Done::Panicked) => {
                if self.world.lock().plant != Plant::StepsOnAfterAPanic {
                    self.end();
                }
                return Err(Ended);
            }
            _ => return Ok(None),
        };
        self.world.lock().say(|| format!("  worker {}: step -> {result:?}", self.process));
        match result {
            Ok(()) if self.assignment.is_none() || matches!(self.phase, Phase::Settling) => Ok(None),
            Ok(()) => {
                self.cleared = in_flight.published;
                Ok(None)
            }
            Err(Failed::Fatal(why)) => {
                self.world.lock().violated(|| format!("a step failed for good: {why}"));
                self.end();
                Err(Ended)
            }
            Err(why) => {
                self.forget();
                Ok(Some(why))
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.pending = Pending::default();
        self.windows.clear();
    }

    fn end(&mut self) {
        self.forget();
        self.phase = Phase::Idle;
    }

    /// A bug ends the checkpoint's task where it is. Whether there was one.
    pub(crate) fn panic(&mut self) -> bool {
        let running = self.in_flight.as_mut().filter(|in_flight| !in_flight.task.is_done());
        running.map(|in_flight| in_flight.task.panic()).is_some()
    }

    /// The blocking part of a revoke or a stop, from one wait to the next.
    pub(super) fn drain(&mut self) {
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
                match self.ended() {
                    Ok(None) => {}
                    Ok(Some(_)) => return self.let_go(why),
                    Err(Ended) => {
                        self.let_go(why);
                        if why == Why::Revoked {
                            self.stop();
                        }
                        return;
                    }
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

    pub(super) fn clear_outbox(&mut self) -> Drain {
        let (store, cleared) = (self.store.clone(), std::mem::take(&mut self.cleared));
        Drain::Clearing(Task::new(Box::pin(async move {
            if !cleared.is_empty() {
                let _ = store.published(&cleared).await;
            }
            Done::Cleared
        })))
    }
}
