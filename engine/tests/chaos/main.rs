//! Everything dies while records flow: engines, the database, its connections, the broker, Redis, the rules. What is left
//! in the end is compared with what the source topic says should be there. `make chaos` runs it longer; see
//! bench/reliability.md.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod campaign;
mod diary;
mod disk;
mod eyes;
mod faults;
mod fleet;
mod flow;
mod locks;
mod oracle;
mod recovery;
mod report;
mod services;
mod swaps;
mod tricks;

// The harness of the pipeline's tests.
#[path = "../pipeline/api.rs"]
#[allow(dead_code)]
mod api;
#[path = "../pipeline/engine.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../common/full_disk.rs"]
mod full_disk;
#[path = "../pipeline/generated.rs"]
#[allow(dead_code)]
mod generated;
#[path = "../common/guest.rs"]
#[allow(dead_code)]
mod guest;
#[path = "../pipeline/history.rs"]
#[allow(dead_code)]
mod history;
#[path = "../pipeline/kafka.rs"]
#[allow(dead_code)]
mod kafka;
#[path = "../pipeline/letters.rs"]
#[allow(dead_code)]
mod letters;
#[path = "../pipeline/plain.rs"]
#[allow(dead_code)]
mod plain;
#[path = "../common/port.rs"]
mod port;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "../pipeline/way.rs"]
#[allow(dead_code)]
mod way;
#[path = "../pipeline/windows.rs"]
#[allow(dead_code)]
mod windows;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// These tests measure or load the machine: one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
