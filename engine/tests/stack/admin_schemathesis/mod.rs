//! The admin API of a running engine, over TCP, asked what nobody sane would ask: by schemathesis from the engine's own
//! OpenAPI document, with bodies that have no end, by thousands who say nothing, by someone who guesses tokens.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod bodies;
mod evaluations;
mod guesses;
mod idle;
mod schemathesis;
mod served;
mod tells;

// The harness of the pipeline's tests.
#[path = "../pipeline/api.rs"]
#[allow(dead_code)]
mod api;
#[path = "../pipeline/engine.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../common/guest.rs"]
#[allow(dead_code)]
mod guest;
#[path = "../pipeline/kafka.rs"]
#[allow(dead_code)]
mod kafka;
#[path = "../hostile_modules/kinds.rs"]
#[allow(dead_code)]
mod kinds;
#[path = "../common/port.rs"]
mod port;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "../pipeline/way.rs"]
#[allow(dead_code)]
mod way;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// They load the machine, and some ask for an answer within seconds meanwhile: one at a time. Who waits has the stack
/// already, so that it stays up from one to the next.
pub(crate) fn alone() -> (Arc<stack::Stack>, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    (way::shared(), ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}
