//! What the engine asks of the database of `[sink]`, as one port for each kind of user; `store` answers all of them with
//! MySQL and SQLite, and a user names the port that it needs, so a fake has that port's methods and no others.
//!
//! | port | user |
//! |---|---|
//! | [`CheckpointStore`] | `checkpoint`, the workers |
//! | [`CatalogStore`] | `rules`, `weir rules repair` |
//! | [`AuditStore`] | `rules` and the admin API |
//! | [`ReportStore`] | the admin API |
//! | [`RetentionStore`] | `pipeline/retention.rs` |
//! | [`InstanceStore`] | `pipeline/instances.rs` |
//! | [`ProbeStore`] | `pipeline/store_probe.rs` |
//! | [`Store`]: all of them, and making the tables | whoever puts a pipeline together |
//!
//! Every method is one transaction and may be called again after [`StoreError::Unavailable`]. Every error says what the
//! caller has to do differently.

use async_trait::async_trait;

use super::catalog::{Audit, Entry, Repaired, RuleChange, RuleSet, Version, VersionInfo};
use super::checkpoint::{Activation, Checkpoint, Claimed, Fingerprint, StatsLayout};
use super::ids::{Offset, Partition, Revision, Sha256};
use super::instance::{Beat, InstanceRow};

/// Errors of the store, told apart by what the caller has to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker claimed a partition: a compare-and-set matched no row. Nothing of the checkpoint was done.
    #[error("partition {0} was taken by another worker")]
    Fenced(Partition),
    /// Away, deadlock or lock time-out: nothing was done, try again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The answer to COMMIT was lost: of a checkpoint ask [`CheckpointStore::outcome`], of a change of rules
    /// [`CatalogStore::rule_set`].
    #[error("the answer to COMMIT was lost: {0}")]
    Unknown(String),
    /// The change was made on another revision than the store is at.
    #[error("the rule set moved on to revision {0}")]
    Stale(Revision),
    /// The rows of the catalog contradict each other: a revision was set back, or rows of it are gone. Nothing may be taken
    /// from them, or rules would silently stop judging.
    #[error("{0}")]
    SetBack(String),
    /// Trying again does not help: wrong password, wrong table, a fingerprint that differs.
    #[error("{0}")]
    Fatal(String),
}

/// How a checkpoint ended whose COMMIT was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is in the database.
    Committed,
    /// Nothing of it is in the database.
    NotCommitted,
}

/// A row of `risk_stats`, as text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StatsRow {
    /// Start of the window, in epoch milliseconds, inclusive.
    pub window_start: i64,
    /// End of the window, in epoch milliseconds, exclusive.
    pub window_end: i64,
    /// Field and value of each `group_by`.
    pub group: Vec<(String, Option<String>)>,
    /// Valid records.
    pub records: i64,
    /// Valid records that a rule flagged.
    pub flagged: i64,
    /// Valid records that were late.
    pub late: i64,
    /// Column name (`amount_sum`) and exact decimal text.
    pub measures: Vec<(String, Option<String>)>,
}

/// Which rows of `risk_stats` somebody wants to see: the newest of those that all of it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowsWanted {
    /// How many, at most.
    pub limit: u32,
    /// Only windows that ended before the least watermark.
    pub final_only: bool,
    /// Only windows that begin at this time or later, in epoch milliseconds.
    pub from: Option<i64>,
    /// Only windows that begin before this time, in epoch milliseconds.
    pub to: Option<i64>,
}

/// What there is of [`WindowsWanted`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowRows {
    /// Newest first.
    pub rows: Vec<StatsRow>,
    /// A window that ended by this time is final, in epoch milliseconds; None: none is yet. A late record may still be added to
    /// a final one.
    pub final_upto: Option<i64>,
}

/// Whether the id of Kafka's cluster says that the database is not another cluster's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterCheck {
    /// The stored id is this one, or no position is stored that could be another cluster's.
    Passed,
    /// One of the two ids is not known, so the first claim has to show it.
    NotMade,
}

/// Where a partition is in the store.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// N, the next offset to judge.
    pub next_offset: Offset,
    /// Epoch milliseconds; None: it has had no record with an event time.
    pub watermark: Option<i64>,
    /// Fencing token; a higher one takes the partition over.
    pub epoch: u64,
    /// Number of checkpoints so far.
    pub checkpoint: u64,
}

/// Positions, outbox and activations: what a checkpoint reads and writes.
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// Raises the epoch of each partition by one (rows are made where missing), then reads what is there.
    async fn take(&self, partitions: &[Partition]) -> Result<Vec<Claimed>, StoreError>;

    /// Sets N of a partition that was never seen. Compare-and-set on the epoch and N unset. `published` stays unset until K
    /// is committed too, so a crash in between is not taken for lost offsets.
    async fn begin(&self, partition: Partition, epoch: u64, at: Offset) -> Result<(), StoreError>;

    /// The checkpoint, in one transaction: positions, outbox, activations, windows, in this order.
    async fn commit(&self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// What became of a checkpoint whose `commit` answered `Unknown`: a locking read, on a new connection, so that a session
    /// that is still undecided is waited for.
    async fn outcome(&self, checkpoint: &Checkpoint) -> Result<Outcome, StoreError>;

    /// The letters before these offsets are in Kafka: deletes their outbox rows and sets `published`. A partition that
    /// somebody else owns by now is left alone.
    async fn published(&self, upto: &[(Partition, u64, Offset)]) -> Result<(), StoreError>;
}

/// Who changed what in the rule set.
#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// The newest `limit` lines, newest first.
    async fn audit(&self, limit: u32) -> Result<Vec<Audit>, StoreError>;
}

/// Versions of rules, the numbered revisions of the set of them, and what the directory last published.
#[async_trait]
pub trait CatalogStore: AuditStore {
    /// The rule set in force. It is empty at revision 0. `SetBack` if its rows can't be all of it.
    async fn rule_set(&self) -> Result<RuleSet, StoreError>;

    /// Only its number: what an instance polls to see another's swap. `SetBack` if later revisions are stored.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// One version with its bytes.
    async fn version(&self, sha256: Sha256) -> Result<Option<Version>, StoreError>;

    /// One version without its bytes.
    async fn version_info(&self, sha256: Sha256) -> Result<Option<VersionInfo>, StoreError>;

    /// The newest `limit` versions of a rule, newest first; of all rules if None.
    async fn versions(&self, rule: Option<&str>, limit: u32) -> Result<Vec<VersionInfo>, StoreError>;

    /// Stores the version if it is new, and the entries as revision `base + 1`, with a line of audit. `Stale` if the
    /// set is no longer at `base`. Returns the new revision, also if the answer to COMMIT was lost and it is there;
    /// `Unknown` if that could not be asked.
    async fn advance(
        &self,
        base: Revision,
        version: Option<&Version>,
        entries: &[Entry],
        audit: &Audit,
    ) -> Result<Revision, StoreError>;

    /// Puts the highest revision whose rows are there into force, as a new revision with a line of audit at this time and
    /// by this person. None: nothing contradicts, and nothing was done.
    async fn repair_rules(&self, at: i64, who: &str) -> Result<Option<Repaired>, StoreError>;

    /// A rule's entry as it was last in the set; None: it never was.
    async fn last_entry(&self, rule: &str) -> Result<Option<Entry>, StoreError>;

    /// The entries of an older revision.
    async fn entries_at(&self, revision: Revision) -> Result<Vec<Entry>, StoreError>;

    /// What the directory last published from a file: its sha256; None: never or retired.
    async fn directory_seen(&self, file: &str) -> Result<Option<Sha256>, StoreError>;

    /// Remembers it (None forgets).
    async fn set_directory_seen(&self, file: &str, sha256: Option<Sha256>) -> Result<(), StoreError>;
}

/// What the admin API shows. Its reads have connections of their own and a bound on the server's time, so that looking
/// never holds up a checkpoint.
#[async_trait]
pub trait ReportStore: AuditStore {
    /// Rows of `risk_stats`, and up to where windows are final.
    async fn windows_of(&self, wanted: WindowsWanted) -> Result<WindowRows, StoreError>;

    /// The newest rows. `final_only`: of windows that ended before the least watermark.
    async fn windows(&self, limit: u32, final_only: bool) -> Result<Vec<StatsRow>, StoreError> {
        let wanted = WindowsWanted { limit, final_only, ..WindowsWanted::default() };
        Ok(self.windows_of(wanted).await?.rows)
    }

    /// Ascending by partition and offset; the newest `limit` of them.
    async fn activations(&self, limit: u32) -> Result<Vec<Activation>, StoreError>;

    /// The newest `limit` changes of a rule, newest first, of those among the newest [`RuleChange::LOOKED_AT`] of the set.
    async fn rule_changes(&self, rule: &str, limit: u32) -> Result<Vec<RuleChange>, StoreError>;
}

/// Deletes what is old enough to go, a bounded part of it at a time.
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// Position of every partition that was ever begun.
    async fn positions(&self) -> Result<Vec<Position>, StoreError>;

    /// Deletes the oldest of the windows that began before this time, in epoch milliseconds: `most` at most, and how many
    /// it were.
    async fn drop_windows(&self, before: i64, most: u32) -> Result<u64, StoreError>;

    /// Deletes what is recorded of who judged a partition before its log begins: how many rows it were.
    async fn forget_activations(&self, partition: Partition, log_start: Offset) -> Result<u64, StoreError>;

    /// Deletes revisions of the rule set that no activation names, but for the newest `keep`, with their lines of audit,
    /// and versions that are in no set any more: how many revisions it were.
    async fn forget_revisions(&self, keep: u64) -> Result<u64, StoreError>;

    /// Deletes the rows of instances that did not write theirs for so many milliseconds: how many it were.
    async fn forget_instances(&self, silent_ms: i64) -> Result<u64, StoreError>;
}

/// What instances of the pipeline tell each other. On the connections of [`ReportStore`]: it never holds up a checkpoint.
#[async_trait]
pub trait InstanceStore: Send + Sync + 'static {
    /// Writes the instance's own row, then reads those of all, its own included, those heard of last first. `heard_ms`: of
    /// instances that wrote their row within so many milliseconds the state is read, too.
    async fn beat(&self, beat: &Beat, heard_ms: i64) -> Result<Vec<InstanceRow>, StoreError>;

    /// Deletes the row of an instance that ends.
    async fn leave(&self, instance: &str) -> Result<(), StoreError>;
}

/// Asks whether the database is there.
#[async_trait]
pub trait ProbeStore: Send + Sync + 'static {
    /// Answers if the database does.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One pipeline's part of the database: every port, and making it ready for them.
#[async_trait]
pub trait Store: CheckpointStore + CatalogStore + ReportStore + RetentionStore + InstanceStore + ProbeStore {
    /// Brings the tables up to this version, makes what is missing, checks the rest against the layout, and refuses a
    /// fingerprint that differs from the one stored, naming what differs and what to do. Instances that start at once do
    /// each of it once. The other ports may be used afterwards.
    async fn prepare(&self, fingerprint: &Fingerprint, layout: &StatsLayout) -> Result<ClusterCheck, StoreError>;

    /// The statements that `prepare` would run to make what the database lacks; it runs none of them.
    async fn pending(&self, layout: &StatsLayout) -> Result<Vec<String>, StoreError>;
}
