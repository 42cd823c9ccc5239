//! An alert: a valid record that a rule flagged with one of `alerts.codes`; and the summary of those that a checkpoint counts
//! instead of sending them. Both borrow their texts: on the way in from the record and the findings, on the way out from the
//! outbox row (`outbox::format`).

use serde::Serialize;

use super::ids::{Offset, Revision, Sha256};
use super::letter::Cut;

/// One hit of a live rule on the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AlertHit<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// Version that its manifest states.
    pub version: &'a str,
    /// Digest of its module.
    pub sha256: Sha256,
    /// Its code.
    pub code: &'a str,
    /// What was seen; may be empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: &'a str,
}

/// One of `alerts.fields` as the record held it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertField<'a> {
    /// As `alerts.fields` names it.
    pub name: &'a str,
    /// The value as JSON: exact decimals and times are texts. `null`: the record lacks it.
    pub json: &'a str,
    /// Length of the whole text in bytes, if it was cut.
    pub cut: Option<usize>,
}

/// What an alert says of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert<'a> {
    /// Offset of the source record.
    pub offset: Offset,
    /// Kafka's timestamp of the source record, in epoch milliseconds; -1 if it has none.
    pub timestamp: i64,
    /// Key of the source record.
    pub key: Option<&'a [u8]>,
    /// Value of the source record; None unless `alerts.value` asks for it.
    pub value: Option<&'a [u8]>,
    /// What of them the outbox did not hold whole. It has no headers.
    pub cut: Cut,
    /// Revision of the rule set that judged the record.
    pub revision: Revision,
    /// Hits of all live rules on the record, in rule order, as many as an alert lists.
    pub hits: Vec<AlertHit<'a>>,
    /// Hits that are not listed.
    pub more: u32,
    /// In the order of `alerts.fields`.
    pub fields: Vec<AlertField<'a>>,
}

/// Flagged records of one partition and checkpoint that are counted and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent<'a> {
    /// Source offset of the first of them.
    pub from: Offset,
    /// Source offset of the last of them.
    pub to: Offset,
    /// How many they are.
    pub records: u64,
    /// How many of them each of `alerts.codes` hit; a record may be hit by several.
    pub codes: Vec<(&'a str, u64)>,
}

/// A message of the alert topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertMessage<'a> {
    /// One flagged record.
    Alert(Alert<'a>),
    /// Those beyond `alerts.budget`.
    NotSent(NotSent<'a>),
}

impl AlertMessage<'_> {
    /// Source offset by which a replay knows whether it is in Kafka: everything of a checkpoint is at or after its beginning.
    pub fn offset(&self) -> Offset {
        match self {
            Self::Alert(alert) => alert.offset,
            Self::NotSent(not_sent) => not_sent.from,
        }
    }
}
