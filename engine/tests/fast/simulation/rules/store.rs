//! The catalog's tables as one process sees them: every method a transaction, with the faults that a server and a network bring.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use weir::model::catalog::{Audit, Entry, Repaired, RuleSet, Version, VersionInfo};
use weir::model::ids::{Revision, Sha256};
use weir::model::store::{AuditStore, CatalogStore, StoreError};
use weir::rules::flow::RETIRE;

use super::super::world::{Plant, Shared, World, point};
use super::{FOREIGN, rule_of, version};

type Result<T> = std::result::Result<T, StoreError>;

/// See the module.
pub(super) struct SimCatalogStore {
    pub(super) world: Shared,
    pub(super) process: usize,
    /// [`Catalog::changes`](super::Catalog) when the process last listed the directory.
    pub(super) listed: AtomicU64,
}

impl SimCatalogStore {
    async fn transaction<T>(&self, statements: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        point().await;
        let mut world = self.world.lock();
        if world.fault(40) {
            world.counts.store_away += 1;
            return Err(StoreError::Unavailable("connection refused".into()));
        }
        statements(&mut world)
    }

    /// The oracle's part of a change that is made.
    fn note(&self, world: &mut World, audit: &Audit) {
        let rule = rule_of(&audit.rule);
        let retires = audit.action == RETIRE;
        if rule == FOREIGN {
            world.violated(|| format!("a foreign cluster's engine does {} with its directory's rule", audit.action));
        }
        let listed = self.listed.load(Ordering::Relaxed);
        if retires && !world.rules.was_unmeant_since(rule, listed) {
            world.violated(|| format!("rule {rule} was retired, and nobody meant it"));
        }
        world.counts.rules_retired += u64::from(retires);
        world.counts.rules_published += u64::from(!retires);
        world.rules.changed(rule, retires);
        world.say(|| {
            format!("  worker {}: {} of rule {rule} makes revision {}", self.process, audit.action, audit.revision)
        });
    }
}

#[async_trait]
impl AuditStore for SimCatalogStore {
    async fn audit(&self, _: u32) -> Result<Vec<Audit>> {
        self.transaction(|world| Ok(world.rules.tables.audit())).await
    }
}

#[async_trait]
impl CatalogStore for SimCatalogStore {
    async fn rule_set(&self) -> Result<RuleSet> {
        self.transaction(|world| world.rules.tables.rule_set()).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.transaction(|world| world.rules.tables.revision()).await
    }

    /// Where the answer to COMMIT is lost, the store asks what became of it.
    async fn advance(&self, base: Revision, _: Option<&Version>, entries: &[Entry], audit: &Audit) -> Result<Revision> {
        let (made, unanswered) = self
            .transaction(|world| {
                let unanswered = world.fault(12);
                world.counts.rule_changes_unanswered += u64::from(unanswered);
                if unanswered && world.dice.one_in(2) {
                    return Ok((Err(StoreError::Unavailable("the server closed the connection".into())), true));
                }
                let compares = world.plant != Plant::CatalogNotCompared;
                let made = world.rules.tables.advance(base, entries, audit, compares);
                world.counts.rule_changes_stale += u64::from(matches!(made, Err(StoreError::Stale(_))));
                if made.is_ok() {
                    self.note(world, audit);
                }
                Ok((made, unanswered))
            })
            .await?;
        point().await;
        if unanswered && self.world.lock().fault(2) {
            return Err(StoreError::Unknown("the store is away since".into()));
        }
        made
    }

    async fn directory_seen(&self, file: &str) -> Result<Option<Sha256>> {
        self.transaction(|world| Ok(world.rules.tables.directory.get(file).copied())).await
    }

    async fn set_directory_seen(&self, file: &str, sha256: Option<Sha256>) -> Result<()> {
        self.transaction(|world| {
            let directory = &mut world.rules.tables.directory;
            match sha256 {
                Some(sha256) => drop(directory.insert(file.to_owned(), sha256)),
                None => drop(directory.remove(file)),
            }
            Ok(())
        })
        .await
    }

    async fn version(&self, _: Sha256) -> Result<Option<Version>> {
        unreachable!("modules are not simulated")
    }

    async fn version_info(&self, sha256: Sha256) -> Result<Option<VersionInfo>> {
        point().await;
        Ok(Some(version(sha256)))
    }

    async fn versions(&self, _: Option<&str>, _: u32) -> Result<Vec<VersionInfo>> {
        unreachable!("modules are not simulated")
    }

    async fn repair_rules(&self, _: i64, _: &str) -> Result<Option<Repaired>> {
        unreachable!("an operator's")
    }

    async fn last_entry(&self, _: &str) -> Result<Option<Entry>> {
        unreachable!("parameters are not simulated")
    }

    async fn entries_at(&self, _: Revision) -> Result<Vec<Entry>> {
        unreachable!("the API's")
    }
}
