//! Calls of librdkafka that rdkafka does not wrap. All `unsafe` code that concerns Kafka stands in this folder.

mod batch;
mod flush;

pub(crate) use batch::Queue;
pub use batch::{Fetched, Message, Messages};
pub(crate) use flush::flush;
