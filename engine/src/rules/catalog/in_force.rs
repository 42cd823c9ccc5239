//! How the set in force follows the one of the store, and how a process changes both. Whatever takes time or touches the world is
//! asked of an [`Instance`] and of the store, so the simulation (`engine/tests/fast/simulation`) drives this code and no copy of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::seen::is_at;
use super::{CatalogError, Refused};
use crate::fault;
use crate::model::catalog::{Audit, By, Entry, RuleSet, Version};
use crate::model::ids::{Revision, Sha256};
use crate::model::store::{CatalogStore, StoreError};

/// Tries of one change at most: others may change the set meanwhile.
const ROUNDS: usize = 10;

/// A process that judges by a set: what it takes to bring another one into force in it.
#[async_trait]
pub trait Instance: Send + Sync {
    /// A stored set made into rules that judge, not in force yet.
    type Loaded: Send;

    /// Held while the set in force is changed or taken from the store, so that one of the two is under way at most.
    fn changing(&self) -> &Mutex<()>;

    /// The revision in force, and the version of each of its rules by name.
    fn in_force(&self) -> (Revision, BTreeMap<String, Sha256>);

    /// Whether the store's set is loaded again although its revision is the one in force: a row was damaged, and may be whole by
    /// now.
    fn reloads(&self) -> bool;

    /// Makes rules of a set that others published.
    async fn load(&self, set: &RuleSet) -> Result<Self::Loaded, CatalogError>;

    /// Makes rules of a set that this process is about to publish, and tries what is new in it. `rule` is the rule that it changes,
    /// `before` that rule's entry until now.
    async fn try_out(&self, set: &RuleSet, rule: &str, before: Option<&Entry>) -> Result<Self::Loaded, Refused>;

    /// The line of audit of a change that makes this revision.
    fn audit(&self, change: &Change<'_>, revision: Revision, detail: String) -> Audit;

    /// Brings the set into force under this revision.
    fn bring_into_force(&self, loaded: Self::Loaded, revision: Revision);
}

/// Who changes what, for the audit; the edit tells the details.
pub struct Change<'a> {
    /// What the audit calls it.
    pub action: &'a str,
    /// The rule that changes.
    pub rule: &'a str,
    /// The person, or part of the engine, and the reason.
    pub by: By<'a>,
    /// Stored with the change.
    version: Option<&'a Version>,
}

impl<'a> Change<'a> {
    /// This person, or part of the engine, does this to that rule.
    pub fn of(action: &'a str, rule: &'a str, by: impl Into<By<'a>>) -> Self {
        Self { action, rule, by: by.into(), version: None }
    }

    /// The same, with a version that the store may not have yet.
    pub(super) fn storing(self, version: &'a Version) -> Self {
        Self { version: Some(version), ..self }
    }
}

/// Takes the store's set, if it may come after the one in force. `told` hears what came of it before anything else may change the
/// set.
///
/// # Errors
/// What `told` heard. The set in force then stays.
pub async fn take_stored<I: Instance>(
    store: &dyn CatalogStore,
    instance: &I,
    told: impl FnOnce(&Result<(), CatalogError>),
) -> Result<(), CatalogError> {
    let _one = instance.changing().lock().await;
    let taken = match store.rule_set().await {
        Ok(set) => take_over(instance, &set).await,
        Err(error) => Err(error.into()),
    };
    told(&taken);
    taken
}

/// All of the set or nothing: an instance whose configuration lags behind keeps judging by the set that it has, and says so with
/// every batch's revision.
async fn take_over<I: Instance>(instance: &I, set: &RuleSet) -> Result<(), CatalogError> {
    let (revision, versions) = instance.in_force();
    follows(revision, &versions, set)?;
    if set.revision == revision && !instance.reloads() {
        return Ok(());
    }
    let loaded = instance.load(set).await?;
    fault::pass("catalog.taken");
    instance.bring_into_force(loaded, set.revision);
    Ok(())
}

/// What an edit makes of a set, tried and not in force.
pub(super) struct Edited<L> {
    /// The set as it would be, under its next revision.
    pub(super) set: RuleSet,
    /// The rules of it.
    pub(super) loaded: L,
    /// What the edit did, for the audit.
    pub(super) detail: String,
}

/// Makes the edit on this set and tries what comes of it. None: there was nothing to do.
pub(super) async fn edited<I: Instance>(
    instance: &I,
    rule: &str,
    mut set: RuleSet,
    edit: impl Fn(&mut Vec<Entry>) -> Result<Option<String>, Refused>,
) -> Result<Option<Edited<I::Loaded>>, Refused> {
    let before = set.entries.iter().find(|entry| entry.name == rule).cloned();
    let Some(detail) = edit(&mut set.entries)? else { return Ok(None) };
    set.entries.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    set.revision = Revision(set.revision.0 + 1);
    let loaded = instance.try_out(&set, rule, before.as_ref()).await?;
    Ok(Some(Edited { set, loaded, detail }))
}

/// Makes the edit on the newest set of the store and brings it into force. The edit says what it did, for the audit; None: there
/// was nothing to do, and no revision is made.
///
/// # Errors
/// Why the change was not made; nothing changed then, but for [`Refused::Unknown`].
pub async fn change<I: Instance>(
    store: &dyn CatalogStore,
    instance: &I,
    change: &Change<'_>,
    edit: impl Fn(&mut Vec<Entry>) -> Result<Option<String>, Refused>,
) -> Result<Revision, Refused> {
    let _one = instance.changing().lock().await;
    for _ in 0..ROUNDS {
        let stored = store.rule_set().await?;
        let base = stored.revision;
        // A change of rows that were set back would bring an older set into force.
        let (revision, versions) = instance.in_force();
        follows(revision, &versions, &stored)?;
        is_at(store, change.by.seen, &stored).await?;
        let Some(Edited { set, loaded, detail }) = edited(instance, change.rule, stored.clone(), &edit).await? else {
            take_over(instance, &stored).await?;
            return Ok(base);
        };
        let audit = instance.audit(change, set.revision, detail);
        fault::pass("catalog.loaded");
        let revision = match store.advance(base, change.version, &set.entries, &audit).await {
            Ok(revision) => revision,
            Err(StoreError::Stale(_)) => continue,
            Err(StoreError::Unknown(why)) => return Err(Refused::Unknown { rule: change.rule.to_owned(), why }),
            Err(error) => return Err(error.into()),
        };
        fault::pass("catalog.stored");
        instance.bring_into_force(loaded, revision);
        fault::pass("catalog.installed");
        return Ok(revision);
    }
    Err(Refused::Conflict("the rule set keeps changing: try again".into()))
}

/// Err: these rows of the store can't come after what is in force here. Only while no change of our own is under way.
fn follows(revision: Revision, versions: &BTreeMap<String, Sha256>, set: &RuleSet) -> Result<(), StoreError> {
    if set.revision < revision {
        return Err(went_back(revision, set.revision));
    }
    let stored = || set.entries.iter().map(|entry| (&entry.name, &entry.sha256)).collect::<BTreeMap<_, _>>();
    if set.revision == revision && stored() != versions.iter().collect() {
        return Err(StoreError::SetBack(format!(
            "weir_rule_set holds other rows of revision {revision} than those that are in force here: somebody changed or lost \
             them. This engine judges on by what it has and takes no change. Restore the rows, or start it again to take \
             those that are there"
        )));
    }
    Ok(())
}

fn went_back(from: Revision, to: Revision) -> StoreError {
    StoreError::SetBack(format!(
        "the rule set of the store went back from revision {from} to {to}, as after a restore of an older backup. This engine \
         judges on by what it has and takes no change. Restore the newer backup, or start this engine again to take {to}"
    ))
}
