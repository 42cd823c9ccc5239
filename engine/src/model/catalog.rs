//! What the catalog keeps: immutable versions of rules, and numbered revisions of the set of them. Plain data; the
//! store keeps it, `rules` gives it meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::Effect;
use super::ids::{Revision, Sha256};
use super::record::Kind;

/// The codes of the engine's own findings (docs/dead-letters.md#codes): no rule may declare one.
pub const ENGINE_CODES: [&str; 12] = [
    "PARSE_JSON",
    "FIELD_MISSING",
    "FIELD_KIND",
    "FIELD_RANGE",
    "EVENT_TIME_AHEAD",
    "EVENT_TIME_BEHIND",
    "LATE",
    "OVERSIZE",
    "RULE_TRAP",
    "RULE_TIMEOUT",
    "RULE_MEMORY",
    "RULE_OUTPUT",
];

/// What becomes of a rule's hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Hits act: they reject or flag records.
    #[default]
    Live,
    /// Judges every batch; hits are counted and sampled, nothing acts on them.
    Shadow,
    /// Judges nothing.
    Off,
}

/// Where a version came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A file in the rules directory.
    Directory,
    /// `POST /rules`.
    Api,
}

/// What a module declares: its name, version, fields, codes and parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// snake_case, unique within a pipeline.
    pub name: String,
    /// Version of the rule's crate.
    pub version: String,
    /// What it is or does, in a sentence.
    pub summary: String,
    /// Fields that the rule reads.
    pub fields: Vec<ManifestField>,
    /// Codes it may give.
    pub codes: Vec<ManifestCode>,
    /// Parameters that the rule takes.
    pub parameters: Vec<ManifestParameter>,
}

/// A field that a rule reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestField {
    /// Name in the pipeline's schema.
    pub name: String,
    /// Kind it must have there.
    pub kind: Kind,
    /// The rule does not apply to rows without it.
    pub required: bool,
}

/// A code of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestCode {
    /// Name of the code, in UPPER_SNAKE_CASE.
    pub name: String,
    /// What it is or does, in a sentence.
    pub summary: String,
    /// What the engine does with a record that has it.
    pub effect: Effect,
}

/// A setting of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestParameter {
    /// Name of the parameter, in snake_case.
    pub name: String,
    /// Kind of value that the text must be.
    pub kind: Kind,
    /// What it is or does, in a sentence.
    pub summary: String,
    /// Value that holds where none is set, as text.
    pub default: String,
}

/// A module as the store keeps it. Immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Digest of the module's bytes, which identifies it.
    pub sha256: Sha256,
    /// The module's bytes as they were uploaded.
    pub wasm: Vec<u8>,
    /// What the module declares, its name included.
    pub manifest: Manifest,
    /// Whether it came from the directory or by the API.
    pub origin: Origin,
    /// File name or remote address.
    pub source: String,
    /// When it was published first, in epoch milliseconds.
    pub published_at: i64,
    /// Name of the person or of the token; "directory".
    pub published_by: String,
}

/// A version without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Digest of the module's bytes, which identifies it.
    pub sha256: Sha256,
    /// What the module declares, its name included.
    pub manifest: Manifest,
    /// Whether it came from the directory or by the API.
    pub origin: Origin,
    /// File name or remote address.
    pub source: String,
    /// When it was published first, in epoch milliseconds.
    pub published_at: i64,
    /// Name of the person or of the token; "directory".
    pub published_by: String,
}

/// One rule's place in a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The rule.
    pub name: String,
    /// The version in force.
    pub sha256: Sha256,
    /// Ascending; ties by name.
    pub order: i32,
    /// What becomes of its hits.
    pub mode: Mode,
    /// Set explicitly; the manifest's defaults fill the rest.
    pub parameters: BTreeMap<String, String>,
    /// The directory brought it, so removing the file retires it.
    pub from_directory: bool,
    /// Why the breaker suspended it, if it did.
    pub suspended: Option<String>,
}

/// A revision with all of its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// Revision of the set.
    pub revision: Revision,
    /// Ascending by (order, name).
    pub entries: Vec<Entry>,
}

/// Who makes a change, why, and on which set it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    /// Name of the person or of the token; "directory" or "engine" (breaker).
    pub who: &'a str,
    /// In the person's own words, at most [`By::REASON`] characters; None: none was given.
    pub reason: Option<&'a str>,
    /// Revision that the change was decided on, which it is refused on any other; None: it is made on whatever set is newest.
    pub seen: Option<Revision>,
}

impl By<'_> {
    /// Characters of a reason at most.
    pub const REASON: usize = 500;
}

impl<'a> From<&'a str> for By<'a> {
    fn from(who: &'a str) -> Self {
        Self { who, reason: None, seen: None }
    }
}

/// An entry of the audit log: one change of the rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Audit {
    /// When the change was made, in epoch milliseconds.
    pub at: i64,
    /// Name of the person or of the token; "directory" or "engine" (breaker).
    pub who: String,
    /// publish, patch, rollback, retire, trip, suspend, repair.
    pub action: String,
    /// The rule.
    pub rule: String,
    /// The revision that it made.
    pub revision: u64,
    /// For a person: from which sha256 to which, which parameter.
    pub detail: String,
    /// Why, in the person's own words; None: no reason was given.
    pub reason: Option<String>,
}

/// A change of a rule, and the rule as the change left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// What was done, by whom and why.
    pub line: Audit,
    /// The rule in the set that the change made; None: it is in that set no more.
    pub entry: Option<Entry>,
    /// What the version of the entry says of itself; None: there is no entry, or the version is gone from the store.
    pub manifest: Option<Manifest>,
}

impl RuleChange {
    /// Newest changes of the whole set among which those of a rule are looked for.
    pub const LOOKED_AT: u64 = 1_000;
}

/// Result of a repair of the rule set's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Revision that the row said was in force; None: the row was gone.
    pub was: Option<Revision>,
    /// The highest revision of which anything was stored.
    pub highest: Revision,
    /// The revision whose entries were taken: `highest`, unless its rows are gone.
    pub taken: Revision,
    /// The set in force now.
    pub set: RuleSet,
}
