//! What the paths about the running pipeline answer. Shapes only; times are RFC 3339, decimals exact text.

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
    /// While no record was judged since the start: what that takes and is not there; empty from the first record on.
    pub missing: Vec<MissingView>,
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

/// What the first record takes and is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingView {
    /// What is missing, in words.
    pub what: String,
    /// The command that helps.
    pub command: String,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// No instance that is heard of has it. Only GET /instances says so: GET /pipeline is about one instance.
    Unowned,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
