//! Everything dies while records flow: engines, the database, its connections, the broker, Redis, the rules. What is left
//! in the end is compared with what the source topic says should be there. `make chaos` runs it longer; see
//! bench/reliability.md. `fault_points` does it step by step: at each point of the code where something can fail.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod campaign;
mod campaign_log;
mod disk;
mod fault_points;
mod faults;
mod fleet;
mod flow;
mod locks;
mod oracle_selftest;
mod recovery;
mod report;
mod services;
mod swaps;
mod tricks;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// These tests measure or load the machine: one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
