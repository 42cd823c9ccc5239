//! What adds to a decoded record, one folder for each: [`lookup`] (fields of Redis hashes). Each plans what a batch asks, fetches
//! it beside the worker, and applies the answers; the waiting for them, [`pending`], is the same for all.

/// Fields of Redis hashes.
pub mod lookup;
mod pending;

pub use pending::{Answer, Away, PendingAnswer, Query, Unanswered};
