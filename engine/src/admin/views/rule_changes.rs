//! What the paths about changes of rules answer: what a change would do, what was done, and what somebody else did meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AuditView, ManifestView};
use crate::model::catalog::Mode;

/// Answer of POST /rules/plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanView {
    /// Revision of the rule set on which it was made: sent as `If-Match` with the change, nothing else comes in between.
    pub revision: u64,
    /// Name of the rule.
    pub rule: String,
    /// What would be set otherwise; empty: nothing, and no revision would be made.
    pub changes: Vec<DifferenceView>,
    /// What follows for records, for the rule set and for the pipeline, each a sentence for a person.
    pub effects: Vec<String>,
    /// What the audit would say; null: nothing would be made.
    pub detail: Option<String>,
    /// What the module says of itself; null: the change brings none.
    pub manifest: Option<ManifestView>,
}

/// A setting of a rule that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// Name of the rule.
    pub rule: String,
    /// `version`, `mode`, `order`, `suspended`, `brought_by`, or `parameters.NAME`.
    pub setting: String,
    /// Null: the rule was not in the set, was not suspended, or had the parameter's default.
    pub from: Option<String>,
    /// Null: the same, afterwards.
    pub to: Option<String>,
}

/// How the rule set differs from the one that a change was decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovedView {
    /// Revision that the change was decided on.
    pub seen: u64,
    /// Revision that is stored.
    pub now: u64,
    /// What differs; null: revision `seen` is not kept any more, or never was.
    pub changes: Option<Vec<DifferenceView>>,
    /// What was done since, newest first, 20 lines at most.
    pub since: Vec<AuditView>,
}

/// Answer of GET /rules/{name}/history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleHistoryView {
    /// Name of the rule.
    pub rule: String,
    /// What was done to it, newest first, and how it was afterwards.
    pub changes: Vec<RuleChangeView>,
    /// Whether there are or may be older ones: ask with a greater `limit`; of the newest 1,000 changes of the whole set at most.
    pub more: bool,
    /// Whether the newest 1,000 activations were all that was looked at, so that older changes may have been in force in more
    /// places.
    pub in_force_cut: bool,
}

/// A change of a rule, and the rule as the change left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleChangeView {
    /// Who did what, when and why.
    pub line: AuditView,
    /// The rule since then; null: it was taken out of the set.
    pub rule: Option<RuleStateView>,
    /// Offsets that were judged by the rule as it was since this change, ascending; 100 at most. Empty: no checkpoint of a
    /// partition has any of them yet, or they are gone from what is kept.
    pub in_force: Vec<InForceView>,
    /// Ranges that are not listed.
    pub more_in_force: u64,
}

/// A rule as it is in a revision of the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleStateView {
    /// SHA-256 of the module's bytes, 64 hex digits.
    pub sha256: String,
    /// Version that the module gives itself; null: it is gone from the store.
    pub version: Option<String>,
    /// What becomes of its hits.
    pub mode: Mode,
    /// Place among the rules, ascending.
    pub order: i32,
    /// In force, defaults included.
    pub parameters: BTreeMap<String, String>,
    /// Why the breaker suspended it, if it did.
    pub suspended: Option<String>,
}

/// A range of offsets of a partition that a rule judged as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InForceView {
    /// Number of the partition.
    pub partition: i32,
    /// First offset.
    pub from: i64,
    /// First offset that it did not judge so any more; null: it still does.
    pub to: Option<i64>,
}
