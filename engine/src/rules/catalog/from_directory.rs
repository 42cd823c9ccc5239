//! What the rules directory asks of the catalog: to publish a file, and to retire the rule of one that was removed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::change::entry;
use super::history::{LINES, RETIRE};
use super::in_force::{Change, Instance};
use super::{Catalog, Held, Publish, Published, Refused};
use crate::model::catalog::{Entry, RuleSet};
use crate::model::ids::Sha256;
use crate::model::store::{CatalogStore, StoreError};
use crate::rules::module::{Invalid, ModuleRef, Requester};

/// Who changes the set for the rules directory, as the audit names it.
pub const DIRECTORY: &str = "directory";

/// A module that was read from a file, validated or refused, with its bytes.
pub(in crate::rules) struct Brought {
    wasm: Vec<u8>,
    sha256: Sha256,
    validated: Result<ModuleRef, Invalid>,
}

impl Catalog {
    /// Why nothing may be published or retired now.
    pub(in crate::rules) fn directory_held(&self) -> Option<Held> {
        self.directory_hold.why()
    }

    /// The directory was scanned: what it brings is in force, and from now on conditions follow from the set.
    pub(in crate::rules) fn directory_scanned(&self) {
        self.complete.store(true, Ordering::Release);
        self.report_set();
    }

    /// The checks of a module that change nothing and may take long.
    pub(in crate::rules) async fn validate_brought(&self, wasm: Vec<u8>, sha256: Sha256) -> Brought {
        let validated = self.loader.modules.validate(sha256, &wasm, Requester::Directory).await;
        Brought { wasm, sha256, validated }
    }

    /// Publishes what was validated.
    pub(in crate::rules) async fn publish_brought(&self, brought: Brought, how: Publish) -> Result<Published, Refused> {
        self.publish_validated(brought.validated, brought.sha256, brought.wasm, how).await
    }

    /// See [`published_from`].
    pub(in crate::rules) async fn published_from(
        &self,
        file: &str,
        sha256: Sha256,
    ) -> Result<Option<String>, StoreError> {
        published_from(self.store(), self, file, sha256).await
    }

    /// Notes in the store what was published from a file; None: nothing any more.
    pub(in crate::rules) async fn note_file(&self, file: &str, sha256: Option<Sha256>) -> Result<(), StoreError> {
        self.store().set_directory_seen(file, sha256).await
    }

    /// Takes a rule out of the set whose file was removed, unless it was published through the API since.
    pub(in crate::rules) async fn retire_brought(&self, name: &str) -> Result<(), Refused> {
        self.change(Change::of(RETIRE, name, DIRECTORY), |entries| without_file(entries, name)).await.map(drop)
    }

    /// Rules that are in the store's set because of a file. The set in force here may lag behind it.
    ///
    /// # Errors
    /// The store can't be asked, or its rows contradict each other.
    pub(in crate::rules) async fn brought_by_files(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(by_files(&self.store().rule_set().await?))
    }
}

/// The name of the rule, if this very content was published from this file and need not be published again. A person who took the
/// rule out of the set since meant it; an instance that retired it for a file which came back at that moment did not.
///
/// # Errors
/// The store can't be asked, or its rows contradict each other.
pub async fn published_from<I: Instance>(
    store: &dyn CatalogStore,
    instance: &I,
    file: &str,
    sha256: Sha256,
) -> Result<Option<String>, StoreError> {
    if store.directory_seen(file).await? != Some(sha256) {
        return Ok(None);
    }
    // The set in force here may lag behind, also behind a retirement of its own whose answer was lost.
    let (revision, in_force) = instance.in_force();
    let mut rules = in_force.into_iter().filter(|(_, version)| *version == sha256);
    if let (Some((name, _)), None) = (rules.next(), rules.next())
        && store.revision().await? == revision
    {
        return Ok(Some(name));
    }
    let Some(version) = store.version_info(sha256).await? else { return Ok(None) };
    let name = version.manifest.name;
    if !store.rule_set().await?.entries.iter().any(|entry| entry.name == name) {
        let newest = store.audit(LINES).await?.into_iter().find(|line| line.rule == name);
        if newest.is_some_and(|line| line.action == RETIRE && line.who == DIRECTORY) {
            return Ok(None);
        }
    }
    Ok(Some(name))
}

/// The edit that takes out of the set what a file brought that was removed.
///
/// # Errors
/// No file brought the rule, or it is not in the set.
pub fn without_file(entries: &mut Vec<Entry>, name: &str) -> Result<Option<String>, Refused> {
    if !entry(entries, name)?.from_directory {
        return Err(Refused::Unfit(format!("rule {name} was published through the API since")));
    }
    entries.retain(|e| e.name != name);
    Ok(Some("its file was removed".to_owned()))
}

/// Rules that are in this set because of a file.
pub fn by_files(set: &RuleSet) -> BTreeSet<String> {
    set.entries.iter().filter(|entry| entry.from_directory).map(|entry| entry.name.clone()).collect()
}
