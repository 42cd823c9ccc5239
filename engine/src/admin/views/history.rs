//! What GET /history answers: the last 15 minutes, from the memory of the instance that answers.

use serde::Serialize;
use utoipa::ToSchema;

/// Answer of GET /history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct HistoryView {
    /// Milliseconds between two samples.
    pub every_ms: u64,
    /// Figures of the last 15 minutes, oldest first, as far as this instance runs. Sums over the instances that were heard of.
    pub samples: Vec<SampleView>,
    /// What changed, oldest first: the last 100, whatever their age.
    pub changes: Vec<ChangeView>,
    /// The last 60 checkpoints of the answering instance, oldest first.
    pub checkpoints: Vec<CheckpointView>,
}

/// Figures at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct SampleView {
    /// When they were taken, RFC 3339.
    pub at: String,
    /// Records judged a second, over the 10 s before, to a tenth.
    pub records: f64,
    /// Of these, dead letters.
    pub letters: f64,
    /// Of these, valid records that a rule flagged.
    pub flagged: f64,
    /// Records that were not judged; null: not known.
    pub lag: Option<i64>,
    /// An upper bound on the age of the oldest of them, in milliseconds; null: not known.
    pub oldest_ms: Option<i64>,
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKindView {
    /// An instance started, ended, or is not heard of.
    Instance,
    /// The rule set is another one.
    Rules,
    /// Partitions went from one instance to another.
    Partitions,
    /// A service answers again, or no longer.
    Service,
    /// A condition began or ended.
    Condition,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeView {
    /// When, RFC 3339. A change that is seen by looking is as late as the look: 2 s.
    pub at: String,
    /// Kind of the change.
    pub kind: ChangeKindView,
    /// What it was, in words.
    pub text: String,
    /// Of a change of the rule set: what the audit says of it; null of others.
    pub rules: Option<RulesChangeView>,
}

/// What the audit says of a change of the rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RulesChangeView {
    /// Who made it.
    pub who: String,
    /// Why, in the person's own words; null: no reason was given.
    pub reason: Option<String>,
    /// The rule.
    pub rule: String,
    /// What was done: publish, patch, rollback, retire, trip, suspend or repair.
    pub action: String,
    /// The revision that it made.
    pub revision: u64,
}

/// A checkpoint that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckpointView {
    /// Its number among those of the instance, from 1.
    pub id: u64,
    /// When it ended, RFC 3339.
    pub at: String,
    /// Worker that made it.
    pub worker: u32,
    /// committed, fenced or failed.
    pub outcome: String,
    /// From its start to its end, in microseconds.
    pub took_us: u64,
    /// Deleting outbox rows that are in Kafka, in microseconds.
    pub clear_us: u64,
    /// Asking for the group's offsets, in microseconds.
    pub offsets_us: u64,
    /// The transaction of the database, waiting included, in microseconds.
    pub database_us: u64,
    /// The transaction of Kafka, waiting included, in microseconds.
    pub kafka_us: u64,
    /// Partitions that it moved.
    pub partitions: u32,
    /// By how many offsets it moved them together.
    pub offsets: i64,
}
