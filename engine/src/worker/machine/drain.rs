//! The drain: before the partitions are let go, the checkpoint in flight is finished, a last one is taken, and the outbox is
//! cleared, within [`Settings::drain`](super::Settings::drain). What does not get through is left to whoever claims the
//! partitions next: the store knows from where, so it costs work and no exactness.

use std::time::Instant;

use super::{Action, Machine, Outcome, Phase, Then};

/// Waits for checkpoints: the first for the one in flight, the second for what was judged since.
const ROUNDS: u8 = 2;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    /// Why, and so how patiently.
    then: Then,
    pub(super) until: Instant,
    /// Rounds that are not begun.
    rounds: u8,
    /// The checkpoints are through.
    clearing: bool,
}

impl Draining {
    /// For a revoke the group waits for us, so nothing that fails is tried again: with the store or Kafka away the drain
    /// ends with the try under way. A worker that ends has time for its last checkpoint.
    fn once(self) -> bool {
        self.then == Then::Unassign
    }
}

impl<M: Clone> Machine<M> {
    /// `asked`: when the partitions were asked back, or the worker was told to end.
    pub(super) fn start_drain(&mut self, then: Then, asked: Instant, now: Instant, actions: &mut Vec<Action<M>>) {
        let draining = Draining { then, until: asked + self.settings.drain, rounds: ROUNDS, clearing: false };
        self.draining = Some(draining);
        if draining.once() && self.in_flight.is_some() {
            actions.push(Action::CancelCheckpoint);
        }
        self.drain_on(now, actions);
    }

    /// Goes on until a checkpoint or the clearing has to be waited for.
    fn drain_on(&mut self, now: Instant, actions: &mut Vec<Action<M>>) {
        while self.in_flight.is_none() {
            let Some(draining) = &mut self.draining else { return };
            let draining = match draining.rounds.checked_sub(1) {
                None => return self.clear_outbox(now, actions),
                Some(left) => {
                    draining.rounds = left;
                    *draining
                }
            };
            if self.phase == Phase::Running {
                self.start_checkpoint(draining.once(), now, actions);
            }
        }
    }

    /// A checkpoint is over that the drain waited for.
    pub(super) fn drained_one(&mut self, outcome: Outcome, now: Instant, actions: &mut Vec<Action<M>>) {
        match outcome {
            Outcome::Through => self.drain_on(now, actions),
            Outcome::Failed { .. } => self.drained(now, actions),
            Outcome::Fatal(why) => {
                // The group need not wait for our end.
                self.drained(now, actions);
                actions.push(Action::Fail(why));
            }
        }
    }

    pub(super) fn drain_timed_out(&mut self, now: Instant, actions: &mut Vec<Action<M>>) {
        let Some(draining) = self.draining.filter(|draining| now >= draining.until) else { return };
        if !draining.clearing {
            actions.push(Action::AbandonCheckpoint);
        }
        self.drained(now, actions);
    }

    /// After a clean stop nothing is left in the outbox.
    fn clear_outbox(&mut self, now: Instant, actions: &mut Vec<Action<M>>) {
        let rows = std::mem::take(&mut self.cleared);
        match &mut self.draining {
            Some(draining) if !rows.is_empty() => {
                draining.clearing = true;
                actions.push(Action::ClearOutbox { rows, until: draining.until });
            }
            _ => self.drained(now, actions),
        }
    }

    pub(super) fn outbox_cleared(&mut self, now: Instant, actions: &mut Vec<Action<M>>) {
        if self.draining.is_some_and(|draining| draining.clearing) {
            self.drained(now, actions);
        }
    }

    fn drained(&mut self, now: Instant, actions: &mut Vec<Action<M>>) {
        if let Some(draining) = self.draining.take() {
            self.let_go(draining.then, now, actions);
        }
    }
}
