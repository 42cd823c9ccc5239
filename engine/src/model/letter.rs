//! A dead letter: the source record as it was and why it was rejected. It borrows its texts: on the way in from the record and
//! the finding, on the way out from the outbox row (`outbox::format`).

use std::borrow::Cow;

use serde::Serialize;

use super::finding::{Effect, Stage};
use super::ids::{Offset, Revision, Sha256};

/// One hit among all that a record got, as `weir.hits` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hit<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// Its code.
    pub code: &'a str,
    /// What the code does.
    pub effect: Effect,
    /// What was seen.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: &'a str,
}

/// Why a record is a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason<'a> {
    /// `weir.stage`
    pub stage: Stage,
    /// `weir.code`
    pub code: &'a str,
    /// `__dlq.errors.message`
    pub message: Cow<'a, str>,
    /// `weir.rule` and `weir.rule.sha256`, where a rule decided.
    pub rule: Option<(&'a str, Sha256)>,
    /// `weir.revision`: the rule set that the record's batch was judged by.
    pub revision: Revision,
    /// `weir.hits`: hits in rule order, as many as a letter may list.
    pub hits: Vec<Hit<'a>>,
    /// `weir.hits.more`: hits that are not listed.
    pub more: u32,
}

/// The source record, borrowed from wherever it is.
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

/// A letter where it is in a chunk of the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter<'a> {
    /// Offset of the source record.
    pub offset: Offset,
    /// Kafka's timestamp of the source record.
    pub timestamp: i64,
    /// Key of the source record.
    pub key: Option<&'a [u8]>,
    /// Value of the source record.
    pub value: Option<&'a [u8]>,
    /// Headers of the source record, in their order.
    pub headers: Vec<(&'a str, Option<&'a [u8]>)>,
    /// What of it the outbox did not hold whole.
    pub cut: Cut,
    /// Why it is here.
    pub reason: Reason<'a>,
}

/// The whole length in bytes of what was cut (key, value) or left out (headers); None: it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Length of the whole key, in bytes, if it was cut.
    pub key: Option<usize>,
    /// Length of the whole value, in bytes, if it was cut.
    pub value: Option<usize>,
    /// Length of all headers, in bytes, if some were left out.
    pub headers: Option<usize>,
}
