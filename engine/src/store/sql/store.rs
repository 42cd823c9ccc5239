//! The store itself: each method is one transaction over the parts beside it. It must not know which database it is.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::positions::Scope;
use super::{
    Driver, Result, Transaction, catalog, columns, fingerprint, instances, migrations, positions, retention, revision,
    rule_changes, schema, stats, whole,
};
use crate::fault;
use crate::model::catalog::{Audit, Entry, Repaired, RuleChange, RuleSet, Version, VersionInfo};
use crate::model::checkpoint::{Activation, Checkpoint, Claimed, Fingerprint, StatsLayout};
use crate::model::ids::{Offset, Partition, Revision, Sha256};
use crate::model::instance::{Beat, InstanceRow};
use crate::model::store::{
    AuditStore, CatalogStore, CheckpointStore, ClusterCheck, InstanceStore, Outcome, Position, ProbeStore, ReportStore,
    RetentionStore, Store, StoreError, WindowRows, WindowsWanted,
};

/// A transaction around one call: `in_tx!(self, begin, |tx| call(tx))`.
macro_rules! in_tx {
    ($self:ident, $begin:ident, |$tx:ident| $call:expr) => {{
        let mut tx = Transaction::new($self.driver.$begin().await?, $self.driver.dialect());
        let $tx = &mut tx;
        let result = $call.await;
        again(tx.finish(result).await)
    }};
}

/// One pipeline's part of a database.
pub(crate) struct SqlStore {
    driver: Box<dyn Driver>,
    scope: Scope,
    /// `window.idle_after`
    idle_ms: i64,
    /// Set by `prepare`.
    layout: OnceLock<Arc<StatsLayout>>,
    /// Set by `prepare`.
    fingerprint: OnceLock<Fingerprint>,
}

impl SqlStore {
    pub(crate) fn new(driver: Box<dyn Driver>, pipeline: &str, topic: &str, idle_ms: i64) -> Self {
        let scope = Scope { pipeline: pipeline.to_owned(), topic: topic.to_owned() };
        Self { driver, scope, idle_ms, layout: OnceLock::new(), fingerprint: OnceLock::new() }
    }

    /// Whether the server's settings let the engine work, and no later version of Weir made the tables.
    pub(crate) async fn suits(&self) -> Result<()> {
        self.driver.suits().await?;
        in_tx!(self, begin_read, |tx| migrations::refuse_later(tx, migrations::STEPS))
    }

    fn wanted<'a>(&self, layout: &'a StatsLayout) -> schema::Wanted<'a> {
        schema::Wanted { steps: migrations::STEPS, layout, idle_ms: self.idle_ms }
    }

    fn layout(&self) -> Result<Arc<StatsLayout>> {
        self.layout.get().cloned().ok_or_else(unprepared)
    }

    pub(super) async fn begin_tx(&self) -> Result<Transaction> {
        Ok(Transaction::new(self.driver.begin().await?, self.driver.dialect()))
    }

    async fn begin_in(&self, tx: &mut Transaction, partition: Partition, epoch: u64, at: Offset) -> Result<()> {
        let mine = self.fingerprint.get().ok_or_else(unprepared)?;
        fingerprint::still(tx, &self.scope.pipeline, mine).await?;
        positions::begin(tx, &self.scope, partition, epoch, at).await
    }
}

fn unprepared() -> StoreError {
    StoreError::Fatal("the store was used before it was prepared".into())
}

/// Only the COMMIT of a checkpoint or of a change of rules is worth asking after: everything else may simply be done again.
fn again<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        StoreError::Unknown(what) => StoreError::Unavailable(what),
        other => other,
    })
}

/// COMMIT was sent and not answered.
fn unanswered(fault: fault::Fault) -> StoreError {
    StoreError::Unknown(fault.to_string())
}

impl SqlStore {
    /// What became of a change of the rule set whose COMMIT was not answered. Whoever asked for it may not just ask
    /// again: a second rollback goes back further.
    pub(super) async fn made(&self, base: Revision, audit: &Audit, why: &str) -> Result<Revision> {
        let ask = async {
            fault::at("store.catalog.asked")?;
            in_tx!(self, begin_anew, |tx| catalog::is_made(tx, &self.scope.pipeline, base, audit))
        };
        match ask.await {
            Ok(true) => Ok(Revision(base.0 + 1)),
            Ok(false) => Err(StoreError::Unavailable(why.to_owned())),
            Err(error) => {
                // A person made the change and must hear that it may be in force.
                Err(StoreError::Unknown(format!("{why}; asked what became of it: {error}")))
            }
        }
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn prepare(&self, mine: &Fingerprint, layout: &StatsLayout) -> Result<ClusterCheck> {
        columns::validate(layout)?;
        in_tx!(self, begin, |tx| schema::prepare(tx, self.wanted(layout)))?;
        fault::pass("store.prepare.created");
        let cluster = in_tx!(self, begin, |tx| fingerprint::keep(tx, &self.scope.pipeline, mine))?;
        self.fingerprint.get_or_init(|| mine.clone());
        let kept = self.layout.get_or_init(|| Arc::new(layout.clone()));
        if **kept != *layout {
            return Err(StoreError::Fatal("the store was prepared before for another layout".into()));
        }
        Ok(cluster)
    }

    async fn pending(&self, layout: &StatsLayout) -> Result<Vec<String>> {
        columns::validate(layout)?;
        in_tx!(self, begin_read, |tx| schema::pending_ddl(tx, self.wanted(layout)))
    }
}

#[async_trait]
impl CheckpointStore for SqlStore {
    async fn take(&self, partitions: &[Partition]) -> Result<Vec<Claimed>> {
        fault::at("store.take.before")?;
        let taken = in_tx!(self, begin, |tx| positions::take(tx, &self.scope, partitions))?;
        fault::at("store.take.answer")?;
        Ok(taken)
    }

    async fn begin(&self, partition: Partition, epoch: u64, at: Offset) -> Result<()> {
        fault::at("store.begin.before")?;
        in_tx!(self, begin, |tx| self.begin_in(tx, partition, epoch, at))?;
        Ok(fault::at("store.begin.answer")?)
    }

    async fn commit(&self, checkpoint: &Checkpoint) -> Result<()> {
        let layout = self.layout()?;
        fault::at("store.commit.before")?;
        let mut tx = self.begin_tx().await?;
        let result = async {
            fault::at("store.commit.begun")?;
            positions::advance(&mut tx, &self.scope, &checkpoint.partitions).await?;
            positions::add_letters(&mut tx, &self.scope, &checkpoint.outbox).await?;
            positions::activate(&mut tx, &self.scope, &checkpoint.activations).await?;
            self.driver.add_windows(&mut tx, &layout, &checkpoint.windows).await?;
            fault::at("store.commit.written")?;
            fault::at("store.commit.lost").map_err(unanswered)
        };
        let result = result.await;
        tx.finish(result).await?;
        fault::at("store.commit.answer").map_err(unanswered)
    }

    async fn outcome(&self, checkpoint: &Checkpoint) -> Result<Outcome> {
        fault::at("store.outcome")?;
        in_tx!(self, begin_anew, |tx| positions::outcome(tx, &self.scope, checkpoint))
    }

    async fn published(&self, upto: &[(Partition, u64, Offset)]) -> Result<()> {
        fault::at("store.published.before")?;
        in_tx!(self, begin, |tx| positions::published(tx, &self.scope, upto))?;
        Ok(fault::at("store.published.answer")?)
    }
}

#[async_trait]
impl AuditStore for SqlStore {
    async fn audit(&self, limit: u32) -> Result<Vec<Audit>> {
        in_tx!(self, begin_look, |tx| catalog::audit(tx, &self.scope.pipeline, limit))
    }
}

#[async_trait]
impl CatalogStore for SqlStore {
    async fn rule_set(&self) -> Result<RuleSet> {
        in_tx!(self, begin_read, |tx| whole::rule_set(tx, &self.scope.pipeline))
    }

    async fn revision(&self) -> Result<Revision> {
        in_tx!(self, begin_read, |tx| revision::revision(tx, &self.scope.pipeline))
    }

    async fn version(&self, sha256: Sha256) -> Result<Option<Version>> {
        in_tx!(self, begin_read, |tx| catalog::version(tx, &self.scope.pipeline, sha256))
    }

    async fn version_info(&self, sha256: Sha256) -> Result<Option<VersionInfo>> {
        in_tx!(self, begin_read, |tx| catalog::version_info(tx, &self.scope.pipeline, sha256))
    }

    async fn versions(&self, rule: Option<&str>, limit: u32) -> Result<Vec<VersionInfo>> {
        in_tx!(self, begin_look, |tx| catalog::versions(tx, &self.scope.pipeline, rule, limit))
    }

    async fn advance(
        &self,
        base: Revision,
        version: Option<&Version>,
        entries: &[Entry],
        audit: &Audit,
    ) -> Result<Revision> {
        let change = (version, entries, audit);
        fault::at("store.catalog.before")?;
        let mut tx = self.begin_tx().await?;
        let result = catalog::advance(&mut tx, &self.scope.pipeline, base, change).await;
        let made = tx.finish(result).await;
        match made.and_then(|revision| fault::at("store.catalog.answer").map_err(unanswered).map(|()| revision)) {
            Err(StoreError::Unknown(why)) => self.made(base, audit, &why).await,
            ended => ended,
        }
    }

    async fn repair_rules(&self, at: i64, who: &str) -> Result<Option<Repaired>> {
        let pipeline = &self.scope.pipeline;
        in_tx!(self, begin, |tx| whole::repair(tx, pipeline, at, who))
    }

    async fn last_entry(&self, rule: &str) -> Result<Option<Entry>> {
        in_tx!(self, begin_read, |tx| catalog::last_entry(tx, &self.scope.pipeline, rule))
    }

    async fn entries_at(&self, revision: Revision) -> Result<Vec<Entry>> {
        in_tx!(self, begin_read, |tx| catalog::entries_at(tx, &self.scope.pipeline, revision))
    }

    async fn directory_seen(&self, file: &str) -> Result<Option<Sha256>> {
        in_tx!(self, begin_read, |tx| catalog::directory_seen(tx, &self.scope.pipeline, file))
    }

    async fn set_directory_seen(&self, file: &str, sha256: Option<Sha256>) -> Result<()> {
        let pipeline = &self.scope.pipeline;
        in_tx!(self, begin, |tx| catalog::set_directory_seen(tx, pipeline, file, sha256))
    }
}

#[async_trait]
impl ReportStore for SqlStore {
    async fn windows_of(&self, wanted: WindowsWanted) -> Result<WindowRows> {
        let layout = self.layout()?;
        in_tx!(self, begin_look, |tx| stats::read(tx, &layout, wanted, self.idle_ms))
    }

    async fn activations(&self, limit: u32) -> Result<Vec<Activation>> {
        in_tx!(self, begin_look, |tx| positions::activations(tx, &self.scope, limit))
    }

    async fn rule_changes(&self, rule: &str, limit: u32) -> Result<Vec<RuleChange>> {
        in_tx!(self, begin_look, |tx| rule_changes::read(tx, &self.scope.pipeline, rule, limit))
    }
}

#[async_trait]
impl RetentionStore for SqlStore {
    async fn positions(&self) -> Result<Vec<Position>> {
        in_tx!(self, begin_look, |tx| positions::positions(tx, &self.scope))
    }

    async fn drop_windows(&self, before: i64, most: u32) -> Result<u64> {
        let layout = self.layout()?;
        in_tx!(self, begin, |tx| retention::drop_windows(tx, &layout, before, most))
    }

    async fn forget_activations(&self, partition: Partition, log_start: Offset) -> Result<u64> {
        in_tx!(self, begin, |tx| retention::forget_activations(tx, &self.scope, partition, log_start))
    }

    async fn forget_revisions(&self, keep: u64) -> Result<u64> {
        let pipeline = &self.scope.pipeline;
        in_tx!(self, begin, |tx| retention::forget_revisions(tx, pipeline, keep))
    }

    async fn forget_instances(&self, silent_ms: i64) -> Result<u64> {
        in_tx!(self, begin_note, |tx| instances::forget(tx, &self.scope.pipeline, silent_ms))
    }
}

#[async_trait]
impl InstanceStore for SqlStore {
    async fn beat(&self, beat: &Beat, heard_ms: i64) -> Result<Vec<InstanceRow>> {
        let pipeline = &self.scope.pipeline;
        in_tx!(self, begin_note, |tx| instances::beat(tx, pipeline, beat))?;
        in_tx!(self, begin_look, |tx| instances::all(tx, pipeline, heard_ms))
    }

    async fn leave(&self, instance: &str) -> Result<()> {
        in_tx!(self, begin_note, |tx| instances::leave(tx, &self.scope.pipeline, instance))
    }
}

#[async_trait]
impl ProbeStore for SqlStore {
    async fn ping(&self) -> Result<()> {
        in_tx!(self, begin_read, |tx| tx.rows("SELECT 1", &[])).map(|_| ())
    }
}
