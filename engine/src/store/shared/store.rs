//! The store itself: each method is one transaction over the parts beside it. It must not know which database it is.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::positions::Scope;
use super::{Driver, Result, catalog, fingerprint, finish, positions, schema, stats};
use crate::model::catalog::{Audit, Entry, RuleSet, Version, VersionInfo};
use crate::model::ids::{Offset, Partition, Revision, Sha256};
use crate::model::step::{Activation, Fingerprint, StatsLayout, Step, Taken};
use crate::store::{Outcome, Position, StatsRow, Store, StoreError};

/// One pipeline's part of a database.
pub(crate) struct SqlStore {
    driver: Box<dyn Driver>,
    scope: Scope,
    /// `window.idle_after`
    idle_ms: i64,
    /// Set by `prepare`.
    layout: OnceLock<Arc<StatsLayout>>,
}

impl SqlStore {
    pub(crate) fn new(driver: Box<dyn Driver>, pipeline: &str, topic: &str, idle_ms: i64) -> Self {
        let scope = Scope { pipeline: pipeline.to_owned(), topic: topic.to_owned() };
        Self { driver, scope, idle_ms, layout: OnceLock::new() }
    }

    fn layout(&self) -> Result<Arc<StatsLayout>> {
        let unprepared = || StoreError::Fatal("the store was used before it was prepared".into());
        self.layout.get().cloned().ok_or_else(unprepared)
    }
}

/// Only the COMMIT of a step or of a change of rules is worth asking after: everything else may simply be done again.
fn again<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        StoreError::Unknown(what) => StoreError::Unavailable(what),
        other => other,
    })
}

/// A transaction around one call: `in_tx!(self, begin, |tx| call(tx))`.
macro_rules! in_tx {
    ($self:ident, $begin:ident, |$tx:ident| $call:expr) => {{
        let mut tx = $self.driver.$begin().await?;
        let $tx = &mut *tx;
        let result = $call.await;
        again(finish(tx, result).await)
    }};
}

#[async_trait]
impl Store for SqlStore {
    async fn prepare(&self, mine: &Fingerprint, layout: &StatsLayout) -> Result<()> {
        schema::validate(layout)?;
        let d = self.driver.dialect();
        in_tx!(self, begin, |tx| schema::create(tx, d, layout, self.idle_ms))?;
        in_tx!(self, begin, |tx| fingerprint::keep(tx, d, &self.scope.pipeline, mine))?;
        let kept = self.layout.get_or_init(|| Arc::new(layout.clone()));
        if **kept != *layout {
            return Err(StoreError::Fatal("the store was prepared before for another layout".into()));
        }
        Ok(())
    }

    async fn take(&self, partitions: &[Partition]) -> Result<Vec<Taken>> {
        in_tx!(self, begin, |tx| positions::take(tx, self.driver.dialect(), &self.scope, partitions))
    }

    async fn begin(&self, partition: Partition, owner: u64, at: Offset) -> Result<()> {
        in_tx!(self, begin, |tx| positions::begin(tx, &self.scope, partition, owner, at))
    }

    async fn commit(&self, step: &Step) -> Result<()> {
        let (d, layout) = (self.driver.dialect(), self.layout()?);
        let mut tx = self.driver.begin().await?;
        let result = async {
            positions::advance(&mut *tx, d, &self.scope, &step.partitions).await?;
            positions::add_letters(&mut *tx, &self.scope, &step.outbox).await?;
            positions::activate(&mut *tx, d, &self.scope, &step.activations).await?;
            self.driver.add_windows(&mut *tx, &layout, &step.windows).await
        };
        let result = result.await;
        finish(tx, result).await
    }

    async fn outcome(&self, step: &Step) -> Result<Outcome> {
        in_tx!(self, begin_anew, |tx| positions::outcome(tx, self.driver.dialect(), &self.scope, step))
    }

    async fn published(&self, upto: &[(Partition, u64, Offset)]) -> Result<()> {
        in_tx!(self, begin, |tx| positions::published(tx, &self.scope, upto))
    }

    async fn rule_set(&self) -> Result<RuleSet> {
        in_tx!(self, begin_read, |tx| catalog::rule_set(tx, &self.scope.pipeline))
    }

    async fn revision(&self) -> Result<Revision> {
        in_tx!(self, begin_read, |tx| catalog::revision(tx, &self.scope.pipeline))
    }

    async fn version(&self, sha256: Sha256) -> Result<Option<Version>> {
        in_tx!(self, begin_read, |tx| catalog::version(tx, &self.scope.pipeline, sha256))
    }

    async fn version_info(&self, sha256: Sha256) -> Result<Option<VersionInfo>> {
        in_tx!(self, begin_read, |tx| catalog::version_info(tx, &self.scope.pipeline, sha256))
    }

    async fn versions(&self, rule: Option<&str>, limit: u32) -> Result<Vec<VersionInfo>> {
        in_tx!(self, begin_read, |tx| catalog::versions(tx, &self.scope.pipeline, rule, limit))
    }

    async fn advance(
        &self,
        base: Revision,
        version: Option<&Version>,
        entries: &[Entry],
        audit: &Audit,
    ) -> Result<Revision> {
        let (d, change) = (self.driver.dialect(), (version, entries, audit));
        let mut tx = self.driver.begin().await?;
        let result = catalog::advance(&mut *tx, d, &self.scope.pipeline, base, change).await;
        // A person made the change and must hear that it may stand.
        finish(tx, result).await
    }

    async fn entries_at(&self, revision: Revision) -> Result<Vec<Entry>> {
        in_tx!(self, begin_read, |tx| catalog::entries_at(tx, &self.scope.pipeline, revision))
    }

    async fn directory_seen(&self, file: &str) -> Result<Option<Sha256>> {
        in_tx!(self, begin_read, |tx| catalog::directory_seen(tx, &self.scope.pipeline, file))
    }

    async fn set_directory_seen(&self, file: &str, sha256: Option<Sha256>) -> Result<()> {
        let (d, pipeline) = (self.driver.dialect(), &self.scope.pipeline);
        in_tx!(self, begin, |tx| catalog::set_directory_seen(tx, d, pipeline, file, sha256))
    }

    async fn windows(&self, limit: u32, final_only: bool) -> Result<Vec<StatsRow>> {
        let layout = self.layout()?;
        in_tx!(self, begin_read, |tx| stats::read(tx, &layout, limit, final_only))
    }

    async fn positions(&self) -> Result<Vec<Position>> {
        in_tx!(self, begin_read, |tx| positions::positions(tx, &self.scope))
    }

    async fn activations(&self, limit: u32) -> Result<Vec<Activation>> {
        in_tx!(self, begin_read, |tx| positions::activations(tx, &self.scope, limit))
    }

    async fn audit(&self, limit: u32) -> Result<Vec<Audit>> {
        in_tx!(self, begin_read, |tx| catalog::audit(tx, &self.scope.pipeline, limit))
    }

    async fn ping(&self) -> Result<()> {
        in_tx!(self, begin_read, |tx| tx.rows("SELECT 1", &[])).map(|_| ())
    }
}
