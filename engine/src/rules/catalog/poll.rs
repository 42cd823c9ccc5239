//! Keeps the set in force up with the one of the store, where other instances and people change it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::load::Trial;
use super::{Catalog, CatalogError, report};
use crate::fault;
use crate::model::catalog::RuleSet;
use crate::model::ids::{Revision, Sha256};
use crate::model::store::StoreError;
use crate::rules::live::LiveSet;

/// Time until a set is tried again that did not fit, and until the rows of the one in force are compared again.
const AGAIN: Duration = Duration::from_secs(30);

/// What the looks at the store's set have come to.
#[derive(Default)]
pub(super) struct Polled {
    /// The set that was not taken, and when it was tried.
    incompatible: Option<(Revision, Instant)>,
    /// When the rows were last compared with what is in force.
    compared: Option<Instant>,
}

impl Catalog {
    /// Takes the set that the store has by now, if it is another. One that did not fit is tried again now and then
    /// only: each try may compile.
    pub(super) async fn poll(&self, polled: &mut Polled) {
        let stored = match self.store().revision().await {
            Ok(stored) => stored,
            Err(error) => return self.report_store(Revision(0), &Err(error.into())),
        };
        let recent = |at: Instant| at.elapsed() < AGAIN;
        let waiting = polled.incompatible.is_some_and(|(revision, tried)| revision == stored && recent(tried));
        // Also a damaged row is looked at again now and then.
        let same = stored == self.live().revision && polled.compared.is_some_and(recent);
        if waiting || same {
            return;
        }
        let _one = self.changing.lock().await;
        let taken = async {
            let set = self.store().rule_set().await?;
            self.take_over(&set).await
        };
        let taken = taken.await;
        self.report_set();
        self.report_store(stored, &taken);
        polled.incompatible = matches!(taken, Err(ref error) if !matches!(error, CatalogError::Store(_)))
            .then(|| (stored, Instant::now()));
        // What contradicts is looked at again at once: it may be repaired.
        polled.compared = taken.is_ok().then(Instant::now);
        if let Err(error) = taken {
            tracing::debug!(%error, "the rule set of the store is not taken, the one before stays in force");
        }
    }

    fn report_store(&self, stored: Revision, taken: &Result<(), CatalogError>) {
        let required = &self.loader.config.rules.required;
        report::store(stored, taken, self.live().revision, required, self.conditions());
    }

    /// All of the set or nothing: an instance whose configuration lags behind keeps judging by the set that it has,
    /// and says so with every batch's revision.
    pub(super) async fn take_over(&self, set: &RuleSet) -> Result<(), CatalogError> {
        let before = self.live();
        follows(before.revision, before.versions(), set)?;
        if set.revision == before.revision && self.loader.damaged.is_empty() {
            return Ok(());
        }
        let (live, failures) = self.loader.load(set, &before, Trial::Configure).await?;
        if let Some((rule, message)) = failures.into_iter().next() {
            return Err(CatalogError::Rule { rule, message });
        }
        fault::pass("catalog.taken");
        self.install(live);
        Ok(())
    }

    /// Brings the set into force. Only by whoever holds `changing`, or at the start.
    pub(super) fn install(&self, mut live: LiveSet) {
        live.in_force = Instant::now();
        metrics::gauge!("weir_rules_revision").set(live.revision.0 as f64);
        self.live.store(Arc::new(live));
        self.report_set();
        self.forget_unused();
    }

    /// Lets go of modules that were checked only, and of their code on disk.
    pub(super) fn forget_unused(&self) {
        self.loader.modules.keep(self.live().rules.iter().map(|rule| rule.id.sha256).collect());
    }
}

/// Err: these rows of the store can't come after what is in force here. Only while no change of our own is under way.
///
/// `revision` is the one in force and `versions` its rules. Pure, so that the simulation asks this very code.
///
/// # Errors
/// [`StoreError::SetBack`], with what to do.
pub fn follows<'a>(
    revision: Revision,
    versions: impl Iterator<Item = (&'a str, Sha256)>,
    set: &RuleSet,
) -> Result<(), StoreError> {
    if set.revision < revision {
        return Err(went_back(revision, set.revision));
    }
    let stored: BTreeMap<_, _> = set.entries.iter().map(|e| (e.name.as_str(), e.sha256)).collect();
    if set.revision == revision && stored != versions.collect() {
        return Err(StoreError::SetBack(format!(
            "weir_rule_set holds other rows of revision {} than those that are in force here: somebody changed or lost \
             them. This engine judges on by what it has and takes no change. Restore the rows, or start it again to take \
             those that are there",
            revision
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
