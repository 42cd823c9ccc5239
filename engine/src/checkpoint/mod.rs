//! Exactly once on both sides: one database transaction, then one Kafka transaction, and one routine that takes
//! partitions at start, after a rebalance and after any failure. It speaks to [`CheckpointStore`](crate::model::store::CheckpointStore) and
//! [`Broker`], so a simulation can be behind both. It knows no rule, no record, no clock but tokio's.

mod backoff;
mod broker;
mod broker_queries;
mod claim;
mod commit;
mod consistency;
mod builder;

pub use backoff::{Cancel, Obstacle};
pub use broker::{Bounds, Broker, NotYet, Unpublished};
pub use claim::{ClaimError, ClaimResult, ResumePoint, Stopped, claim};
pub use commit::{Failed, commit};
pub use builder::{Pending, Positioned};
