//! Modules of the store that are not what their digest says: somebody changed a row, or a restore mixed two. None of it
//! judges; the rule is suspended on this instance until the row is whole.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::conditions::{Conditions, Severity};
use crate::model::ids::Sha256;
use crate::rules::live::{LiveRule, LiveSet};

const DAMAGED: &str = "rules.damaged";

/// Rules, each with the version whose row in the store is not what was published.
#[derive(Default)]
pub(super) struct DamagedRows(Mutex<BTreeSet<(String, Sha256)>>);

impl DamagedRows {
    /// The row of this version is damaged, as far as this rule goes.
    pub(super) fn add(&self, rule: &str, sha256: Sha256) {
        self.rows().insert((rule.to_owned(), sha256));
    }

    /// The rule's row is whole. Asked by rule, for two entries may name one version, of which one is wrong.
    pub(super) fn remove(&self, rule: &str) {
        self.rows().retain(|(damaged, _)| damaged != rule);
    }

    /// Whether no row is damaged.
    pub(super) fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Whether the row of this version has to be written again.
    pub(super) fn contains(&self, rule: &str, sha256: Sha256) -> bool {
        self.rows().contains(&(rule.to_owned(), sha256))
    }

    /// Conditions of the rules in force whose row is damaged.
    pub(super) fn report(&self, live: &LiveSet, conditions: &Conditions) {
        let damaged = |rule: &LiveRule| self.contains(&rule.id.name, rule.id.sha256);
        let rules: Vec<_> = live.rules.iter().filter(|rule| damaged(rule)).collect();
        for rule in &rules {
            let name = &rule.id.name;
            let why = rule.suspended.as_deref().unwrap_or("its row in the store was changed");
            let message = format!(
                "rule {name} is suspended on this instance: {why}. Publish the .wasm that has the digest {} again (`weir rules \
                 push`), which writes the row anew, or restore the row; until then records pass without this rule",
                rule.id.sha256
            );
            conditions.raise(Severity::NotReady, DAMAGED, &**name, message);
        }
        conditions.keep(DAMAGED, |subject| rules.iter().any(|rule| &*rule.id.name == subject));
    }

    fn rows(&self) -> MutexGuard<'_, BTreeSet<(String, Sha256)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
