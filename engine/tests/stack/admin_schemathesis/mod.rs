//! The admin API of a running engine, over TCP, asked what nobody sane would ask: by schemathesis from the engine's own
//! OpenAPI document, with bodies that have no end, by thousands who say nothing, by someone who guesses tokens.

mod answers;
mod bodies;
mod evaluations;
mod guesses;
mod idle;
mod schemathesis;
mod served;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// They load the machine, and some ask for an answer within seconds meanwhile: one at a time. Who waits has the stack
/// already, so that it stays up from one to the next.
pub(crate) fn alone() -> (Arc<weir_testkit::stack::Stack>, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    (weir_testkit::pipeline::shared(), ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}
