//! What stages find about a row, and what is done about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::Sha256;

/// Where a record was found wanting; the header `weir.stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It could not be read.
    Decode,
    /// A rule rejected it or failed on it.
    Rule,
    /// Its event time has no window that may still change.
    Window,
}

/// What the engine does with a record that a code hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It goes to the dead-letter topic.
    DeadLetter,
    /// It stays valid and is counted in `flagged`.
    Flag,
}

/// A fault that the engine itself finds in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stage that found it.
    pub stage: Stage,
    /// One of docs/dead-letters.md#codes: PARSE_JSON, FIELD_MISSING, …
    pub code: &'static str,
    /// For a person: the field, what was there and what is wanted.
    pub message: String,
}

/// The rule and module behind a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleId {
    /// Name of the rule, as its manifest has it.
    pub name: Arc<str>,
    /// Digest of the module.
    pub sha256: Sha256,
}

/// What a live rule says of one row: a hit, a failure on this very row (RULE_TRAP …), or a field that it requires and
/// the row lacks (FIELD_MISSING).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Row of the batch.
    pub row: u32,
    /// The rule that found it.
    pub rule: Arc<RuleId>,
    /// The rule's code, or the engine's for a failure.
    pub code: Arc<str>,
    /// What becomes of the record.
    pub effect: Effect,
    /// What was seen; may be empty. At most 256 bytes.
    pub detail: String,
}
