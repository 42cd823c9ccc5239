//! What an operator has to know of the rule set: a check that is off, a set that can't be taken, a directory that is
//! away. Looked at whenever the set or the directory was.

use super::CatalogError;
use super::damaged::DamagedRows;
use crate::conditions::{Conditions, Severity};
use crate::model::catalog::Mode;
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

/// Conditions that follow from the set in force. `required`: names in `rules.required`.
pub(super) fn set(live: &LiveSet, required: &[String], damaged: &DamagedRows, all: &Conditions) {
    for name in required {
        match why_it_does_not_act(live, name) {
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
    damaged.report(live, all);
    let suspended = |rule: &LiveRule| {
        let told =
            damaged.contains(&rule.id.name, rule.id.sha256) || required.iter().any(|name| **name == *rule.id.name);
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

/// What came of a look at the store's set, which is at revision `stored`; `here` is the revision in force.
pub(super) fn store(
    stored: Revision,
    taken: &Result<(), CatalogError>,
    here: Revision,
    required: &[String],
    all: &Conditions,
) {
    match taken {
        Ok(()) => {
            all.clear(SET_BACK, "");
            all.clear(NOT_TAKEN, "");
        }
        Err(CatalogError::Store(StoreError::SetBack(why))) => {
            let message = format!("{why}. Revision {here} stays in force");
            all.raise(Severity::NotReady, SET_BACK, "", message);
        }
        // That it is away shows by itself.
        Err(CatalogError::Store(_)) => {}
        Err(error) => {
            let severity = match error {
                CatalogError::Rule { rule, .. } if required.contains(rule) => Severity::NotReady,
                _ => Severity::Warning,
            };
            let message = format!(
                "revision {stored} of the rule set is not taken, {here} stays in force on this instance: {error}. Fix its \
                 configuration, or turn the rule off, roll it back or retire it"
            );
            all.clear(SET_BACK, "");
            all.raise(severity, NOT_TAKEN, "", message);
        }
    }
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
