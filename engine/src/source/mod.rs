//! The source topic: one consumer of the group, its partitions forwarded to a queue of our own, records in batches.
//! It decides nothing about offsets: the store does, and `checkpoint` asks through [`Reader`].

mod consumer;
mod membership;
#[cfg(test)]
mod mocked;
mod probe;
mod properties;
mod reader;

pub use crate::kafka::{Fetched, Message, Messages};
pub use consumer::{Source, SourceError};
pub use membership::Event;
#[cfg(test)]
pub(crate) use mocked::mocked;
pub use probe::{answers, check_properties, group_answers, may_read};
pub use rdkafka::consumer::ConsumerGroupMetadata as GroupMetadata;
pub use reader::Reader;
