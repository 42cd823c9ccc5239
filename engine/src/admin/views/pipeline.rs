//! What the paths about the running pipeline answer. Shapes only; times are RFC 3339, decimals exact text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::conditions::Condition;

/// Answer of GET /pipeline: what this instance does.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PipelineStatus {
    /// `pipeline.name`.
    pub name: String,
    /// Version of Weir.
    pub version: String,
    /// What this instance does.
    pub state: InstanceState,
    /// Seconds since this instance started.
    pub uptime_seconds: u64,
    /// Workers of this instance.
    pub workers: u32,
    /// As GET /readyz has it.
    pub ready: bool,
    /// Each reason why it is not.
    pub not_ready: Vec<String>,
    /// Since a worker of this instance last had a checkpoint through; None: none was yet. With nothing to judge there are none.
    pub last_checkpoint_age_ms: Option<u64>,
    /// The rule set in force.
    pub revision: u64,
    /// Kafka, the database, then each lookup.
    pub dependencies: Vec<DependencyView>,
    /// Those that this instance was given.
    pub partitions: Vec<PartitionStatus>,
    /// What an operator has to look at; empty when all is well.
    pub conditions: Vec<Condition>,
}

/// A service that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependencyView {
    /// `kafka`, `database` or `lookup.NAME`.
    pub name: String,
    /// Whether it answered when it was last asked.
    pub state: DependencyState,
    /// Since when it is in this state, RFC 3339; null: since the start.
    pub since: Option<String>,
    /// The last error that was seen, also of one that is up again; null: none since the start.
    pub last_error: Option<ErrorView>,
}

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DependencyState {
    /// It answered when it was last asked, or nothing had to be asked yet.
    Up,
    /// It did not. Of Kafka: a worker is no member of the group.
    Away,
}

/// An error and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorView {
    /// When it was last seen, RFC 3339. One that goes on is seen at each try; `since` says since when.
    pub at: String,
    /// The error in words.
    pub message: String,
}

/// What an instance that answers does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// It judges, or waits for records.
    Running,
    /// It takes its last checkpoints.
    Stopping,
}

/// State of a partition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartitionStatus {
    /// Number of the partition.
    pub partition: i32,
    /// Number of the worker that has it, from 0.
    pub worker: u32,
    /// Next offset that is not yet in a checkpoint; None: not taken yet.
    pub position: Option<i64>,
    /// Records behind the topic's end; None: not known.
    pub lag: Option<i64>,
    /// Event time that the partition has reached, less `window.out_of_orderness`, RFC 3339; None: no record moved it yet.
    pub watermark: Option<String>,
    /// What is done with it.
    pub state: PartitionState,
    /// Why it is stopped and what to do; absent unless it is.
    pub error: Option<String>,
}

/// What a partition does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartitionState {
    /// A worker is claiming it.
    Taking,
    /// Its records are judged.
    Running,
    /// It is not read: the worker waits for a checkpoint, or for its other partitions.
    Paused,
    /// It cannot go on without an operator; `error` says why.
    Stopped,
}

/// Answer of GET /livez and GET /readyz.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `alive` or `ready`.
    pub status: String,
    /// Conditions that do not keep the pipeline from working, each a text for a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// As GET /pipeline has them; GET /livez has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<DependencyView>,
}

/// From which offset on a revision judged a partition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivationView {
    /// Number of the partition.
    pub partition: i32,
    /// First offset that the revision judged.
    pub first_offset: i64,
    /// Revision of the rule set.
    pub revision: u64,
}

/// A line of the audit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// When it happened, RFC 3339.
    pub at: String,
    /// Who made the change: a person or the token's role, `directory`, or `engine` (the breaker).
    pub who: String,
    /// What was done: publish, patch, rollback, retire, trip, suspend or repair.
    pub action: String,
    /// Name of the rule.
    pub rule: String,
    /// Revision of the rule set that the change made.
    pub revision: u64,
    /// What exactly, in words.
    pub detail: String,
    /// Why, in the person's own words; null: no reason was given.
    pub reason: Option<String>,
}

/// Answer of GET /dead-letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LettersView {
    /// False: time or the bound on an answer's bytes ran out, so there are or may be further letters than these.
    pub complete: bool,
    /// The dead letters, newest first.
    pub letters: Vec<LetterView>,
    /// Why parts of them are not shown: a field is sensitive, and the caller may not see values; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// A dead letter, as it is in its topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterView {
    /// Partition of the dead-letter topic.
    pub partition: i32,
    /// Offset in the dead-letter topic.
    pub offset: i64,
    /// Code of the reason, header `weir.code`.
    pub code: Option<String>,
    /// The reason in words, header `__dlq.errors.message`.
    pub message: Option<String>,
    /// Rule that decided, header `weir.rule`; null: the engine itself did.
    pub rule: Option<String>,
    /// Module of that rule, header `weir.rule.sha256`.
    pub sha256: Option<String>,
    /// Partition of the source topic that the record is in.
    pub source_partition: Option<i32>,
    /// Offset of the record there.
    pub source_offset: Option<i64>,
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

/// A header of a dead letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeaderView {
    /// Name of the header.
    pub name: String,
    /// Value as text; null if it has none.
    pub value: Option<String>,
}
