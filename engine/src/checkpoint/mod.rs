//! Exactly once on both sides: one database transaction, then one Kafka transaction, and one routine that claims
//! partitions at start, after a rebalance and after any failure. It speaks to [`CheckpointStore`](crate::model::store::CheckpointStore) and
//! [`Broker`], so a simulation can be behind both. It knows no rule, no record, no clock but tokio's.

mod alerts;
mod backoff;
mod broker;
mod broker_queries;
mod builder;
mod claim;
mod commit;
mod consistency;
mod phases;

pub use alerts::AlertBudget;
pub use backoff::{Awaited, Obstacle, TaskHandle};
pub use broker::{Bounds, Broker, NotYet, Unpublished};
pub use builder::{CheckpointBuilder, Positioned};
pub use claim::{ClaimError, ClaimResult, ResumePoint, Stopped, claim};
pub use commit::{Failed, commit};
pub use phases::{Phase, Phases};

/// Bytes of an outbox row: below MariaDB's default max_allowed_packet with room to spare. Only a message that is larger by itself
/// makes a larger one, and `outbox::format` bounds that.
const CHUNK: usize = 4 << 20;
