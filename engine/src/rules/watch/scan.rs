//! One scan of the rules directory: what is asked in which order before a file is published or its rule retired. Whatever takes
//! time or touches the world is asked of a [`Directory`], so the simulation (`engine/tests/fast/simulation`) drives this code and
//! no copy of it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::seen::{Gone, Seen};
use crate::fault;
use crate::model::store::StoreError;
use crate::rules::catalog::Refused;

/// A rules directory and the catalog that it publishes into.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Tells one directory from another.
    type Identity: Clone + PartialEq + Send + Sync;
    /// A file as it was listed.
    type File: Send + Sync;

    /// Whether nothing may be published or retired now.
    fn is_held(&self) -> bool;

    /// Which directory it is now, and its files by name; None: it can't be read, so it says nothing of its files.
    async fn listed(&self) -> Option<(Self::Identity, BTreeMap<String, Self::File>)>;

    /// Publishes the files that are new or were written since, and notes them in `seen`.
    async fn take(
        &self,
        seen: &mut Seen<Self::Identity>,
        files: &BTreeMap<String, Self::File>,
    ) -> Result<FilesTaken, StoreError>;

    /// Rules that are in the store's newest set because of a file.
    async fn brought(&self) -> Result<BTreeSet<String>, StoreError>;

    /// Notes in the store that nothing is published from this file any more.
    async fn forget(&self, file: &str) -> Result<(), StoreError>;

    /// Takes the rule of a removed file out of the set.
    async fn retire(&self, rule: &str) -> Result<(), Refused>;

    /// This file is none of those any more that were seen.
    fn gone(&self, file: &str);

    /// The scan came to its end.
    fn scanned(&self, seen: &Seen<Self::Identity>);
}

/// What became of the files that were to be taken.
pub struct FilesTaken {
    /// No file is being written.
    pub settled: bool,
    /// Every file of the directory is among those seen.
    pub all: bool,
}

/// Publishes what is new, retires what is gone. False: a file has not settled, or may have gone by accident: look again soon.
///
/// # Errors
/// The store can't be asked, or its rows contradict each other. What was not done is done by a later scan.
pub async fn scan<D: Directory>(directory: &D, seen: &mut Seen<D::Identity>) -> Result<bool, StoreError> {
    if directory.is_held() {
        return Ok(true);
    }
    let Some((identity, files)) = directory.listed().await else {
        seen.not_listed();
        return Ok(true);
    };
    let there = |file: &str| files.contains_key(file);
    seen.listed(&identity, there);
    let FilesTaken { settled, all } = directory.take(seen, &files).await?;
    // A file may have gone because one that is not taken yet holds its rule: retired and published as new, the rule
    // would lose its mode, order and parameters, and records in between would go unjudged.
    if !settled || !all {
        return Ok(settled);
    }
    // The set in force here, and what was seen here, may lag behind: of two rules that went at once it may know one.
    let brought = if seen.lacks(there) { directory.brought().await? } else { BTreeSet::new() };
    match seen.gone(there, identity, &brought) {
        Gone::LookAgain => return Ok(false),
        Gone::Removed(files) => {
            for file in files {
                removed(directory, seen, &file).await?;
            }
        }
        // What was published from them stays noted in the store: a file that comes back as it was changes nothing.
        Gone::Lost(files) => {
            for file in files {
                seen.files.remove(&file);
                directory.gone(&file);
            }
        }
    }
    directory.scanned(seen);
    Ok(true)
}

async fn removed<D: Directory>(directory: &D, seen: &mut Seen<D::Identity>, file: &str) -> Result<(), StoreError> {
    // First: who dies between the two leaves a rule in force, as a file that goes while nobody runs does. The other way
    // round the same file would count as known when it comes again, and its rule would stay away.
    directory.forget(file).await?;
    fault::pass("catalog.directory.forgotten");
    let rule = seen.files.get_mut(file).and_then(|before| {
        // If what follows fails and it comes back meanwhile, it is looked at.
        before.sha256 = None;
        before.rule.clone()
    });
    // A renamed file is one that went and one that came with the same rule.
    if let Some(rule) = rule.filter(|rule| !seen.holds_beside(file, rule)) {
        match directory.retire(&rule).await {
            Ok(()) => tracing::info!(file, rule, "the file was removed, its rule is retired"),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Unknown { why, .. }) => return Err(StoreError::Unknown(why)),
            Err(refused) => tracing::info!(file, rule, %refused, "the file was removed, its rule stays"),
        }
    }
    seen.files.remove(file);
    directory.gone(file);
    Ok(())
}
