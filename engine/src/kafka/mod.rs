//! Kafka for whoever uses it: how clients are made, what topics and clusters are like, reading a range of a log without a group,
//! why a broker cannot be used, and the calls of librdkafka that rdkafka does not wrap (`ffi`, all of Kafka's `unsafe` code).
//! It knows no stage: offsets and membership are `source`'s, transactions are `outbox`'s.

mod client;
mod cluster;
mod diagnosis;
mod error;
mod ffi;
mod range_reader;
mod stored_record;
mod topics;
mod versions;

pub(crate) use client::ClientSettings;
pub use client::Cluster;
pub use cluster::cluster_id;
pub use error::{NotMade, RangeError, TopicError};
pub use ffi::{Fetched, Message, Messages};
pub(crate) use ffi::{Queue, flush};
pub use range_reader::{Range, RangeReader};
pub use stored_record::{AtPosition, StoredRecord, record_at};
pub(crate) use topics::{DEFAULT_MESSAGE_LIMIT, topic_setting};
pub use topics::{longest_message, partitions};
pub use versions::{librdkafka_version, openssl_version};
