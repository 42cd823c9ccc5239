//! A dead letter: the source record as it was and why it was rejected. Letters are encoded at once into the buffer that
//! becomes the outbox row, so a stream of nothing but dirt costs no allocation a letter, and decoded when published.

use serde::{Deserialize, Serialize};

use super::finding::{Effect, Stage};
use super::ids::{Offset, Revision, Sha256};

/// One hit among all that a record got, as `weir.hits` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The rule's name.
    pub rule: String,
    /// Its code.
    pub code: String,
    /// What the code does.
    pub effect: Effect,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why a record is a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// `weir.stage`
    pub stage: Stage,
    /// `weir.code`
    pub code: String,
    /// `__dlq.errors.message`
    pub message: String,
    /// `weir.rule` and `weir.rule.sha256`, where a rule decided.
    pub rule: Option<(String, Sha256)>,
    /// `weir.revision`: the rule set that the record's batch was judged by.
    pub revision: Revision,
    /// `weir.hits`: every hit, in rule order.
    pub hits: Vec<Hit>,
}

/// The source record, borrowed from wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Kafka's timestamp in epoch milliseconds; -1 if it has none.
    pub timestamp: i64,
    /// As it was; None: it had none.
    pub key: Option<&'a [u8]>,
    /// As it was; None: a tombstone.
    pub value: Option<&'a [u8]>,
    /// Name and value of each, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// A letter read back from the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Offset of the source record.
    pub offset: Offset,
    /// Kafka's timestamp of the source record.
    pub timestamp: i64,
    /// As it was.
    pub key: Option<Vec<u8>>,
    /// As it was.
    pub value: Option<Vec<u8>>,
    /// As they were.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Why it is here.
    pub reason: Reason,
}

/// What the outbox held is not what this version writes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the outbox chunk is damaged or of another version at byte {at}: {what}")]
pub struct Damaged {
    /// Byte of the chunk.
    pub at: usize,
    /// What was wanted there.
    pub what: &'static str,
}
