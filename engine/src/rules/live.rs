//! A rule set as judges share it, immutable but for the statistics: the one in force, or one that somebody tries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Component;

use super::metrics::{RuleMetrics, RuleStats};
use crate::config::OnFailure;
use crate::model::catalog::{Manifest, Mode};
use crate::model::finding::RuleId;
use crate::model::ids::{Revision, Sha256};
use crate::model::record::FieldId;

/// Which module judges with which parameters: what has the same key answers the same, and one instance may serve both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Its name in the set, and its module.
    pub id: Arc<RuleId>,
    /// What the module says of itself.
    pub manifest: Manifest,
    /// Ascending; ties by name.
    pub order: i32,
    /// What its hits do.
    pub mode: Mode,
    /// All of them, defaults filled in.
    pub parameters: BTreeMap<String, String>,
    /// Module and parameters.
    pub key: InstanceKey,
    /// What becomes of a row that it fails on.
    pub on_failure: OnFailure,
    /// What it did since its module came into force. Counted by a [`LiveObserver`](super::LiveObserver) only.
    pub stats: Arc<RuleStats>,
    /// The directory brought it, so a removed file may retire it.
    pub from_directory: bool,
    /// Why the breaker suspended it.
    pub suspended: Option<String>,
    /// The first revision of which it stands in the set as it does now, as far as this process saw.
    pub(super) since: Revision,
    /// Only a [`LiveObserver`](super::LiveObserver) uses them.
    pub(super) metrics: RuleMetrics,
    pub(super) component: Component,
    /// In the manifest's order.
    pub(super) fields: Vec<FieldId>,
    pub(super) scales: Vec<u8>,
}

/// The numbered set.
pub struct LiveSet {
    pub revision: Revision,
    /// In this process.
    pub in_force: Instant,
    pub rules: Vec<Arc<LiveRule>>,
    /// Fields that live and shadow rules read.
    pub needed: Vec<FieldId>,
}

/// A rule failed too often, or a shadow rule costs too much.
#[derive(Clone, Debug)]
pub struct Trip {
    pub rule: Arc<RuleId>,
    pub revision: Revision,
    pub message: String,
    /// A cost and no failure: the version before says nothing about it, the rule is suspended.
    pub over_budget: bool,
}

impl LiveRule {
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
