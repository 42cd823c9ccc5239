//! Why a transaction did not go through.

use crate::fault::Fault;
use crate::outbox::destination::Destination;
use crate::outbox::format::Damaged;

/// Why messages and offsets are not in Kafka.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Aborted already; may be tried again.
    #[error("the transaction was aborted: {0}")]
    Abortable(String),
    /// The group has moved on; aborted.
    #[error("the group has moved on: {0}")]
    Group(String),
    /// Fatal or timed out: [`Publisher::resolve_in_doubt`](super::Publisher::resolve_in_doubt), then ask the group's offsets.
    #[error("the outcome of the transaction is unknown: {0}")]
    Unknown(String),
    /// The operator has to act.
    #[error("dead_letters: {0}")]
    Config(String),
    /// The outbox holds alerts for a topic that is not there, or not ours to see.
    #[error(
        "the outbox holds alerts for the topic {topic:?}, which alerts.topic named when their records were judged: {why}. They \
         are published as soon as it is there; to go on without them see docs/operations.md#alerts"
    )]
    AlertTopic {
        /// As the outbox names it.
        topic: String,
        /// What is wrong with it.
        why: String,
    },
    /// The outbox holds what cannot become messages.
    #[error(transparent)]
    Outbox(#[from] Unsendable),
}

impl From<Fault> for PublishError {
    fn from(fault: Fault) -> Self {
        Self::Unknown(fault.to_string())
    }
}

/// What the outbox holds cannot become messages of Kafka.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// A row is not what this version writes.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// Another version of Weir, or another configuration, has written it.
    #[error(
        "the outbox holds messages for destination {0}, which has no topic here; start the version and the configuration that \
         wrote them, and let them be published"
    )]
    NoTopic(Destination),
    /// Nobody asked the cluster for the topic. [`Publisher`](super::Publisher) does before each transaction.
    #[error("the outbox holds alerts for the topic {0:?}, of which nothing is known; they are tried again")]
    NoAlertTopic(String),
}
