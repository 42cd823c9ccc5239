//! Calls of librdkafka that rdkafka does not wrap. All `unsafe` code that concerns Kafka is in this folder.

mod batch;
mod flush;

pub(crate) use batch::Queue;
pub use batch::{Fetched, Message, Messages};
pub(crate) use flush::flush;
