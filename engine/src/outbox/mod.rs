//! The dead-letter topic: letters of the outbox become Kafka messages with their reason in headers, in the transaction
//! that also commits the group's offsets. It knows no rule and no store.

mod client;
mod cluster;
mod diagnosis;
mod flight;
mod flush;
mod message;
mod publisher;
mod rounds;
mod tail;
mod topics;
mod transaction;
mod versions;

pub use cluster::cluster_id;
pub(crate) use flush::flush;
pub use publisher::{PublishError, Publisher};
pub use tail::{Shown, Tail, TailError, Wanted, tail};
pub use topics::{Cluster, TopicError, check_properties, check_topics, longest_message, partitions};
pub use versions::{librdkafka_version, openssl_version};
