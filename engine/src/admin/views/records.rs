//! What the paths about dead letters and records answer. Shapes only; times are RFC 3339, decimals exact text.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::EffectView;
use crate::model::finding::Effect;

/// Answer of GET /dead-letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LettersView {
    /// False: time or the bound on an answer's bytes ran out, so there are or may be further letters than these. With `to`
    /// each partition is read up to its first letter of that time or later: also if this is true, letters behind it whose timestamps
    /// are out of order, as clocks of instances differ, are missing.
    pub complete: bool,
    /// The dead letters, newest first.
    pub letters: Vec<LetterView>,
    /// Why parts of them are not shown: a field is sensitive, and the caller may not see values; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// A dead letter, as it is in its topic.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LetterView {
    /// Partition of the dead-letter topic.
    pub partition: i32,
    /// Offset in the dead-letter topic.
    pub offset: i64,
    /// When it was written there, RFC 3339; null: its message has no timestamp.
    pub at: Option<String>,
    /// Code of the reason, header `weir.code`.
    pub code: Option<String>,
    /// Where the record was rejected, header `weir.stage`: decode, rule or window.
    pub stage: Option<String>,
    /// The reason in words, header `__dlq.errors.message`.
    pub message: Option<String>,
    /// Rule that decided, header `weir.rule`; null: the engine itself did.
    pub rule: Option<String>,
    /// Module of that rule, header `weir.rule.sha256`.
    pub sha256: Option<String>,
    /// Revision of the rule set that judged the record, header `weir.revision`.
    pub revision: Option<u64>,
    /// Hits of all rules on the record, in rule order, header `weir.hits`; empty also where they had no room.
    pub hits: Vec<LetterHitView>,
    /// Hits that are not listed, header `weir.hits.more`.
    pub more_hits: u64,
    /// Partition of the source topic that the record is in.
    pub source_partition: Option<i32>,
    /// Offset of the record there.
    pub source_offset: Option<i64>,
    /// Kafka's timestamp of the record there, RFC 3339; null: it has none.
    pub source_at: Option<String>,
    /// The record's fields as they are decoded, by name; null: it has no such value. Without those that are hidden; empty: the
    /// record can't be decoded, or was cut here.
    pub fields: BTreeMap<String, Option<String>>,
    /// As text; bytes that are no UTF-8 are replaced. Cut after `value_limit` bytes.
    pub key: Option<String>,
    /// As text; bytes that are no UTF-8 are replaced. Cut after `value_limit` bytes.
    pub value: Option<String>,
    /// Bytes of the whole value; null if it has none.
    pub value_bytes: Option<u64>,
    /// In order; a name may come twice. Each is cut after `value_limit` bytes.
    pub headers: Vec<HeaderView>,
    /// Whether the key, the value or a header was cut or left out here; the topic has them whole.
    pub truncated: bool,
}

/// A header of a record or of a dead letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeaderView {
    /// Name of the header.
    pub name: String,
    /// Value as text; null if it has none.
    pub value: Option<String>,
}

/// A hit on a record that became a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LetterHitView {
    /// Name of the rule.
    pub rule: String,
    /// The code, as `AMOUNT_NEGATIVE`.
    pub code: String,
    /// What the hit does to a record.
    #[schema(value_type = EffectView)]
    pub effect: Effect,
    /// What the rule said of the record; empty if nothing.
    pub detail: String,
}

/// Answer of GET /dead-letters/{position}.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OneLetterView {
    /// The dead letter.
    pub letter: LetterView,
    /// Why parts of it are not shown; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// Answer of GET /dead-letters/groups: the newest dead letters, which this instance keeps in memory while somebody looks.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LetterGroupsView {
    /// By code, rule and version; those with the newest letter first. 200 at most.
    pub groups: Vec<LetterGroupView>,
    /// Letters that were counted and are in none of these groups.
    pub others: u64,
    /// The newest letters, newest first, with texts of 1,024 bytes at most.
    pub letters: Vec<LetterView>,
    /// Letters that were counted: up to 20,000 that were there when somebody looked first, and those that came since.
    pub read: u64,
    /// Offsets that were not looked at, as more letters came than 20,000 a second. Marks of transactions among them.
    pub passed_over: u64,
    /// When the oldest letter that was counted was written, RFC 3339; null: there is none.
    pub since: Option<String>,
    /// When the topic was looked at last, RFC 3339; null: it was not yet.
    pub as_of: Option<String>,
    /// Why the topic can't be read at the moment; null: it can.
    pub problem: Option<String>,
    /// Why parts of the letters are not shown; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// Dead letters of one code, rule and version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterGroupView {
    /// Code of the reason.
    pub code: Option<String>,
    /// Rule that decided; null: the engine itself did.
    pub rule: Option<String>,
    /// Module of that rule.
    pub sha256: Option<String>,
    /// Letters that were counted.
    pub letters: u64,
    /// When the first of them was written, RFC 3339.
    pub first: String,
    /// When the last of them was written, RFC 3339.
    pub last: String,
    /// Letters of each of the last 15 minutes, the oldest first; the last one is not over.
    pub by_minute: Vec<u64>,
    /// One of the last.
    pub sample: LetterView,
}

/// Answer of GET /records/{position}: a record of the source topic, as it is there.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RecordView {
    /// Partition of the source topic.
    pub partition: i32,
    /// Offset in the source topic.
    pub offset: i64,
    /// Kafka's timestamp, RFC 3339; null: it has none.
    pub at: Option<String>,
    /// The fields as they are decoded, by name; null: it has no such value. Without those that are hidden; empty: the record
    /// can't be decoded, or was cut here.
    pub fields: BTreeMap<String, Option<String>>,
    /// As text; bytes that are no UTF-8 are replaced. Cut after `value_limit` bytes.
    pub key: Option<String>,
    /// As text; bytes that are no UTF-8 are replaced. Cut after `value_limit` bytes.
    pub value: Option<String>,
    /// Bytes of the whole value; null if it has none: a tombstone.
    pub value_bytes: Option<u64>,
    /// In order; a name may come twice. Each is cut after `value_limit` bytes.
    pub headers: Vec<HeaderView>,
    /// Whether the key, the value or a header was cut or left out here; the topic has them whole.
    pub truncated: bool,
    /// Why parts of it are not shown; null: nothing is hidden.
    pub hidden: Option<String>,
}
