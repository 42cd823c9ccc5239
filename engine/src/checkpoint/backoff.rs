//! Waiting for a store or a broker that is away: backoff without limit, until cancelled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

use super::phases::{Phase, Phases};

/// The longest pause that grows by itself. Jitter may double it, so that workers do not come back all at once.
const LONGEST: Duration = Duration::from_secs(2);
const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_factor(2.0)
    .with_max_delay(LONGEST)
    .with_jitter()
    .without_max_times();

/// Handle of a checkpoint task, cheap to clone: cancels it, and tells what it waits for and how long its phases took.
///
/// Cancelled, it gives up where it would wait: what it is at is finished, nothing is tried again. It never interrupts a transaction
/// half-way, so a task that was cancelled before it began tries everything once.
#[derive(Clone, Debug, Default)]
pub struct TaskHandle {
    token: CancellationToken,
    obstacle: Arc<Mutex<Option<Obstacle>>>,
    phases: Arc<Mutex<Phases>>,
}

/// Whom a checkpoint task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The database.
    Store,
    /// Kafka, asked through the worker's consumer for the group's offsets and the bounds of the logs.
    Consumer,
    /// Kafka, which is to take letters and offsets in a transaction of the worker's producer.
    Producer,
}

/// Why a checkpoint task does not get on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Whom it waits for.
    pub on: Awaited,
    /// What it is at.
    pub what: &'static str,
    /// What the last try said.
    pub why: String,
}

impl TaskHandle {
    /// One that is cancelled from the start.
    pub fn cancelled() -> Self {
        let handle = Self::default();
        handle.cancel();
        handle
    }

    /// What the task waits for now, if its last try failed.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long the phases took that have ended.
    pub fn phases(&self) -> Phases {
        *self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing is waited for; a pause that is under way ends at once.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether somebody asked for it.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    pub(super) fn ended(&self, phase: Phase, took: Duration) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).ended(phase, took);
    }

    fn meets(&self, obstacle: Option<Obstacle>) {
        *self.obstacle.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }
}

/// The task was cancelled while it waited.
pub(super) struct Cancelled;

/// Growing pauses between tries of one service: 50 ms doubling to 2 s.
pub(super) struct Backoff<'a> {
    on: Awaited,
    handle: &'a TaskHandle,
    delays: ExponentialBackoff,
    tries: u32,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(on: Awaited, handle: &'a TaskHandle) -> Self {
        Self { on, handle, delays: DELAYS.build(), tries: 0 }
    }

    /// Pauses, and says in the log what is waited for: at first at once, later now and then.
    pub(super) async fn wait(
        &mut self,
        what: &'static str,
        why: &(dyn std::fmt::Display + Sync),
    ) -> Result<(), Cancelled> {
        if self.handle.is_cancelled() {
            return Err(Cancelled);
        }
        if self.tries.is_power_of_two() || self.tries == 0 {
            tracing::warn!(tries = self.tries, "{what}: {why}; trying again");
        }
        self.tries += 1;
        self.handle.meets(Some(Obstacle { on: self.on, what, why: why.to_string() }));
        let pause = self.delays.next().unwrap_or(LONGEST);
        tokio::select! {
            () = self.handle.token.cancelled() => Err(Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

impl Drop for Backoff<'_> {
    /// It got on, or was given up.
    fn drop(&mut self) {
        if self.tries > 0 {
            self.handle.meets(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn pauses_grow_from_50_ms_to_2_s_without_end_and_jitter_at_most_doubles_them() {
        let handle = TaskHandle::default();
        let mut backoff = Backoff::new(Awaited::Store, &handle);
        let mut least = Duration::from_millis(50);
        for n in 0..1_000 {
            let pause = backoff.delays.next().expect("without limit");
            assert!(pause >= least && pause < least * 2, "pause {n} is {pause:?}, not {least:?} to its double");
            least = (least * 2).min(LONGEST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_when_it_is_cancelled() {
        let handle = TaskHandle::default();
        let mut backoff = Backoff::new(Awaited::Store, &handle);
        for _ in 0..4 {
            assert!(backoff.wait("a store", &"away").await.is_ok());
        }
        // The fifth pause is 800 ms or more.
        let (began, canceller) = (Instant::now(), handle.clone());
        let after = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            canceller.cancel();
        };
        let (ended, ()) = tokio::join!(backoff.wait("a store", &"away"), after);
        assert!(ended.is_err());
        assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
        assert!(backoff.wait("a store", &"away").await.is_err(), "and never waits again");
    }
}
