//! A rule set as judges share it, immutable but for the statistics: the one in force, or one that somebody tries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Component;

use super::metrics::{RuleMetrics, RuleStats};
use super::module::probe::Fitted;
use crate::config::OnFailure;
use crate::model::catalog::{Entry, Manifest, Mode};
use crate::model::finding::RuleId;
use crate::model::ids::{Revision, Sha256};
use crate::model::record::FieldId;

/// Which module judges with which parameters: what has the same key answers the same, and one instance may serve both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey(pub(super) Sha256);

impl InstanceKey {
    /// `parameters`: all of them, defaults filled in.
    pub(super) fn of(module: Sha256, parameters: &BTreeMap<String, String>) -> Self {
        let mut text = module.0.to_vec();
        for part in parameters.iter().flat_map(|(name, value)| [name, value]) {
            text.extend((part.len() as u64).to_le_bytes());
            text.extend(part.as_bytes());
        }
        Self(Sha256::of(&text))
    }
}

/// A rule of the set with its compiled code.
pub struct LiveRule {
    /// Name of the rule in the set, and its module.
    pub id: Arc<RuleId>,
    /// What the module says of itself.
    pub manifest: Manifest,
    /// Ascending; ties by name.
    pub order: i32,
    /// What its hits do.
    pub mode: Mode,
    /// All of them, defaults filled in.
    pub parameters: BTreeMap<String, String>,
    /// Names of those that somebody set; the others follow the default of whatever version is in force.
    pub set: BTreeSet<String>,
    /// Identity of its instances: module and parameters.
    pub key: InstanceKey,
    /// What becomes of a row that it fails on.
    pub on_failure: OnFailure,
    /// What it did since its module came into force. Counted by a [`LiveObserver`](super::LiveObserver) only.
    pub stats: Arc<RuleStats>,
    /// The directory brought it, so a removed file may retire it.
    pub from_directory: bool,
    /// Why the breaker suspended it.
    pub suspended: Option<String>,
    /// The first revision of which it is in the set as it does now, as far as this process saw.
    pub(super) since: Revision,
    /// Only a [`LiveObserver`](super::LiveObserver) uses them.
    pub(super) metrics: RuleMetrics,
    pub(super) component: Component,
    /// In the manifest's order.
    pub(super) fields: Vec<FieldId>,
    pub(super) scales: Vec<u8>,
}

/// A numbered set of rules in force.
pub struct LiveSet {
    /// Revision of the set. A set that no catalog made has the one that its maker gave it.
    pub revision: Revision,
    /// Since when it is in force in this process.
    pub in_force: Instant,
    /// Ascending by (order, name).
    pub rules: Vec<Arc<LiveRule>>,
    /// Fields that live and shadow rules read.
    pub needed: Vec<FieldId>,
}

/// A rule failed too often, or a shadow rule costs too much.
#[derive(Clone, Debug)]
pub struct Trip {
    /// The rule.
    pub rule: Arc<RuleId>,
    /// Revision of the set that judged.
    pub revision: Revision,
    /// Why, for the audit.
    pub message: String,
    /// A cost and no failure: the version before says nothing about it, the rule is suspended.
    pub over_budget: bool,
}

impl LiveRule {
    /// The entry with its module's manifest and code, as far as they fit this pipeline.
    pub(super) fn new(
        entry: &Entry,
        (manifest, component): (Manifest, Component),
        fitted: Fitted,
        on_failure: OnFailure,
        stats: Arc<RuleStats>,
    ) -> Self {
        Self {
            id: Arc::new(RuleId { name: entry.name.as_str().into(), sha256: entry.sha256 }),
            key: InstanceKey::of(entry.sha256, &fitted.parameters),
            metrics: RuleMetrics::of(&manifest),
            manifest,
            order: entry.order,
            mode: entry.mode,
            parameters: fitted.parameters,
            set: entry.parameters.keys().cloned().collect(),
            on_failure,
            stats,
            from_directory: entry.from_directory,
            suspended: entry.suspended.clone(),
            since: Revision(0),
            component,
            fields: fitted.fields,
            scales: fitted.scales,
        }
    }

    /// The same rule with other parameters, and figures of its own.
    pub(super) fn with(&self, fitted: Fitted) -> Self {
        Self {
            id: self.id.clone(),
            manifest: self.manifest.clone(),
            order: self.order,
            mode: self.mode,
            key: InstanceKey::of(self.id.sha256, &fitted.parameters),
            parameters: fitted.parameters,
            set: self.set.clone(),
            on_failure: self.on_failure,
            stats: Arc::default(),
            from_directory: self.from_directory,
            suspended: self.suspended.clone(),
            since: self.since,
            metrics: RuleMetrics::of(&self.manifest),
            component: self.component.clone(),
            fields: fitted.fields,
            scales: fitted.scales,
        }
    }

    /// Neither off nor suspended.
    pub(super) fn judges(&self) -> bool {
        self.mode != Mode::Off && self.suspended.is_none()
    }

    /// Whether it judges as the other one does: what is known of the one holds for the other.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.id == other.id
            && self.key == other.key
            && self.mode == other.mode
            && self.on_failure == other.on_failure
            && self.suspended == other.suspended
    }
}

impl LiveSet {
    /// In force from now on.
    pub(super) fn new(revision: Revision, rules: Vec<Arc<LiveRule>>) -> Self {
        let mut needed: Vec<FieldId> = rules.iter().filter(|r| r.judges()).flat_map(|r| r.fields.clone()).collect();
        needed.sort_unstable();
        needed.dedup();
        Self { revision, in_force: Instant::now(), rules, needed }
    }

    /// Its rules by name, with the version of each.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&str, Sha256)> {
        self.rules.iter().map(|rule| (&*rule.id.name, rule.id.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_parameters_apart_whatever_their_names_and_values_run_together_to() {
        let key = |module: u8, parameters: &[(&str, &str)]| {
            let parameters = parameters.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            InstanceKey::of(Sha256([module; 32]), &parameters.collect())
        };
        assert_eq!(key(1, &[("a", "1"), ("b", "2")]), key(1, &[("b", "2"), ("a", "1")]));
        let keys = [
            key(1, &[]),
            key(2, &[]),
            key(1, &[("a", "bc")]),
            key(1, &[("ab", "c")]),
            key(1, &[("a", "b"), ("c", "")]),
            key(1, &[("a", ""), ("b", "c")]),
        ];
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
    }
}
