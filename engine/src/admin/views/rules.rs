//! What the paths about rules answer. Shapes only; `from_model` fills those that the model has words for.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::AuditView;
use crate::model::catalog::{Mode, Origin};
use crate::model::finding::Effect;

/// Answer of GET /rules: the rule set in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RulesView {
    /// The revision in force.
    pub revision: u64,
    /// In the order that they judge.
    pub rules: Vec<RuleView>,
    /// Files in the rules directory that could not be published.
    pub file_problems: Vec<FileProblemView>,
    /// Why the database could not be asked where the versions came from; what is in force is known without it.
    pub history_unavailable: Option<String>,
}

/// A rule and its figures: each instance counts since its start, or since the version came into force there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// Name of the rule.
    pub name: String,
    /// Version that the module gives itself.
    pub version: String,
    /// What the rule is for, in the module's words.
    pub summary: String,
    /// SHA-256 of the module's bytes, 64 hex digits.
    pub sha256: String,
    /// What becomes of its hits.
    pub mode: Mode,
    /// Place among the rules, ascending.
    pub order: i32,
    /// In force, defaults included.
    pub parameters: BTreeMap<String, String>,
    /// Names of the parameters that somebody set; the others follow the default of whatever version is in force.
    pub set: Vec<String>,
    /// What it can find.
    pub codes: Vec<CodeView>,
    /// Instances whose figures are summed below: the one that answers, and the others that are heard of and have this version.
    pub counted_by: u32,
    /// Since when all of these count, RFC 3339; null: not known.
    pub counted_since: Option<String>,
    /// Records that it judged, on all of these instances.
    pub records: u64,
    /// Hits on all of these instances.
    pub hits: u64,
    /// Hits of each 30 s of the last 15 minutes, the oldest first, in the process that answers; the last 30 s are not over.
    pub trend: Vec<u64>,
    /// Records on which it failed, on all of these instances.
    pub failures: u64,
    /// Records that lacked a field that it requires and passed unjudged, on all of these instances.
    pub skipped: u64,
    /// Processor time a record, in nanoseconds, on all of these instances; absent: it judged nothing yet.
    pub ns_per_record: Option<f64>,
    /// What of it a live rule may take, `rules.budget`; null: the rule is not live, and shadow rules share `rules.shadow_budget`.
    pub budget_ns: Option<u64>,
    /// Null while the database can't be asked.
    pub origin: Option<Origin>,
    /// File name or remote address; null while the database can't be asked.
    pub source: Option<String>,
    /// Why the breaker suspended it, if it did.
    pub suspended: Option<String>,
    /// A shadow rule judges one batch in so many, for shadow rules together have a share of the time only; null: all.
    pub sampled_one_in: Option<u64>,
    /// What was done to it last; null: not known, as the database can't be asked, or not among the newest 1,000 changes.
    pub last_change: Option<AuditView>,
}

/// A code that a rule may give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeView {
    /// The code, as `AMOUNT_NEGATIVE`.
    pub name: String,
    /// What it means, in the module's words.
    pub summary: String,
    /// `dead-letter` or `flag`.
    #[schema(value_type = EffectView)]
    pub effect: Effect,
}

/// What the engine does with a record that a code hits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "stands for model::Effect in the OpenAPI, which has no schema of its own")]
pub enum EffectView {
    /// The record is rejected.
    DeadLetter,
    /// The record counts, and counts as flagged.
    Flag,
}

/// A file that could not be published.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileProblemView {
    /// Name of the file in the rules directory.
    pub file: String,
    /// What was wrong and what to fix.
    pub problem: String,
}

/// Answer of GET /rules/{name}.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleDetail {
    /// The revision in force.
    pub revision: u64,
    /// The rule in force.
    pub rule: RuleView,
    /// What its module says of itself.
    pub manifest: ManifestView,
    /// Newest first; empty while the database can't be asked.
    pub versions: Vec<VersionView>,
    /// Whether there are older ones than these: ask with a greater `limit`.
    pub more_versions: bool,
    /// Why the database could not be asked for the versions; what is in force is known without it.
    pub history_unavailable: Option<String>,
    /// Hits by code, on all instances that `rule.counted_by` counts.
    pub hits_by_code: BTreeMap<String, u64>,
    /// Hits of each 30 s of the last 15 minutes, the oldest first, the last of them not over, of each code that hit within them, in the
    /// process that answers.
    pub trend_by_code: BTreeMap<String, Vec<u64>>,
    /// Records on which it failed, or that lacked a field that it requires, by the engine's code, on the
    /// same instances.
    pub failures_by_code: BTreeMap<String, u64>,
    /// Records that lacked a field that it requires and passed unjudged, on the same instances.
    pub skipped: u64,
    /// The first hits as a shadow rule since the engine started, 20 at most.
    pub shadow_samples: Vec<HitView>,
    /// Why the details of these are not shown: a field is sensitive, and the caller may not see values; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ManifestView {
    /// Name of the rule.
    pub name: String,
    /// Version that the module gives itself.
    pub version: String,
    /// What the rule is for.
    pub summary: String,
    /// Fields that it reads.
    pub fields: Vec<FieldView>,
    /// What it can find.
    pub codes: Vec<CodeView>,
    /// What can be set.
    pub parameters: Vec<ParameterView>,
}

/// A field that a rule reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldView {
    /// Name of the field.
    pub name: String,
    /// boolean, integer, float, decimal, timestamp or text.
    pub kind: String,
    /// Whether the rule does not apply to a record that lacks it.
    pub required: bool,
}

/// A setting of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ParameterView {
    /// Name of the parameter.
    pub name: String,
    /// boolean, integer, float, decimal, timestamp or text.
    pub kind: String,
    /// What it is for.
    pub summary: String,
    /// Value that holds unless another is set, as text.
    pub default: String,
}

/// A stored version of a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// SHA-256 of the module's bytes, 64 hex digits.
    pub sha256: String,
    /// Version that the module gives itself.
    pub version: String,
    /// Whether it came from the directory or by the API.
    pub origin: Origin,
    /// File name or remote address.
    pub source: String,
    /// When it was published first, RFC 3339.
    pub published_at: String,
    /// Who published it.
    pub published_by: String,
}

/// Answer of POST /rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublishedView {
    /// Name of the rule.
    pub name: String,
    /// SHA-256 of the module's bytes, 64 hex digits.
    pub sha256: String,
    /// Revision of the rule set that is in force now.
    pub revision: u64,
    /// false: these bytes were in force already; a mode or an order that came with them was applied.
    pub new: bool,
}

/// A change of the rule set.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedView {
    /// Name of the rule.
    pub name: String,
    /// The revision that the change made.
    pub revision: u64,
}

/// Answer of POST /evaluate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvaluateView {
    /// Revision of the rule set that judged.
    pub revision: u64,
    /// One a record, in the order sent.
    pub records: Vec<EvaluatedView>,
    /// A Rust test for the crate of the rule that `test` named; null: none was asked for.
    pub test: Option<String>,
    /// Why parts of it are not shown; null: nothing is hidden.
    pub hidden: Option<String>,
}

/// What would become of a record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvaluatedView {
    /// What would become of it.
    pub outcome: OutcomeView,
    /// Why it is no valid record, where the engine itself says so.
    pub fault: Option<FaultView>,
    /// Its fields as they were decoded, by name; null: it has no such value, or a lookup would bring it. Empty if it did not
    /// decode. Without those that are hidden.
    pub fields: BTreeMap<String, Option<String>>,
    /// Of every rule that is neither off nor suspended, in rule order; empty if the record did not decode. Only live rules
    /// decide the outcome.
    pub verdicts: Vec<VerdictView>,
}

/// What would become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeView {
    /// It would count.
    Valid,
    /// It would count, and count as flagged.
    Flagged,
    /// It would be a dead letter.
    DeadLetter,
    /// A rule whose on_failure is halt fails on it: the pipeline would stop here.
    Halt,
}

/// A fault that the engine finds in a record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaultView {
    /// decode, rule or window.
    pub stage: String,
    /// The code, as `FIELD_MISSING`.
    pub code: String,
    /// What is wrong, in words.
    pub message: String,
}

/// One rule on one record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerdictView {
    /// Name of the rule.
    pub rule: String,
    /// Version of the rule, 64 hex digits.
    pub sha256: String,
    /// What becomes of its hits.
    pub mode: Mode,
    /// Empty: the rule passed it.
    pub hits: Vec<HitView>,
    /// The time of the evaluation was up before this rule was asked.
    pub not_asked: bool,
}

/// One code of one rule that a record met.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitView {
    /// The code, as `AMOUNT_NEGATIVE`.
    pub code: String,
    /// What the hit does to the record.
    #[schema(value_type = EffectView)]
    pub effect: Effect,
    /// What the rule says of the record; empty if nothing.
    pub detail: String,
}
