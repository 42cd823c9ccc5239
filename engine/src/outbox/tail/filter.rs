//! Which letters are wanted beside their code: by rule, version, record, key or time.

use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::model::ids::RecordPosition;

/// A letter has to meet all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The rule that decided.
    pub rule: Option<String>,
    /// How the digest of that rule's module begins, in hex.
    pub sha256: Option<String>,
    /// The record that was rejected. It has one letter: reading ends where that is found.
    pub source: Option<RecordPosition>,
    /// The record's key, byte by byte.
    pub key: Option<String>,
    /// Written to the topic at this time or later, in epoch milliseconds.
    pub from: Option<i64>,
    /// Written before this time, in epoch milliseconds. A partition is read up to its first letter of this time or later: behind it
    /// letters are missed whose timestamps are out of order, as clocks of instances differ.
    pub to: Option<i64>,
}

impl Filter {
    /// Whether a message is wanted. Nothing of it is copied.
    pub(super) fn takes(&self, message: &BorrowedMessage<'_>) -> bool {
        let written = message.timestamp().to_millis().unwrap_or(-1);
        let in_time = self.from.is_none_or(|from| written >= from) && self.to.is_none_or(|to| written < to);
        let has_key = self.key.as_ref().is_none_or(|key| message.key() == Some(key.as_bytes()));
        in_time && has_key && self.has_headers(message)
    }

    fn has_headers(&self, message: &BorrowedMessage<'_>) -> bool {
        let is = |name: &str, wanted: &str| last_header(message, name) == wanted.as_bytes();
        let starts = |name: &str, wanted: &str| last_header(message, name).starts_with(wanted.as_bytes());
        self.rule.as_ref().is_none_or(|rule| is("weir.rule", rule))
            && self.sha256.as_ref().is_none_or(|sha256| starts("weir.rule.sha256", sha256))
            && self.source.as_ref().is_none_or(|RecordPosition { partition, offset }| {
                is("__dlq.errors.partition", &partition.to_string()) && is("__dlq.errors.offset", &offset.to_string())
            })
    }
}

/// A header's bytes; empty if there is none. Of two with one name the later, which is the engine's own.
pub(super) fn last_header<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> &'m [u8] {
    let headers = message.headers();
    let last = headers.and_then(|headers| headers.iter().filter(|header| header.key == name).last());
    last.and_then(|header| header.value).unwrap_or_default()
}
