//! Waiting for a store or a broker that is away: backoff without limit, until cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Asks a checkpoint task to give up at its next wait. It never interrupts a transaction half-way.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// From now on [`Patience::wait`] gives up.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody did.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The task was cancelled while it waited.
pub(super) struct Cancelled;

/// Growing pauses between tries: 50 ms doubling to 2 s.
pub(super) struct Patience<'a> {
    cancel: &'a Cancel,
    tries: u32,
}

impl<'a> Patience<'a> {
    pub(super) fn new(cancel: &'a Cancel) -> Self {
        Self { cancel, tries: 0 }
    }

    /// Pauses, and says in the log what is waited for: at first at once, later now and then.
    pub(super) async fn wait(&mut self, what: &str, why: &(dyn std::fmt::Display + Sync)) -> Result<(), Cancelled> {
        if self.cancel.is_cancelled() {
            return Err(Cancelled);
        }
        if self.tries.is_power_of_two() || self.tries == 0 {
            tracing::warn!(tries = self.tries, "{what}: {why}; trying again");
        }
        let pause = Duration::from_millis(50 << self.tries.min(5)).min(Duration::from_secs(2));
        self.tries += 1;
        let slice = Duration::from_millis(50);
        let mut left = pause;
        while !left.is_zero() {
            // In slices, so that a revoke is not kept waiting by a pause.
            let now = left.min(slice);
            tokio::time::sleep(now).await;
            left -= now;
            if self.cancel.is_cancelled() {
                return Err(Cancelled);
            }
        }
        Ok(())
    }
}
