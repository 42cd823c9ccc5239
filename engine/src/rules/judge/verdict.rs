//! What came of one rule and one batch.

use std::collections::BTreeMap;

use crate::config::OnFailure;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::rules::live::LiveRule;
use crate::rules::runtime::Failure;

#[derive(Default)]
pub(super) struct Verdict {
    pub(super) findings: Vec<Finding>,
    /// Rows that lack a field and pass unjudged.
    pub(super) skipped: usize,
    /// Rows that the rule judged.
    pub(super) good: usize,
    /// Rows that it failed on.
    pub(super) failed: usize,
    /// The first of them.
    pub(super) first: Option<(usize, Failure)>,
    /// How the rows failed that were not asked any more, past the bound.
    pub(super) rest: Option<Failure>,
    /// Failed rows by code, FIELD_MISSING included, whatever `on_failure` makes of them.
    pub(super) failures: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// Before the rule is asked: `missing` fail closed for want of a field.
    pub(super) fn of((missing, skipped): (Vec<Finding>, usize)) -> Self {
        let mut failures = BTreeMap::new();
        if !missing.is_empty() {
            failures.insert("FIELD_MISSING", missing.len() as u64);
        }
        Self { findings: missing, skipped, failures, ..Self::default() }
    }

    /// So many rows judged.
    pub(super) fn pass(&mut self, hits: Vec<Finding>, rows: usize) {
        self.findings.extend(hits);
        self.good += rows;
    }

    /// The rule failed on this row.
    pub(super) fn fail(&mut self, rule: &LiveRule, row: usize, failure: Failure) {
        self.failed += 1;
        *self.failures.entry(failure.code).or_default() += 1;
        if rule.on_failure == OnFailure::DeadLetter {
            let (code, effect) = (failure.code.into(), Effect::DeadLetter);
            self.findings.push(super::findings::finding(rule, row, code, effect, &failure.message));
        }
        self.first.get_or_insert((row, failure));
    }

    /// Whether the pipeline stops here. A shadow rule acts on nothing.
    pub(super) fn halted(&self, rule: &LiveRule) -> bool {
        self.failed > 0 && rule.on_failure == OnFailure::Halt && rule.mode == Mode::Live
    }
}
