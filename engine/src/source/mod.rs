//! The source topic: one consumer of the group, its partitions forwarded to a queue of our own, records in batches.
//! It decides nothing about offsets: the store does, and `checkpoint` asks through [`Reader`].

mod batch;
mod consumer;
#[cfg(test)]
mod mocked;
mod probe;
mod properties;
mod reader;

pub use batch::{Fetched, Message, Messages};
pub use consumer::{Event, Source, SourceError};
#[cfg(test)]
pub(crate) use mocked::mocked;
pub use probe::{answers, check_properties, group_answers, may_read};
pub use rdkafka::consumer::ConsumerGroupMetadata as GroupMetadata;
pub use reader::Reader;
