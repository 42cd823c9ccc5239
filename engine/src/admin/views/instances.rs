//! What GET /instances answers: all instances of the pipeline and the partitions of all. [`InstanceReport`] is also what an
//! instance writes into the database for the others, so a later version may only add to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DependencyView, PartitionState};

/// Answer of GET /instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct InstancesView {
    /// When this was put together, RFC 3339. It is renewed every 2 s, whether somebody asks or not.
    pub at: String,
    /// Why this is about the answering instance alone; null: it is about all.
    pub alone: Option<AloneView>,
    /// Rates of all instances that are heard of, together.
    pub rates: RatesView,
    /// How far they are behind the topic together.
    pub lag: LagView,
    /// The answering instance first, then those heard of last. Those that crashed stay for a day.
    pub instances: Vec<InstanceView>,
    /// Every partition that an instance has or the database knows, ascending.
    pub partitions: Vec<OwnedPartitionView>,
    /// Partitions that are not among them, as an instance has more of them than its row holds.
    pub untold_partitions: u32,
}

/// Why nothing is known of the other instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AloneView {
    /// Since when the database was not asked or did not answer, RFC 3339.
    pub since: String,
    /// What the last try said.
    pub why: String,
}

/// What is judged a second, over the last 10 s, to a tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RatesView {
    /// Records.
    pub records: f64,
    /// Of these, dead letters.
    pub letters: f64,
    /// Of these, valid records that a rule flagged.
    pub flagged: f64,
}

/// How far judging is behind the topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LagView {
    /// Records that are not judged, of the partitions of which that is known; null: of none.
    pub records: Option<i64>,
    /// An upper bound on the age of the oldest of them by Kafka's timestamp, in milliseconds; 0: there is none; null: not known.
    pub oldest_ms: Option<i64>,
    /// The partition that has it; null: none has.
    pub oldest_in: Option<i32>,
    /// By how many records a second it changed over the last 10 to 60 s, negative if it fell; null: not known yet.
    pub change_per_second: Option<i64>,
    /// Seconds until the partition that needs longest has caught up, if it goes on so; null: it does not, or nothing is behind.
    pub clears_in_seconds: Option<u64>,
    /// Partitions of which it is not known.
    pub unknown_partitions: u32,
}

/// An instance of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct InstanceView {
    /// 32 hexadecimal digits that it drew at its start: after a restart it is another one.
    pub id: String,
    /// Whether it is the one that answers.
    pub is_this: bool,
    /// Where its API and console are, for people.
    pub address: String,
    /// Version of Weir.
    pub version: String,
    /// When it started, RFC 3339, by its own clock.
    pub started_at: String,
    /// Milliseconds since it was heard of, by the database's clock; of the answering one 0.
    pub heard_ms_ago: u64,
    /// Whether that is 10 s at most.
    pub is_heard: bool,
    /// What it says of itself; null: it is not heard of, or of a version that says it in other words.
    pub report: Option<InstanceReport>,
}

/// What an instance says of itself every 2 s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct InstanceReport {
    /// Workers of the instance.
    pub workers: u32,
    /// As its GET /readyz has it.
    pub ready: bool,
    /// Reasons why it is not, the first five, each cut after 300 characters.
    pub not_ready: Vec<String>,
    /// The rule set that it has in force.
    pub revision: u64,
    /// Records judged since its start, those judged again after a failure included.
    pub records: u64,
    /// Of these, dead letters.
    pub letters: u64,
    /// Of these, valid records that a rule flagged.
    pub flagged: u64,
    /// The same a second.
    pub rates: RatesView,
    /// Its services: Kafka, the database, each lookup.
    pub dependencies: Vec<DependencyView>,
    /// What its rules did, in their order.
    pub rules: Vec<RuleFigures>,
    /// Rules that had no room in its row.
    pub rules_left_out: u32,
    /// Its partitions, ascending; where they have no room, those that are furthest behind.
    pub partitions: Vec<PartitionFigures>,
    /// Partitions that had no room in its row.
    pub partitions_left_out: u32,
}

/// What a rule did on one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RuleFigures {
    /// Name of the rule.
    pub name: String,
    /// Its module.
    pub sha256: String,
    /// Since when this is counted, RFC 3339: when the instance put the module into force.
    pub since: String,
    /// Records that it judged.
    pub records: u64,
    /// Processor time that it took, in nanoseconds.
    pub nanos: u64,
    /// Hits by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hits: BTreeMap<String, u64>,
    /// Records that it failed on, by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
    /// Records that passed unjudged, as they lack a field.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: u64,
}

/// What an instance knows of a partition that it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartitionFigures {
    /// Number of the partition.
    pub partition: i32,
    /// Worker that has it, from 0.
    pub worker: u32,
    /// What is done with it.
    pub state: PartitionState,
    /// Epoch under which it was claimed; null: it was not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Next offset to judge; null: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<i64>,
    /// K, the group's offset in Kafka, as of the last checkpoint; null: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
    /// Records that are not judged, as of the last time that Kafka was asked, 5 s ago at most; null: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<i64>,
    /// As [`LagView::oldest_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<i64>,
    /// As [`LagView::change_per_second`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_per_second: Option<i64>,
    /// Event time that it has reached, less `window.out_of_orderness`, RFC 3339; null: no record moved it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// Why it is stopped, cut after 300 characters; null unless it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A partition and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnedPartitionView {
    /// N, the next offset, as the database has it; null: it never began, or the database does not answer.
    pub position: Option<i64>,
    /// Id of the instance that claimed it last, by the epoch in the database; null: none that is heard of.
    pub instance: Option<String>,
    /// What that instance knows of it.
    #[serde(flatten)]
    pub figures: PartitionFigures,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
