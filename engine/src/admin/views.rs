//! The answers of the API, as they stand in `/openapi.json`. No field here may hold a secret: no URL, no property.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::catalog::{Audit, Manifest, Mode, Origin, VersionInfo};
use crate::model::finding::Effect;
use crate::model::step::Activation;
use crate::store::StatsRow;

/// GET /rules
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RulesView {
    /// The revision in force.
    pub revision: u64,
    /// In the order that they judge.
    pub rules: Vec<RuleView>,
    /// Files in the rules directory that could not be published.
    pub file_problems: Vec<FileProblemView>,
}

/// A rule and its figures since the engine started.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleView {
    pub name: String,
    pub version: String,
    pub summary: String,
    /// 64 hex digits.
    pub sha256: String,
    pub mode: Mode,
    pub order: i32,
    /// In force, defaults included.
    pub parameters: BTreeMap<String, String>,
    pub codes: Vec<CodeView>,
    pub hits: u64,
    pub failures: u64,
    /// None: it judged nothing yet.
    pub ns_per_record: Option<f64>,
    pub origin: Origin,
    /// File name or remote address.
    pub source: String,
    /// Why the breaker suspended it, if it did.
    pub suspended: Option<String>,
}

/// A code that a rule may give.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CodeView {
    pub name: String,
    pub summary: String,
    /// `dead-letter` or `flag`.
    #[schema(value_type = EffectView)]
    pub effect: Effect,
}

/// What the engine does with a record that a code hits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(
    dead_code,
    reason = "stands for model::Effect in the OpenAPI, which has no schema of its own"
)]
pub enum EffectView {
    DeadLetter,
    Flag,
}

/// A file that could not be published.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileProblemView {
    pub file: String,
    /// What was wrong and what to mend.
    pub problem: String,
}

/// GET /rules/{name}
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleDetail {
    pub rule: RuleView,
    pub manifest: ManifestView,
    /// Newest first.
    pub versions: Vec<VersionView>,
    /// Hits by code since the engine started.
    pub hits_by_code: BTreeMap<String, u64>,
}

/// What a module says of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ManifestView {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub fields: Vec<FieldView>,
    pub codes: Vec<CodeView>,
    pub parameters: Vec<ParameterView>,
}

/// A field that a rule reads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldView {
    pub name: String,
    /// boolean, integer, float, decimal, timestamp or text.
    pub kind: String,
    pub required: bool,
}

/// A setting of a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParameterView {
    pub name: String,
    /// boolean, integer, float, decimal, timestamp or text.
    pub kind: String,
    pub summary: String,
    pub default: String,
}

/// A stored version of a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// 64 hex digits.
    pub sha256: String,
    pub version: String,
    pub origin: Origin,
    pub source: String,
    /// RFC 3339.
    pub published_at: String,
    pub published_by: String,
}

/// POST /rules
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublishedView {
    pub name: String,
    /// 64 hex digits.
    pub sha256: String,
    pub revision: u64,
    /// false: it was live already and nothing changed.
    pub new: bool,
}

/// A change of the rule set.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedView {
    pub name: String,
    /// The revision that the change made.
    pub revision: u64,
}

/// POST /evaluate
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvaluateView {
    pub revision: u64,
    /// One a record, in the order sent.
    pub records: Vec<EvaluatedView>,
}

/// What would become of a record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvaluatedView {
    pub outcome: OutcomeView,
    /// Why it is no valid record, where the engine itself says so.
    pub fault: Option<FaultView>,
    /// Of every rule that is not off, in rule order; empty if the record did not decode.
    pub verdicts: Vec<VerdictView>,
}

/// What would become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeView {
    Valid,
    Flagged,
    DeadLetter,
}

/// A fault that the engine finds in a record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaultView {
    /// decode, rule or window.
    pub stage: String,
    pub code: String,
    pub message: String,
}

/// One rule on one record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerdictView {
    pub rule: String,
    pub sha256: String,
    pub mode: Mode,
    /// Empty: the rule passed it.
    pub hits: Vec<HitView>,
}

/// A rule's finding.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitView {
    pub code: String,
    #[schema(value_type = EffectView)]
    pub effect: Effect,
    pub detail: String,
}

/// GET /pipeline
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PipelineStatus {
    pub name: String,
    pub version: String,
    pub uptime_seconds: u64,
    pub workers: u32,
    /// The rule set in force.
    pub revision: u64,
    pub kafka_up: bool,
    pub store_up: bool,
    /// By lookup.
    pub lookups_up: BTreeMap<String, bool>,
    /// Those that this instance was given.
    pub partitions: Vec<PartitionStatus>,
}

/// Where a partition stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartitionStatus {
    pub partition: i32,
    pub worker: u32,
    /// Next offset that is not yet in a checkpoint; None: not taken yet.
    pub position: Option<i64>,
    /// Records behind the topic's end; None: not known.
    pub lag: Option<i64>,
    pub state: PartitionState,
    /// Why it stopped.
    pub error: Option<String>,
}

/// What a partition does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartitionState {
    Taking,
    Running,
    Paused,
    Stopped,
}

/// GET /readyz
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HealthView {
    pub status: String,
}

/// A row of `risk_stats`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WindowView {
    /// RFC 3339, inclusive.
    pub window_start: String,
    /// RFC 3339, exclusive.
    pub window_end: String,
    pub group: BTreeMap<String, Option<String>>,
    pub records: i64,
    pub flagged: i64,
    pub late: i64,
    /// Exact decimal text by column (`amount_sum`).
    pub measures: BTreeMap<String, Option<String>>,
}

/// From which offset on a revision judged a partition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivationView {
    pub partition: i32,
    pub first_offset: i64,
    pub revision: u64,
}

/// A line of the audit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// RFC 3339.
    pub at: String,
    pub who: String,
    pub action: String,
    pub rule: String,
    pub revision: u64,
    pub detail: String,
}

/// A dead letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterView {
    /// Of the dead-letter topic.
    pub partition: i32,
    /// Of the dead-letter topic.
    pub offset: i64,
    pub code: Option<String>,
    pub message: Option<String>,
    /// As text; bytes that are no UTF-8 are replaced.
    pub key: Option<String>,
    /// As text; bytes that are no UTF-8 are replaced. May be cut.
    pub value: Option<String>,
    /// In order; a name may come twice.
    pub headers: Vec<HeaderView>,
}

/// A header of a dead letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeaderView {
    pub name: String,
    pub value: Option<String>,
}

/// Epoch milliseconds as RFC 3339; the bare number for a time that no calendar holds.
pub fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(
        || ms.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}

impl From<&Manifest> for ManifestView {
    fn from(manifest: &Manifest) -> Self {
        let kind = |kind: crate::model::record::Kind| format!("{kind:?}").to_lowercase();
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            summary: manifest.summary.clone(),
            fields: (manifest.fields.iter())
                .map(|field| FieldView {
                    name: field.name.clone(),
                    kind: kind(field.kind),
                    required: field.required,
                })
                .collect(),
            codes: code_views(manifest),
            parameters: (manifest.parameters.iter())
                .map(|parameter| ParameterView {
                    name: parameter.name.clone(),
                    kind: kind(parameter.kind),
                    summary: parameter.summary.clone(),
                    default: parameter.default.clone(),
                })
                .collect(),
        }
    }
}

/// The codes of a manifest.
pub fn code_views(manifest: &Manifest) -> Vec<CodeView> {
    (manifest.codes.iter())
        .map(|code| CodeView {
            name: code.name.clone(),
            summary: code.summary.clone(),
            effect: code.effect,
        })
        .collect()
}

impl From<VersionInfo> for VersionView {
    fn from(version: VersionInfo) -> Self {
        Self {
            sha256: version.sha256.to_string(),
            version: version.manifest.version,
            origin: version.origin,
            source: version.source,
            published_at: rfc3339(version.published_at),
            published_by: version.published_by,
        }
    }
}

impl From<StatsRow> for WindowView {
    fn from(row: StatsRow) -> Self {
        Self {
            window_start: rfc3339(row.window_start),
            window_end: rfc3339(row.window_end),
            group: row.group.into_iter().collect(),
            records: row.records,
            flagged: row.flagged,
            late: row.late,
            measures: row.measures.into_iter().collect(),
        }
    }
}

impl From<Activation> for ActivationView {
    fn from(activation: Activation) -> Self {
        Self {
            partition: activation.partition.0,
            first_offset: activation.first_offset.0,
            revision: activation.revision.0,
        }
    }
}

impl From<Audit> for AuditView {
    fn from(line: Audit) -> Self {
        let Audit {
            at,
            who,
            action,
            rule,
            revision,
            detail,
        } = line;
        Self {
            at: rfc3339(at),
            who,
            action,
            rule,
            revision,
            detail,
        }
    }
}
