//! What GET /alerts answers. [`held`] makes it of what the reader of the alert topic holds.

mod held;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rfc3339;
use crate::model::seen_alert::{Says, SeenAlert, SeenHit};

pub use held::{AlertsHeld, AlertsWanted, Mark, NotAMark};

/// What alerts of a group have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// The key of the source record.
    #[default]
    Key,
    /// A code. An alert with hits of several codes is in several groups.
    Code,
}

/// Answer of GET /alerts: from memory, the newest alerts first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertsView {
    /// When the topic was read last, RFC 3339; null: it was not yet.
    pub as_of: Option<String>,
    /// Why the topic can't be read now; null: it can.
    pub problem: Option<String>,
    /// Up to which message this answer goes: as `until` it asks for the same again, as far as it is still held.
    pub mark: String,
    /// Whether the answer goes up to an `until`; false, though one was given: that mark is of another reading of the topic.
    pub paused: bool,
    /// Messages that came after the mark.
    pub newer: u64,
    /// Messages that this instance has read up to the mark.
    pub read: u64,
    /// How many of those are still held.
    pub held: u64,
    /// Offsets that were passed over unread, as more came than are read; marks of transactions are among them.
    pub passed_over: u64,
    /// Held alerts that match the filter.
    pub matching: u64,
    /// Flagged records that were counted and not sent, by the held summaries that match.
    pub not_sent: u64,
    /// What groups have in common.
    pub by: GroupBy,
    /// Groups of the matching alerts, the largest first.
    pub groups: Vec<AlertGroupView>,
    /// Groups that are not listed.
    pub more_groups: u64,
    /// The matching messages, newest first, `limit` at most.
    pub alerts: Vec<AlertView>,
    /// Why parts of them are not shown: a field is sensitive, and the caller may not see values; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// Alerts that have a key, or a code, in common.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertGroupView {
    /// The key or the code; null: records without a key.
    pub name: Option<String>,
    /// How many they are.
    pub alerts: u64,
    /// When the first of them was written, RFC 3339.
    pub first: String,
    /// When the last of them was written, RFC 3339.
    pub last: String,
    /// How many of them each code hit.
    pub codes: BTreeMap<String, u64>,
    /// The last of them.
    pub newest: AlertView,
}

/// A message of the alert topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertView {
    /// Partition of the alert topic.
    pub partition: i32,
    /// Offset in the alert topic.
    pub offset: i64,
    /// When it was written there, RFC 3339.
    pub written: String,
    /// What it is.
    pub kind: AlertKind,
    /// Key of the source record, as text.
    pub key: Option<String>,
    /// The source record, `PARTITION@OFFSET`; of a summary the first of its records.
    pub record: Option<String>,
    /// Of a summary: offset of the last of its records.
    pub to: Option<i64>,
    /// Of a summary: how many records they are.
    pub records: Option<u64>,
    /// Revision of the rule set that judged the record.
    pub revision: Option<u64>,
    /// Hits of all live rules on the record.
    pub hits: Vec<AlertHitView>,
    /// Hits that are not listed.
    pub more_hits: u64,
    /// Of a summary: how many records each code hit.
    pub codes: BTreeMap<String, u64>,
    /// The fields of `alerts.fields`, in their order.
    pub fields: Vec<AlertFieldView>,
    /// The record's value, 4 KiB at most; null unless `alerts.value` asks for it.
    pub value: Option<String>,
    /// Whether something of it is not whole.
    pub cut: bool,
}

/// The kinds of messages of the alert topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// One flagged record.
    Alert,
    /// A summary of flagged records beyond `alerts.budget`.
    NotSent,
    /// Something that this version does not know.
    Other,
}

/// A hit of an alert.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertHitView {
    /// The rule's name.
    pub rule: String,
    /// Version that its manifest states.
    pub version: String,
    /// Digest of its module.
    pub sha256: String,
    /// Its code.
    pub code: String,
    /// What was seen; may be empty, and is where it is hidden.
    pub detail: String,
}

/// A field of an alert.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertFieldView {
    /// As `alerts.fields` names it.
    pub name: String,
    /// Its value as text; null: the record lacks it.
    pub value: Option<String>,
}

impl From<&SeenAlert> for AlertView {
    fn from(alert: &SeenAlert) -> Self {
        let bare = Self {
            partition: alert.partition,
            offset: alert.offset,
            written: rfc3339(alert.written),
            kind: AlertKind::Other,
            key: alert.key.clone(),
            record: None,
            to: None,
            records: None,
            revision: None,
            hits: Vec::new(),
            more_hits: 0,
            codes: BTreeMap::new(),
            fields: Vec::new(),
            value: None,
            cut: false,
        };
        match &alert.says {
            Says::Other(_) => bare,
            Says::NotSent(not_sent) => Self {
                kind: AlertKind::NotSent,
                record: Some(format!("{}@{}", not_sent.partition, not_sent.from)),
                to: Some(not_sent.to),
                records: Some(not_sent.records),
                codes: not_sent.codes.iter().cloned().collect(),
                ..bare
            },
            Says::Flagged(flagged) => Self {
                kind: AlertKind::Alert,
                record: Some(flagged.record.to_string()),
                revision: Some(flagged.revision),
                hits: flagged.hits.iter().map(AlertHitView::from).collect(),
                more_hits: flagged.more,
                fields: flagged.fields.iter().map(AlertFieldView::from).collect(),
                value: flagged.value.clone(),
                cut: flagged.is_cut,
                ..bare
            },
        }
    }
}

impl From<&SeenHit> for AlertHitView {
    fn from(hit: &SeenHit) -> Self {
        let SeenHit { rule, version, sha256, code, detail } = hit.clone();
        Self { rule, version, sha256, code, detail }
    }
}

impl From<&(String, Option<String>)> for AlertFieldView {
    fn from((name, value): &(String, Option<String>)) -> Self {
        Self { name: name.clone(), value: value.clone() }
    }
}
