//! What an operator has to know of the rule set: a check that is off, a set that can't be taken, a directory that is
//! away. Looked at whenever the set or the directory was.

use std::sync::atomic::Ordering;

use super::{Catalog, CatalogError};
use crate::conditions::Severity;
use crate::model::catalog::{Mode, RuleSet};
use crate::model::ids::Revision;
use crate::model::store::StoreError;
use crate::rules::live::{LiveRule, LiveSet};

/// No rule acts: every record is valid.
const NONE_LIVE: &str = "rules.none_live";
/// A rule of `rules.required` does not act.
const REQUIRED: &str = "rules.required_missing";
/// Another one is suspended.
const SUSPENDED: &str = "rules.suspended";
/// The rows of the store are older than what is in force here, or not all there.
const SET_BACK: &str = "rules.set_back";
/// The store's set does not fit this instance.
const NOT_TAKEN: &str = "rules.set_not_taken";

impl Catalog {
    /// Conditions that follow from the set in force.
    pub(in crate::rules) fn assess(&self) {
        // What the directory brings is not in force before.
        if !self.0.looked.load(Ordering::Acquire) {
            return;
        }
        let (live, all) = (self.live(), &self.0.conditions);
        let required = &self.0.config.rules.required;
        for name in required {
            match why_it_does_not_act(&live, name) {
                None => all.clear(REQUIRED, name),
                Some(why) => all.raise(
                    Severity::NotReady,
                    REQUIRED,
                    name,
                    format!("rule {name}, one of rules.required, {why}: records pass without it. {}", way_out(name)),
                ),
            }
        }
        match required.is_empty() && !live.rules.iter().any(|rule| acts(rule)) {
            false => all.clear(NONE_LIVE, ""),
            true => all.raise(
                Severity::Warning,
                NONE_LIVE,
                "",
                format!(
                    "no rule is live (revision {}): every record that can be decoded counts as valid. Publish one: a file in \
                     rules.dir, or `weir rules push`; rules.required names those that have to be live",
                    live.revision
                ),
            ),
        }
        self.tell_damaged();
        let suspended = |rule: &LiveRule| {
            let told = self.row_is_damaged(&rule.id.name, rule.id.sha256)
                || required.iter().any(|name| **name == *rule.id.name);
            rule.mode != Mode::Off && !told
        };
        let suspended = live.rules.iter().filter(|rule| suspended(rule));
        let suspended: Vec<_> = suspended.filter_map(|rule| Some((&rule.id.name, rule.suspended.as_ref()?))).collect();
        for (name, why) in &suspended {
            let message = format!("rule {name} is suspended and judges nothing: {why}. {}", way_out(name));
            all.raise(Severity::Warning, SUSPENDED, &***name, message);
        }
        all.keep(SUSPENDED, |subject| suspended.iter().any(|(name, _)| &***name == subject));
    }

    /// Err: these rows of the store can't come after what is in force here. Only while no change of our own is under way.
    pub(super) fn follows(&self, set: &RuleSet) -> Result<(), StoreError> {
        let live = self.live();
        if set.revision < live.revision {
            return Err(went_back(live.revision, set.revision));
        }
        let stored: std::collections::BTreeMap<_, _> =
            set.entries.iter().map(|e| (e.name.as_str(), e.sha256)).collect();
        let here = live.rules.iter().map(|rule| (&*rule.id.name, rule.id.sha256)).collect();
        if set.revision == live.revision && stored != here {
            return Err(StoreError::SetBack(format!(
                "weir_rule_set holds other rows of revision {} than those that are in force here: somebody changed or lost \
                 them. This engine judges on by what it has and takes no change. Restore the rows, or start it again to take \
                 those that are there",
                live.revision
            )));
        }
        Ok(())
    }

    /// What came of a look at the store's set.
    pub(super) fn told_of_store(&self, stored: Revision, taken: &Result<(), CatalogError>) {
        let all = &self.0.conditions;
        match taken {
            Ok(()) => {
                all.clear(SET_BACK, "");
                all.clear(NOT_TAKEN, "");
            }
            Err(CatalogError::Store(StoreError::SetBack(why))) => {
                let message = format!("{why}. Revision {} stays in force", self.live().revision);
                all.raise(Severity::NotReady, SET_BACK, "", message);
            }
            // That it is away shows by itself.
            Err(CatalogError::Store(_)) => {}
            Err(error) => {
                let required = &self.0.config.rules.required;
                let severity = match error {
                    CatalogError::Rule { rule, .. } if required.contains(rule) => Severity::NotReady,
                    _ => Severity::Warning,
                };
                let here = self.live().revision;
                let message = format!(
                    "revision {stored} of the rule set is not taken, {here} stays in force on this instance: {error}. Mend its \
                     configuration, or turn the rule off, roll it back or retire it"
                );
                all.clear(SET_BACK, "");
                all.raise(severity, NOT_TAKEN, "", message);
            }
        }
    }
}

fn went_back(from: Revision, to: Revision) -> StoreError {
    StoreError::SetBack(format!(
        "the rule set of the store went back from revision {from} to {to}, as after a restore of an older backup. This engine \
         judges on by what it has and takes no change. Restore the newer backup, or start this engine again to take {to}"
    ))
}

fn acts(rule: &LiveRule) -> bool {
    rule.mode == Mode::Live && rule.suspended.is_none()
}

/// None: it acts.
fn why_it_does_not_act(live: &LiveSet, name: &str) -> Option<String> {
    let Some(rule) = live.rules.iter().find(|rule| &*rule.id.name == name) else {
        return Some(format!("is not in the set (revision {})", live.revision));
    };
    match (rule.mode, &rule.suspended) {
        (_, Some(why)) => Some(format!("is suspended: {why}")),
        (Mode::Live, None) => None,
        (Mode::Shadow, None) => Some("is in shadow".to_owned()),
        (Mode::Off, None) => Some("is off".to_owned()),
    }
}

fn way_out(name: &str) -> String {
    format!("Publish it, roll it back (`weir rules rollback {name}`), or set its mode (PATCH /rules/{name})")
}
