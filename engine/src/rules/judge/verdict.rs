//! What one rule made of one batch. Plain data: `findings` and `isolate` fill it in.

use std::collections::BTreeMap;

use crate::config::OnFailure;
use crate::model::catalog::Mode;
use crate::model::finding::Finding;
use crate::model::ids::{Offset, Partition};
use crate::model::record::Batch;
use crate::rules::live::LiveRule;
use crate::rules::module::runtime::Failure;

/// A rule failed whose `on_failure` is `halt`.
#[derive(Debug, thiserror::Error)]
#[error(
    "rule {rule} failed on offset {offset} of partition {partition} and its on_failure is halt: {code}: {message}; \
     fix the rule and publish it, or set its on_failure to dead_letter or skip"
)]
pub struct Halt {
    /// Name of the rule.
    pub rule: String,
    /// Partition of the record.
    pub partition: Partition,
    /// Offset of the first record that the rule failed on.
    pub offset: Offset,
    /// How it failed, as `RULE_TRAP`.
    pub code: &'static str,
    /// What the runtime said, at most 1,000 characters.
    pub message: String,
}

/// What one rule made of one batch.
#[derive(Default)]
pub struct Verdict {
    /// Hits and failures, not sorted yet: rows that lack a field come first.
    pub findings: Vec<Finding>,
    /// Hits of each of the rule's codes, in the manifest's order; empty if there are none.
    pub hits: Vec<u64>,
    /// Rows that lack a field and pass unjudged.
    pub skipped: usize,
    /// Rows that the rule judged.
    pub good: usize,
    /// Rows that it failed on.
    pub failed: usize,
    /// Failed rows by code, FIELD_MISSING included, whatever `on_failure` makes of them.
    pub failures: BTreeMap<&'static str, u64>,
    /// No row lacks a field that the rule requires.
    pub(super) complete: bool,
    /// The first row that it failed on.
    pub(super) first: Option<(usize, Failure)>,
    /// How the rows failed that were not asked any more, past the bound of the search.
    pub(super) rest: Option<Failure>,
    /// The batch failed as a whole, and the search for the rows at fault was not worth its time: it found nobody, or the
    /// rule is a shadow rule.
    pub(super) dear: bool,
    /// How the whole batch failed, if it did.
    pub(super) whole: Option<Failure>,
}

impl Verdict {
    /// Whether a worker stops here. A shadow rule acts on nothing.
    pub(super) fn halted(&self, rule: &LiveRule) -> bool {
        self.failed > 0 && rule.on_failure == OnFailure::Halt && rule.mode == Mode::Live
    }

    /// Why a worker stops here, if it does.
    pub fn halt(&self, rule: &LiveRule, batch: &Batch) -> Option<Halt> {
        let (row, failure) = self.first.as_ref().filter(|_| self.halted(rule))?;
        let (partition, offset) = (batch.partition, batch.offsets[*row]);
        let (rule, message) = (rule.id.name.to_string(), failure.message.clone());
        Some(Halt { rule, partition, offset, code: failure.code, message })
    }

    /// Why the rule has to go, for the audit.
    pub(super) fn reason(&self) -> String {
        let failure = self.rest.as_ref().or(self.first.as_ref().map(|(_, failure)| failure));
        let failure = failure.or(self.whole.as_ref());
        failure.map(|failure| format!("{}: {}", failure.code, failure.message)).unwrap_or_default()
    }
}
