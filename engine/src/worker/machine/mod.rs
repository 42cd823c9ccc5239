//! What a worker decides, without doing any of it: events and the time go in, actions come out. There is no task, thread, clock,
//! socket, log or metric here, so the simulation (`engine/tests/fast/simulation`) drives this code and no copy of it. Whoever drives
//! it performs the actions in their order before the next event; `worker::driver` does so in the engine.
//!
//! A worker owns the partitions of its assignment from the end of a claim (`checkpoint::claim`) until the group asks them back.
//! It judges into a [`CheckpointBuilder`], and a checkpoint moves what that holds into the store and into Kafka; at most one is in
//! flight. When a checkpoint fails, everything that is not in the store is forgotten and the partitions are claimed anew.
//!
//! | phase | what ends it |
//! |---|---|
//! | `Idle` | an assignment: `Claiming`, or `Settling` while an older checkpoint is in flight |
//! | `Settling` | that checkpoint's end: `Claiming` |
//! | `Claiming` | the claim's end: `Running`, or `Overdue` if it failed |
//! | `Running` | a checkpoint that failed, a stray record, an offset outside of its log: `Claiming`; a refusal by the group: `Overdue` |
//! | `Overdue` | an assignment, or 15 s without one: `Claiming` |
//!
//! A revoke and a stop drain (`drain`) and end in `Idle` from every phase.

mod drain;
mod event;
mod membership;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use event::{Action, Event, Panicked, Phase, PublishedRows, Settings, Then, Token};

use crate::checkpoint::{CheckpointBuilder, ClaimError, ClaimResult, Failed};
use crate::model::ids::Partition;
use drain::Draining;
use membership::Membership;

/// Longest wait for a rebalance after the group refused our metadata. Then the partitions are claimed again anyway.
pub const REBALANCE_OVERDUE: Duration = Duration::from_secs(15);

/// How long after a claim the first checkpoint is due, if the interval is not shorter: at a start, and after a crash, people
/// wait for it.
const FIRST_CHECKPOINT: Duration = Duration::from_millis(100);

/// Decides what a worker does next. `M` is the group's proof of membership.
#[derive(Debug)]
pub struct Machine<M> {
    settings: Settings,
    phase: Phase,
    assignment: Option<Assignment<M>>,
    pending: CheckpointBuilder,
    in_flight: Option<InFlight>,
    /// Rows of the last checkpoint that came through. The next one clears them.
    cleared: Vec<PublishedRows>,
    draining: Option<Draining>,
    membership: Membership,
    last_checkpoint: Instant,
    /// Number of the newest token.
    tokens: u64,
}

/// What the group gave.
#[derive(Debug)]
struct Assignment<M> {
    partitions: Vec<Partition>,
    metadata: M,
}

/// A checkpoint that has started and whose end is not known.
#[derive(Debug)]
struct InFlight {
    checkpoint: Token,
    /// Its rows, which may be cleared once it is through.
    rows: Vec<PublishedRows>,
}

/// What the end of a checkpoint means.
enum Outcome {
    Through,
    /// Nothing that is not in the store is left. Whether the group refused our metadata.
    Failed {
        by_group: bool,
    },
    /// The worker ends.
    Fatal(String),
}

impl<M: Clone> Machine<M> {
    /// A worker that has no partitions and asks to join its group now.
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Idle,
            assignment: None,
            pending: CheckpointBuilder::default(),
            in_flight: None,
            cleared: Vec::new(),
            draining: None,
            membership: Membership::new(settings.rejoin_after, now),
            last_checkpoint: now,
            tokens: 0,
        }
    }

    /// What the worker is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Until when it waits for checkpoints before it lets its partitions go; None: it does not let them go now. Meanwhile only
    /// [`Event::CheckpointEnded`], [`Event::OutboxCleared`] and [`Event::Tick`] may be told.
    pub fn draining(&self) -> Option<Instant> {
        self.draining.map(|draining| draining.until)
    }

    /// Whether records may be judged now.
    pub fn may_judge(&self, groups: usize) -> bool {
        self.phase == Phase::Running && self.draining.is_none() && !self.is_full(groups)
    }

    /// Whether the next checkpoint has reached one of its bounds; it starts when the one in flight is over.
    pub fn is_full(&self, groups: usize) -> bool {
        self.pending.records() >= self.settings.max_records
            || groups >= self.settings.max_groups
            || self.pending.letter_bytes() as u64 >= self.settings.max_letter_bytes
            || self.pending.waits_for_alerts()
    }

    /// What was judged and no checkpoint holds.
    pub fn pending(&self) -> &CheckpointBuilder {
        &self.pending
    }

    /// For judging, while [`Machine::may_judge`] says so.
    pub fn pending_mut(&mut self) -> &mut CheckpointBuilder {
        &mut self.pending
    }

    /// Adds to `actions` what this event asks for at this time.
    pub fn on(&mut self, event: Event<M>, now: Instant, actions: &mut Vec<Action<M>>) {
        match event {
            Event::Tick { groups } => self.tick(groups, now, actions),
            Event::Assigned { partitions, metadata } => {
                self.membership.joined();
                self.assignment = Some(Assignment { partitions, metadata });
                self.start_claim(actions);
            }
            Event::Revoked { lost: true } => self.let_go(Then::Unassign, now, actions),
            Event::Revoked { lost: false } => self.start_drain(Then::Unassign, now, now, actions),
            Event::Stop { asked } => self.start_drain(Then::Leave, asked, now, actions),
            // While they are being claimed already, one more claim would only begin it again.
            Event::Stray if self.phase == Phase::Running => self.start_claim(actions),
            Event::Stray => {}
            // The claim compares store, group and log, and stops the partition with the figures; the others go on.
            Event::OutsideLog(partition) if self.pending.position(partition).is_some() => self.start_claim(actions),
            Event::OutsideLog(_) => {}
            Event::ClaimEnded { claim, result } => self.claim_ended(claim, result, now, actions),
            Event::CheckpointEnded { checkpoint, result } => self.checkpoint_ended(checkpoint, result, now, actions),
            Event::OutboxCleared => self.outbox_cleared(now, actions),
            Event::Probed(answer) => match self.membership.probed(now, answer) {
                Ok(true) => self.let_go(Then::Rejoin, now, actions),
                Ok(false) => {}
                Err(why) => actions.push(Action::Away(why)),
            },
        }
    }

    fn tick(&mut self, groups: usize, now: Instant, actions: &mut Vec<Action<M>>) {
        if self.draining.is_some() {
            return self.drain_timed_out(now, actions);
        }
        if self.membership.must_probe(now) {
            actions.push(Action::Probe);
        }
        match self.phase {
            Phase::Overdue { since } if now.saturating_duration_since(since) > REBALANCE_OVERDUE => {
                self.start_claim(actions);
            }
            Phase::Running if self.in_flight.is_none() => {
                let due = now.saturating_duration_since(self.last_checkpoint) >= self.settings.interval;
                if due || self.is_full(groups) {
                    self.start_checkpoint(false, now, actions);
                }
            }
            _ => {}
        }
    }

    /// Claims what was assigned, now or as soon as the checkpoint in flight is over.
    fn start_claim(&mut self, actions: &mut Vec<Action<M>>) {
        if self.assignment.is_none() {
            return;
        }
        self.forget(actions);
        self.cleared.clear();
        self.abandon_claim(actions);
        let Some(Assignment { partitions, metadata }) = &self.assignment else { return };
        actions.push(Action::Claiming(partitions.clone()));
        if self.in_flight.is_some() {
            self.phase = Phase::Settling;
            actions.push(Action::CancelCheckpoint);
            return;
        }
        let (partitions, metadata) = (partitions.clone(), metadata.clone());
        let claim = self.next_token();
        self.phase = Phase::Claiming(claim);
        actions.push(Action::Claim { claim, partitions, metadata });
    }

    fn abandon_claim(&mut self, actions: &mut Vec<Action<M>>) {
        if let Phase::Claiming(_) = self.phase {
            actions.push(Action::AbandonClaim);
        }
    }

    fn claim_ended(
        &mut self,
        claim: Token,
        result: Result<Result<ClaimResult, ClaimError>, Panicked>,
        now: Instant,
        actions: &mut Vec<Action<M>>,
    ) {
        if self.phase != Phase::Claiming(claim) {
            return;
        }
        match result {
            Err(Panicked(why)) => actions.push(Action::Fail(format!("claiming partitions: {why}"))),
            Ok(Err(ClaimError::Fatal(why))) => actions.push(Action::Fail(why)),
            Ok(Err(why)) => {
                self.phase = Phase::Overdue { since: now };
                actions.push(Action::NotClaimed(why));
            }
            Ok(Ok(claimed)) => {
                self.pending.restart(&claimed.resume_points);
                self.phase = Phase::Running;
                let early = self.settings.interval.saturating_sub(FIRST_CHECKPOINT);
                self.last_checkpoint = now.checked_sub(early).unwrap_or(now);
                actions.push(Action::Resume(claimed));
            }
        }
    }

    /// Starts a checkpoint over all that is pending, if there is anything.
    fn start_checkpoint(&mut self, once: bool, now: Instant, actions: &mut Vec<Action<M>>) {
        let Some(assignment) = &self.assignment else { return };
        let metadata = assignment.metadata.clone();
        let Some(content) = self.pending.finish(Vec::new(), |_| None) else { return };
        let rows = content.partitions.iter().map(|part| (part.partition, part.epoch, part.to)).collect();
        let checkpoint = self.next_token();
        self.last_checkpoint = now;
        self.in_flight = Some(InFlight { checkpoint, rows });
        let cleared = std::mem::take(&mut self.cleared);
        actions.push(Action::Checkpoint { checkpoint, content, cleared, metadata, once });
    }

    fn checkpoint_ended(
        &mut self,
        checkpoint: Token,
        result: Result<Result<(), Failed>, Panicked>,
        now: Instant,
        actions: &mut Vec<Action<M>>,
    ) {
        let Some(ended) = self.in_flight.take_if(|in_flight| in_flight.checkpoint == checkpoint) else { return };
        let outcome = self.outcome(ended.rows, result, actions);
        if self.draining.is_some() {
            return self.drained_one(outcome, now, actions);
        }
        match outcome {
            Outcome::Fatal(why) => actions.push(Action::Fail(why)),
            _ if self.phase == Phase::Settling => self.start_claim(actions),
            Outcome::Through => {}
            // It was abandoned when the partitions were let go: whoever has them now finishes it.
            Outcome::Failed { .. } if self.assignment.is_none() => {}
            Outcome::Failed { by_group: true } => self.phase = Phase::Overdue { since: now },
            Outcome::Failed { by_group: false } => self.start_claim(actions),
        }
    }

    fn outcome(
        &mut self,
        rows: Vec<PublishedRows>,
        result: Result<Result<(), Failed>, Panicked>,
        actions: &mut Vec<Action<M>>,
    ) -> Outcome {
        match result {
            // Of partitions that were let go: it says nothing about those that we have now.
            Ok(Ok(())) if self.assignment.is_none() || self.phase == Phase::Settling => Outcome::Through,
            Ok(Ok(())) => {
                self.cleared.clone_from(&rows);
                actions.push(Action::Committed(rows));
                Outcome::Through
            }
            Ok(Err(Failed::Fatal(why))) => {
                self.end(actions);
                Outcome::Fatal(format!("checkpoint: {why}"))
            }
            // Deltas of all partitions are mixed by group, so a checkpoint that fails takes everything with it.
            Ok(Err(why)) => {
                self.forget(actions);
                Outcome::Failed { by_group: matches!(why, Failed::Group(_)) }
            }
            Err(Panicked(why)) => {
                self.end(actions);
                Outcome::Fatal(format!("a checkpoint's task: {why}"))
            }
        }
    }

    /// Forgets all that is not in the store: whoever claims the partitions next, this worker maybe, reads it again.
    fn forget(&mut self, actions: &mut Vec<Action<M>>) {
        self.pending = CheckpointBuilder::default();
        actions.extend([Action::ClearWindows, Action::DropBacklog]);
    }

    /// After a checkpoint that failed for good nothing may be checkpointed any more: if it is in the database after all, a
    /// next one from its end would match there, and move the group's offset past letters that only the outbox holds.
    fn end(&mut self, actions: &mut Vec<Action<M>>) {
        self.forget(actions);
        self.phase = Phase::Idle;
    }

    /// Forgets the partitions and everything about them that is not in the store.
    fn let_go(&mut self, then: Then, now: Instant, actions: &mut Vec<Action<M>>) {
        self.abandon_claim(actions);
        if self.in_flight.is_some() {
            actions.push(Action::CancelCheckpoint);
        }
        self.phase = Phase::Idle;
        self.draining = None;
        self.forget(actions);
        self.membership.left(now);
        self.assignment = None;
        actions.push(Action::LetGo(then));
    }

    fn next_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }
}
