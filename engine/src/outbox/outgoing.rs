//! A message on its way to Kafka, and where it comes from.

use std::borrow::Cow;

use rdkafka::message::OwnedHeaders;

/// What Kafka adds to a record beyond key, value and headers, generously.
pub(super) const RECORD_OVERHEAD: usize = 512;

/// Where the messages of a pipeline come from.
pub(super) struct Origin {
    pub(super) topic: String,
    pub(super) group: String,
}

/// What is sent. A letter's value is in the outbox, an alert's is made here.
pub(super) struct Outgoing<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<Cow<'a, [u8]>>,
    pub(super) headers: OwnedHeaders,
    /// What it takes of a request, rather more than less.
    pub(super) size: usize,
}
