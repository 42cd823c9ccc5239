//! What a worker hears: of its group, of the tasks that it started, and while it drains. Each becomes an event of its machine.

use weir::checkpoint::{ClaimError, ClaimResult, Failed};
use weir::model::ids::Partition;
use weir::worker::machine::{Event, Panicked, Phase};

use super::{CheckpointTask, Worker};
use crate::simulation::group::{Event as GroupEvent, Membership};
use crate::simulation::task::Done;
use crate::simulation::world::Plant;

impl Worker {
    pub(super) fn serve_group(&mut self) {
        let event = {
            let mut world = self.world.lock();
            let world = &mut *world;
            world.kafka.group.poll(self.process, &mut world.dice)
        };
        if let Some(event) = &event {
            self.world.lock().say(|| format!("  worker {}: {event:?}", self.process));
        }
        match event {
            Some(GroupEvent::Assign { partitions, metadata }) => self.feed(Event::Assigned { partitions, metadata }),
            Some(GroupEvent::Revoke { lost }) => {
                self.world.lock().counts.revokes += 1;
                self.feed(Event::Revoked { lost });
            }
            None if self.machine.phase() == Phase::Running && self.fault(200) => {
                self.world.lock().counts.strays += 1;
                self.feed(Event::Stray);
            }
            None => {}
        }
    }

    pub(super) fn serve_foreign_group(&mut self, assigned: bool) {
        if assigned && self.fault(6) {
            self.feed(Event::Revoked { lost: false });
        } else if !assigned && self.one_in(2) {
            let partitions =
                (0..self.world.lock().kafka.partitions).map(|partition| Partition(partition as i32)).collect();
            self.foreign = Some(true);
            self.feed(Event::Assigned { partitions, metadata: Membership::default() });
        }
    }

    pub(super) fn serve_probe(&mut self) {
        if std::mem::take(&mut self.probing) {
            let answers = self.fault(2);
            self.feed(Event::Probed(if answers { Ok(()) } else { Err("away".into()) }));
        }
    }

    pub(super) fn serve_claim(&mut self) {
        let Some(mut ended) = self.claim.take_if(|claim| claim.task.is_done()) else { return };
        let Some(Done::Claimed(result)) = ended.task.result() else { return };
        {
            let mut world = self.world.lock();
            world.say(|| format!("  worker {}: take -> {}", self.process, brief(&result)));
            // A zombie may find K past the N that it read before it froze. It has nothing to say about the partition any more.
            let stopped = result.as_ref().ok().and_then(|claimed| claimed.stopped.first());
            world.counts.foreign_claims_stopped += u64::from(self.foreign.is_some() && stopped.is_some());
            if let Some(stopped) = stopped.filter(|_| world.kafka.group.accepts(ended.metadata)) {
                world.violated(|| format!("partition {} stopped: {}", stopped.partition, stopped.why));
            }
        }
        self.feed(Event::ClaimEnded { claim: ended.claim, result: Ok(result) });
    }

    /// Whether a checkpoint had ended.
    pub(super) fn serve_checkpoint(&mut self) -> bool {
        let Some(mut ended) = self.checkpoint.take_if(|checkpoint| checkpoint.task.is_done()) else { return false };
        let result = match ended.task.result() {
            Some(Done::Checkpointed(result)) => Ok(result),
            _ => Err(Panicked("by the schedule".into())),
        };
        self.world.lock().say(|| format!("  worker {}: checkpoint -> {result:?}", self.process));
        let result = self.told(&ended, result);
        self.feed(Event::CheckpointEnded { checkpoint: ended.checkpoint, result });
        true
    }

    /// What the machine is told of a checkpoint's end.
    fn told(
        &mut self,
        ended: &CheckpointTask,
        result: Result<Result<(), Failed>, Panicked>,
    ) -> Result<Result<(), Failed>, Panicked> {
        let plant = self.world.lock().plant;
        match (&result, plant) {
            (Err(_), Plant::GoesOnAfterAPanic) => self.ends = true,
            (Ok(Err(Failed::Group(_))), Plant::OverdueJudgesOn) => {}
            (Err(_), _) => {
                self.panicked = true;
                return result;
            }
            _ => return result,
        }
        self.unpublished.extend(&ended.rows);
        Ok(Ok(()))
    }

    /// The blocking part of a revoke or a stop, from one wait to the next.
    pub(super) fn drain(&mut self) {
        if let Some(task) = &self.clearing {
            // The time-out drops the call wherever it is.
            if task.is_done() || self.fault(12) {
                self.clearing = None;
                self.feed(Event::OutboxCleared);
            }
        } else if !self.serve_checkpoint() && self.fault(12) {
            self.now = self.machine.draining().map_or(self.now, |until| self.now.max(until));
            self.tick();
        }
    }
}

fn brief(result: &Result<ClaimResult, ClaimError>) -> String {
    match result {
        Ok(claimed) => {
            let points =
                claimed.resume_points.iter().map(|s| format!("P{} from {} in epoch {}", s.partition, s.next, s.epoch));
            let stopped = claimed.stopped.iter().map(|s| format!("P{} STOPPED: {}", s.partition, s.why));
            points.chain(stopped).collect::<Vec<_>>().join(", ")
        }
        Err(why) => format!("failed: {why}"),
    }
}
