//! What the protocol asks of Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};

/// Kafka has no answer yet: unreachable, or a transaction over these offsets is undecided. Never "there is none".
#[derive(Debug, thiserror::Error)]
#[error("no answer from Kafka yet: {0}")]
pub struct NotYet(pub String);

/// The first offset in the log and the one past the last, of each partition that was asked for.
pub type Bounds = BTreeMap<Partition, (Offset, Offset)>;

/// Why a transaction did not go through.
#[derive(Debug, thiserror::Error)]
pub enum Unpublished {
    /// Aborted; the same may be tried again.
    #[error("the transaction was aborted: {0}")]
    Aborted(String),
    /// The group moved on: only a new assignment brings metadata that Kafka accepts.
    #[error("the group moved on: {0}")]
    Group(String),
    /// It may or may not have committed: K decides.
    #[error("the outcome of the transaction is unknown: {0}")]
    Unknown(String),
    /// An operator has to act, for example to make the dead-letter topic; trying again is harmless.
    #[error("{0}")]
    Refused(String),
}

/// The consumer group's offsets and the transactional producer of one worker.
#[async_trait]
pub trait Broker: Send {
    /// Proof of membership, taken at an assignment.
    type Metadata: Send + Sync;

    /// K of each partition, stable: it waits out other producers' open transactions.
    async fn committed(&self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Option<Offset>>, NotYet>;

    /// First offset in each log, and the one past the last.
    async fn bounds(&self, partitions: &[Partition]) -> Result<Bounds, NotYet>;

    /// Commits K outside a transaction: only for a partition that nobody ever consumed.
    async fn commit_initial(&self, at: &[(Partition, Offset)]) -> Result<(), NotYet>;

    /// One transaction: the letters at or after `from`, and the offsets.
    async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        metadata: &Self::Metadata,
    ) -> Result<(), Unpublished>;

    /// Ends whatever the producer has open, so that nothing of ours is undecided afterwards.
    async fn resolve_in_doubt(&mut self) -> Result<(), NotYet>;
}
