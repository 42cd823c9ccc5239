//! What a worker does that its machine asks for. A planted mistake is an action that is not done as it was asked for.

use std::sync::Arc;

use tokio::sync::Mutex;
use weir::checkpoint::{TaskHandle, commit};
use weir::config::Start;
use weir::model::checkpoint::Checkpoint;
use weir::model::ids::Partition;
use weir::model::store::CheckpointStore;
use weir::worker::machine::{Action, PublishedRows, Then, Token};

use super::{CheckpointTask, ClaimTask, Worker};
use crate::simulation::broker::SimBroker;
use crate::simulation::group::Membership;
use crate::simulation::store::SimStore;
use crate::simulation::task::{Done, Task};
use crate::simulation::world::Plant;

impl Worker {
    pub(super) fn perform(&mut self, action: Action<Membership>) {
        let plant = self.world.lock().plant;
        match action {
            Action::Claim { claim, partitions, metadata } => self.start_claim(claim, partitions, metadata),
            Action::AbandonClaim => {
                if let Some(claim) = self.claim.take() {
                    claim.handle.cancel();
                    self.detached.push(claim.task);
                }
            }
            Action::Resume(claimed) => {
                self.rules.claimed(&claimed);
                if self.foreign.is_some() && !claimed.resume_points.is_empty() {
                    self.world
                        .lock()
                        .violated(|| format!("a foreign cluster's engine reads {:?}", claimed.resume_points));
                }
                self.reads = claimed.resume_points.iter().map(|point| (point.partition, point.next.0)).collect();
            }
            Action::Checkpoint { checkpoint, content, cleared, metadata, once } => {
                let handle = if once { TaskHandle::cancelled() } else { TaskHandle::default() };
                self.start_checkpoint(checkpoint, content, cleared, (metadata, handle));
            }
            Action::AbandonCheckpoint | Action::CancelCheckpoint => {
                let abandoned = matches!(action, Action::AbandonCheckpoint);
                self.world.lock().counts.drains_abandoned += u64::from(abandoned);
                if let Some(checkpoint) = &self.checkpoint {
                    checkpoint.handle.cancel();
                }
            }
            Action::ClearOutbox { rows, .. } => self.clear_outbox(rows),
            Action::ClearWindows if plant == Plant::ForgetKeepsDeltas => {}
            Action::ClearWindows => {
                self.world.lock().counts.deltas_forgotten += u64::from(self.windows.len() > 0);
                self.windows.clear();
            }
            Action::DropBacklog if plant == Plant::RetakeKeepsBacklog => {}
            Action::DropBacklog => {
                self.world.lock().counts.backlogs_dropped += u64::from(!self.backlog.is_empty());
                self.backlog.clear();
            }
            Action::LetGo(then) => self.let_go(then),
            Action::Probe => self.probing = true,
            Action::Fail(why) => {
                self.ends = true;
                if !self.panicked {
                    self.world.lock().violated(|| format!("a worker failed for good: {why}"));
                }
            }
            Action::Claiming(_) | Action::NotClaimed(_) | Action::Committed(_) | Action::Away(_) => {}
        }
    }

    fn start_claim(&mut self, claim: Token, partitions: Vec<Partition>, metadata: Membership) {
        let (store, broker, handle) = (self.store.clone(), self.broker.clone(), TaskHandle::default());
        let given_up = handle.clone();
        self.world.lock().counts.takes += 1;
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            broker.replaying = true;
            let result =
                weir::checkpoint::claim(&*store, &mut *broker, &partitions, Start::Earliest, &metadata, &given_up)
                    .await;
            broker.replaying = false;
            Done::Claimed(result)
        }));
        self.claim = Some(ClaimTask { claim, task, handle, metadata });
    }

    fn start_checkpoint(
        &mut self,
        checkpoint: Token,
        mut content: Checkpoint,
        mut cleared: Vec<PublishedRows>,
        (metadata, handle): (Membership, TaskHandle),
    ) {
        content.windows = self.windows.drain();
        let rows: Vec<_> = content.partitions.iter().map(|part| (part.partition, part.epoch, part.to)).collect();
        cleared.retain(|row| !self.unpublished.contains(row));
        let (store, broker, given_up) = (self.store.clone(), self.broker.clone(), handle.clone());
        {
            let mut world = self.world.lock();
            world.counts.checkpoints += 1;
            if world.plant == Plant::DrainClearsFirst && self.machine.draining().is_some() {
                cleared.extend(&rows);
            }
        }
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            Done::Checkpointed(commit(&*store, &mut *broker, &content, &cleared, &metadata, &given_up).await)
        }));
        self.checkpoint = Some(CheckpointTask { checkpoint, task, handle, rows });
    }

    fn clear_outbox(&mut self, mut rows: Vec<PublishedRows>) {
        rows.retain(|row| !self.unpublished.contains(row));
        let store = self.store.clone();
        self.clearing = Some(Task::new(Box::pin(async move {
            let _ = store.published(&rows).await;
            Done::Cleared
        })));
    }

    fn let_go(&mut self, then: Then) {
        self.reads.clear();
        self.rules.let_go();
        if let Some(assigned) = &mut self.foreign {
            *assigned = false;
            self.stopped = then == Then::Leave;
            return;
        }
        let leaves = self.one_in(2);
        let mut world = self.world.lock();
        match then {
            Then::Unassign => world.kafka.group.unassign(self.process),
            Then::Leave => {
                world.kafka.group.stop(self.process, true);
                self.stopped = true;
            }
            Then::Rejoin => {
                world.counts.rejoins += 1;
                world.kafka.group.stop(self.process, leaves);
                self.process = world.kafka.group.start();
                world.say(|| format!("  a new consumer is worker {}", self.process));
                self.store = Arc::new(SimStore { world: self.world.clone(), process: self.process });
                self.broker = Arc::new(Mutex::new(SimBroker::new(self.world.clone(), self.process, false)));
            }
        }
    }
}
