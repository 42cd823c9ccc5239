//! Modules of the store that are not what their digest says: somebody changed a row, or a restore mixed two. None of it
//! judges; the rule is suspended on this instance until the row is whole.

use std::sync::PoisonError;

use super::Catalog;
use super::load::Misfit;
use crate::conditions::Severity;
use crate::model::ids::Sha256;
use crate::rules::live::LiveRule;

const DAMAGED: &str = "rules.damaged";

impl Catalog {
    pub(super) fn damaged(&self, rule: &str, sha256: Sha256, why: String) -> Misfit {
        let why = format!("{why}: somebody changed the row");
        self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert((rule.to_owned(), sha256));
        Misfit::Damaged(why)
    }

    /// Of a rule, for two entries may name one version, of which one is wrong.
    pub(super) fn is_whole(&self, rule: &str) {
        self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner).retain(|(damaged, _)| damaged != rule);
    }

    pub(super) fn is_damaged(&self) -> bool {
        !self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether the row of this version has to be written again.
    pub(super) fn row_is_damaged(&self, rule: &str, sha256: Sha256) -> bool {
        self.0.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&(rule.to_owned(), sha256))
    }

    /// Conditions of the rules in force whose row is damaged.
    pub(super) fn tell_damaged(&self) {
        let live = self.live();
        let damaged = |rule: &LiveRule| self.row_is_damaged(&rule.id.name, rule.id.sha256);
        let rules: Vec<_> = live.rules.iter().filter(|rule| damaged(rule)).collect();
        for rule in &rules {
            let name = &rule.id.name;
            let why = rule.suspended.as_deref().unwrap_or("its row in the store was changed");
            let message = format!(
                "rule {name} is suspended on this instance: {why}. Publish the .wasm that has the digest {} again (`weir rules \
                 push`), which writes the row anew, or restore the row; until then records pass without this rule",
                rule.id.sha256
            );
            self.0.conditions.raise(Severity::NotReady, DAMAGED, &**name, message);
        }
        self.0.conditions.keep(DAMAGED, |subject| rules.iter().any(|rule| &*rule.id.name == subject));
    }
}
