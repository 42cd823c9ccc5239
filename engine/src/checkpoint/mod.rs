//! Exactly once on both sides: one database transaction, then one Kafka transaction, and one routine that takes
//! partitions at start, after a rebalance and after any failure. It speaks to [`CheckpointStore`](crate::model::store::CheckpointStore) and
//! [`Broker`], so a simulation can stand behind both. It knows no rule, no record, no clock but tokio's.

mod advance;
mod asked;
mod broker;
mod contradictions;
mod pending;
mod retry;
mod take;

pub use advance::{Failed, advance};
pub use broker::{Bounds, Broker, NotYet, Unpublished};
pub use pending::{Pending, Positioned};
pub use retry::{Cancel, Obstacle};
pub use take::{Stand, Stopped, TakeError, TakenOver, take};
