//! A checkpoint: everything that moves together, and what a store says to it.

use std::sync::Arc;

use super::aggregate::Measure;
use super::ids::{Offset, Partition, Revision};

/// Progress of one partition in a checkpoint. The store compares `epoch` and `from` and sets the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The partition.
    pub partition: Partition,
    /// Epoch under which the worker claimed it; a higher one in the store means that another worker has claimed it since.
    pub epoch: u64,
    /// Position before the checkpoint.
    pub from: Offset,
    /// N after the checkpoint; always beyond `from`.
    pub to: Offset,
    /// The partition's watermark after the checkpoint, in epoch milliseconds; None: no record moved it yet.
    pub watermark: Option<i64>,
}

/// Letters or alerts of one partition, encoded; one row of `weir_outbox`, at most 4 MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxChunk {
    /// Partition of the source records.
    pub partition: Partition,
    /// Source offset of the first message.
    pub first_offset: Offset,
    /// Counts from 0 within the checkpoint and partition, whatever the destination.
    pub chunk: u32,
    /// As `outbox::format` writes them, with their destination.
    pub letters: Vec<u8>,
}

/// From this offset on the partition was judged by this revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The partition.
    pub partition: Partition,
    /// First offset of the first batch that was.
    pub first_offset: Offset,
    /// Revision of the rule set that judged.
    pub revision: Revision,
}

/// The values of `group_by` and their identity, made once a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// First 128 bits of SHA-256 over the length-prefixed values.
    pub id: [u8; 16],
    /// In the order of `group_by`, as text (decimals with their scale, times as RFC 3339); None: missing.
    pub values: Vec<Option<String>>,
}

/// Change of one group of a window since the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowDelta {
    /// Start of the window, in epoch milliseconds, inclusive.
    pub start: i64,
    /// End of the window, in epoch milliseconds, exclusive.
    pub end: i64,
    /// The group, by the values of `window.group_by`.
    pub group: Arc<Group>,
    /// Valid records.
    pub records: i64,
    /// Those of them that a flag hit.
    pub flagged: i64,
    /// Those of them that came after their window had ended by the partition's watermark.
    pub late: i64,
    /// Of each of [`StatsLayout::measures`], unscaled; None: no record had the field.
    pub measures: Vec<Option<i128>>,
}

/// Content of one checkpoint of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Progress of each partition, ascending by partition.
    pub partitions: Vec<PartitionProgress>,
    /// In order of partition and offset. Shared, because the store and Kafka's blocking thread both read it.
    pub outbox: Arc<[OutboxChunk]>,
    /// In order of partition and offset.
    pub activations: Vec<Activation>,
    /// Ascending by (start, group id): every writer locks rows in this order.
    pub windows: Vec<WindowDelta>,
}

/// State of a partition that was just claimed, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The partition.
    pub partition: Partition,
    /// Epoch: the fencing token that the claim has raised.
    pub epoch: u64,
    /// N; None: the partition was never seen.
    pub next_offset: Option<Offset>,
    /// Letters before this offset are known to be in Kafka, and their outbox rows deleted; None: never set.
    pub published: Option<Offset>,
    /// Watermark at N.
    pub watermark: Option<i64>,
    /// The newest activation of the partition.
    pub revision: Option<Revision>,
    /// Outbox rows, in order.
    pub outbox: Vec<OutboxChunk>,
}

/// The columns of `risk_stats` that the configuration decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsLayout {
    /// Name of the table.
    pub table: String,
    /// One readable column a field of `group_by`.
    pub group_by: Vec<String>,
    /// One column each; those of a field are neighbors.
    pub measures: Vec<Measure>,
}

impl StatsLayout {
    /// The columns that every such table has.
    pub const FIXED: [&str; 7] = ["window_start", "window_end", "group_id", "records", "flagged", "late", "updated_at"];
}

/// What may not change under rows that are there already.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Source topic.
    pub topic: String,
    /// Consumer group.
    pub group: String,
    /// Dead-letter topic.
    pub letter_topic: String,
    /// `window.size`, in milliseconds.
    pub window_ms: i64,
    /// `window.group_by`.
    pub group_by: Vec<String>,
    /// Field and scale of each measure.
    pub scales: Vec<(String, u8)>,
    /// Table of the statistics.
    pub table: String,
    /// Kafka's id of the cluster, whose offsets the rows count; None: not known. A pipeline that has none takes the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}
