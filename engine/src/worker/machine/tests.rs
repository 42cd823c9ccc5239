//! The machine event by event. What no order of events may do is the simulation's business.

use std::time::{Duration, Instant};

use super::*;
use crate::checkpoint::ResumePoint;
use crate::model::ids::{Offset, Revision};

const SECOND: Duration = Duration::from_secs(1);
const P: Partition = Partition(3);

/// Some time; only differences matter.
pub(super) fn any_time() -> Instant {
    Instant::now()
}

struct Driver {
    machine: Machine<&'static str>,
    now: Instant,
    /// Of the newest claim and checkpoint.
    claim: Option<Token>,
    checkpoint: Option<Token>,
}

impl Driver {
    fn new() -> Self {
        let settings = Settings {
            interval: SECOND,
            max_records: 100,
            max_groups: 100,
            max_letter_bytes: 1 << 20,
            drain: 10 * SECOND,
            rejoin_after: 60 * SECOND,
        };
        let now = any_time();
        Self { machine: Machine::new(settings, now), now, claim: None, checkpoint: None }
    }

    /// One that reads partition 3 from offset 5.
    fn running() -> Self {
        let mut driver = Self::new();
        driver.on(Event::Assigned { partitions: vec![P], metadata: "first" });
        assert_eq!(driver.claimed(), ["resume"]);
        driver
    }

    /// What it asks for, in words.
    fn on(&mut self, event: Event<&'static str>) -> Vec<String> {
        let mut actions = Vec::new();
        self.machine.on(event, self.now, &mut actions);
        actions.iter().map(|action| self.word(action)).collect()
    }

    fn word(&mut self, action: &Action<&'static str>) -> String {
        match action {
            Action::Claiming(_) => "claiming".into(),
            Action::Claim { claim, metadata, .. } => {
                self.claim = Some(*claim);
                format!("claim as {metadata}")
            }
            Action::AbandonClaim => "abandon the claim".into(),
            Action::NotClaimed(why) => format!("not claimed: {why}"),
            Action::Resume(_) => "resume".into(),
            Action::Checkpoint { checkpoint, content, cleared, once, .. } => {
                self.checkpoint = Some(*checkpoint);
                let (from, to) = (content.partitions[0].from, content.partitions[0].to);
                let once = if *once { " once" } else { "" };
                format!("checkpoint {from} to {to}, {} rows cleared{once}", cleared.len())
            }
            Action::CancelCheckpoint => "cancel the checkpoint".into(),
            Action::AbandonCheckpoint => "abandon the checkpoint".into(),
            Action::Committed(rows) => format!("committed to {}", rows[0].2),
            Action::ClearOutbox { rows, .. } => format!("clear to {}", rows[0].2),
            Action::ClearWindows => "clear the windows".into(),
            Action::DropBacklog => "drop the backlog".into(),
            Action::LetGo(then) => format!("let go, {then:?}"),
            Action::Probe => "probe".into(),
            Action::Away(why) => format!("away: {why}"),
            Action::Fail(why) => format!("fail: {why}"),
        }
    }

    fn claimed(&mut self) -> Vec<String> {
        let point =
            ResumePoint { partition: P, epoch: 1, next: Offset(5), watermark: None, revision: None, agrees: true };
        let claimed = ClaimResult { resume_points: vec![point], stopped: Vec::new() };
        let claim = self.claim.expect("a claim");
        self.on(Event::ClaimEnded { claim, result: Ok(Ok(claimed)) })
    }

    fn ended(&mut self, result: Result<(), Failed>) -> Vec<String> {
        let checkpoint = self.checkpoint.expect("a checkpoint");
        self.on(Event::CheckpointEnded { checkpoint, result: Ok(result) })
    }

    fn judge(&mut self, to: i64) {
        let at = self.machine.pending().position(P).expect("it is ours").to;
        self.machine.pending_mut().judged(P, at, Offset(to), (to - at.0) as usize, Revision(1));
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.on(Event::Tick { groups: 0 })
    }
}

const FORGET: [&str; 2] = ["clear the windows", "drop the backlog"];

fn forget_and(then: &[&str]) -> Vec<String> {
    FORGET.iter().chain(then).map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_first_checkpoint_comes_early_and_the_next_clears_what_it_published() {
    let mut driver = Driver::running();
    assert_eq!(driver.after(SECOND), [""; 0], "nothing is pending");
    driver.judge(9);
    assert_eq!(driver.after(Duration::ZERO), ["checkpoint 5 to 9, 0 rows cleared"]);
    driver.judge(12);
    assert_eq!(driver.after(2 * SECOND), [""; 0], "one at a time");
    assert_eq!(driver.ended(Ok(())), ["committed to 9"]);
    assert_eq!(driver.after(Duration::ZERO), ["checkpoint 9 to 12, 1 rows cleared"]);
    assert_eq!(driver.ended(Ok(())), ["committed to 12"]);
    driver.judge(112);
    assert!(!driver.machine.may_judge(0), "it is full");
    assert_eq!(driver.after(Duration::ZERO), ["checkpoint 12 to 112, 1 rows cleared"]);
    assert!(driver.machine.may_judge(99) && !driver.machine.may_judge(100), "so many groups are enough, too");
}

#[test]
fn an_alert_that_has_no_room_ends_the_checkpoint_at_once_and_nothing_is_judged_until_it_began() {
    let mut driver = Driver::running();
    driver.judge(9);
    driver.after(SECOND);
    driver.judge(12);
    driver.machine.pending_mut().end_before_an_alert();
    assert!(!driver.machine.may_judge(0));
    assert_eq!(driver.after(Duration::ZERO), [""; 0], "one is in flight");
    driver.ended(Ok(()));
    assert_eq!(
        driver.after(Duration::ZERO),
        ["checkpoint 9 to 12, 1 rows cleared"],
        "long before the interval is over"
    );
    assert!(driver.machine.may_judge(0), "the next one has room");
}

#[test]
fn a_revoke_finishes_what_is_in_flight_takes_a_last_checkpoint_clears_and_lets_go() {
    let mut driver = Driver::running();
    driver.judge(9);
    driver.after(SECOND);
    driver.judge(12);
    assert_eq!(driver.on(Event::Revoked { lost: false }), ["cancel the checkpoint"]);
    assert!(!driver.machine.may_judge(0));
    assert_eq!(driver.ended(Ok(())), ["committed to 9", "checkpoint 9 to 12, 1 rows cleared once"]);
    assert_eq!(driver.ended(Ok(())), ["committed to 12", "clear to 12"]);
    assert_eq!(driver.on(Event::OutboxCleared), forget_and(&["let go, Unassign"]));
    assert_eq!((driver.machine.phase(), driver.machine.draining()), (Phase::Idle, None));
}

#[test]
fn a_drain_that_takes_too_long_is_given_up_and_the_late_end_says_nothing_about_the_next_assignment() {
    let mut driver = Driver::running();
    driver.judge(9);
    assert_eq!(driver.on(Event::Revoked { lost: false }), ["checkpoint 5 to 9, 0 rows cleared once"]);
    assert_eq!(driver.after(9 * SECOND), [""; 0]);
    let gone = ["abandon the checkpoint", "cancel the checkpoint", FORGET[0], FORGET[1], "let go, Unassign"];
    assert_eq!(driver.after(SECOND), gone);
    let settles = forget_and(&["claiming", "cancel the checkpoint"]);
    assert_eq!(driver.on(Event::Assigned { partitions: vec![P], metadata: "second" }), settles);
    assert_eq!(driver.machine.phase(), Phase::Settling);
    assert_eq!(driver.ended(Ok(())), forget_and(&["claiming", "claim as second"]));
    assert_eq!(driver.claimed(), ["resume"]);
    driver.judge(6);
    assert_eq!(driver.after(SECOND), ["checkpoint 5 to 6, 0 rows cleared"], "nothing of the abandoned one is cleared");
    assert_eq!(
        driver.on(Event::Revoked { lost: true }),
        ["cancel the checkpoint", FORGET[0], FORGET[1], "let go, Unassign"]
    );
}

#[test]
fn a_failed_checkpoint_forgets_all_and_claims_anew_at_once_unless_the_group_is_to_blame() {
    let mut driver = Driver::running();
    driver.judge(9);
    driver.after(SECOND);
    driver.judge(12);
    let again = ["clear the windows", "drop the backlog", FORGET[0], FORGET[1], "claiming", "claim as first"];
    assert_eq!(driver.ended(Err(Failed::Fenced(P))), again);
    assert_eq!(driver.machine.pending().position(P), None);
    driver.claimed();
    driver.judge(9);
    driver.after(SECOND);
    assert_eq!(driver.ended(Err(Failed::Group("moved on".into()))), FORGET);
    assert!(!driver.machine.may_judge(0));
    assert_eq!(driver.after(REBALANCE_OVERDUE), [""; 0]);
    assert_eq!(driver.after(SECOND), forget_and(&["claiming", "claim as first"]), "no rebalance came");
}

#[test]
fn a_claim_that_another_assignment_overtakes_says_nothing_any_more() {
    let mut driver = Driver::new();
    driver.on(Event::Assigned { partitions: vec![P], metadata: "first" });
    let first = driver.claim.expect("a claim");
    let second = driver.on(Event::Assigned { partitions: vec![P], metadata: "second" });
    assert_eq!(second, forget_and(&["abandon the claim", "claiming", "claim as second"]));
    let late = Event::ClaimEnded { claim: first, result: Ok(Err(ClaimError::Fatal("late".into()))) };
    assert_eq!(driver.on(late), [""; 0]);
    let claim = driver.claim.expect("a claim");
    let refused = Event::ClaimEnded { claim, result: Ok(Err(ClaimError::Group("moved on".into()))) };
    assert_eq!(driver.on(refused), ["not claimed: moved on"]);
    assert!(matches!(driver.machine.phase(), Phase::Overdue { .. }));
}

#[test]
fn a_stop_counts_from_when_it_was_asked_for_and_a_fatal_end_comes_after_the_partitions_are_let_go() {
    let mut driver = Driver::running();
    driver.judge(9);
    let asked = driver.now;
    driver.now += 9 * SECOND;
    assert_eq!(driver.on(Event::Stop { asked }), ["checkpoint 5 to 9, 0 rows cleared"], "with patience");
    assert_eq!(driver.machine.draining(), Some(asked + 10 * SECOND));
    let gone = [FORGET[0], FORGET[1], FORGET[0], FORGET[1], "let go, Leave", "fail: checkpoint: no such table"];
    assert_eq!(driver.ended(Err(Failed::Fatal("no such table".into()))), gone);
}

#[test]
fn after_a_panic_nothing_is_checkpointed_any_more() {
    let mut driver = Driver::running();
    driver.judge(9);
    driver.after(SECOND);
    driver.judge(12);
    let checkpoint = driver.checkpoint.expect("a checkpoint");
    let panicked = Event::CheckpointEnded { checkpoint, result: Err(Panicked("panicked".into())) };
    assert_eq!(driver.on(panicked), forget_and(&["fail: a checkpoint's task: panicked"]));
    assert_eq!(driver.on(Event::Stop { asked: driver.now }), forget_and(&["let go, Leave"]));
}

#[test]
fn a_record_outside_of_the_queue_or_an_offset_outside_of_the_log_has_all_claimed_anew_once() {
    let mut driver = Driver::running();
    assert_eq!(driver.on(Event::OutsideLog(Partition(4))), [""; 0], "not ours");
    assert_eq!(driver.on(Event::OutsideLog(P)), forget_and(&["claiming", "claim as first"]));
    assert_eq!(driver.on(Event::OutsideLog(P)), [""; 0]);
    assert_eq!(driver.on(Event::Stray), [""; 0]);
    driver.claimed();
    assert_eq!(driver.on(Event::Stray), forget_and(&["claiming", "claim as first"]));
}

#[test]
fn a_worker_that_is_outside_of_its_group_lets_go_and_joins_with_a_new_consumer() {
    let mut driver = Driver::new();
    assert_eq!(driver.after(60 * SECOND), ["probe"]);
    assert_eq!(driver.on(Event::Probed(Err("refused".into()))), ["away: refused"]);
    assert_eq!(driver.after(5 * SECOND), ["probe"]);
    assert_eq!(driver.on(Event::Probed(Ok(()))), forget_and(&["let go, Rejoin"]));
}
