//! What came of one rule and one batch.

use std::collections::BTreeMap;

use super::account::Account;
use super::findings::finding;
use crate::config::OnFailure;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::rules::live::LiveRule;
use crate::rules::module::runtime::Failure;

#[derive(Default)]
pub(super) struct Verdict {
    pub(super) findings: Vec<Finding>,
    /// Of the rule's own codes, in the manifest's order; empty if there are none.
    pub(super) hits: Vec<u64>,
    /// No row lacks a field that the rule requires.
    pub(super) complete: bool,
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
    /// It failed as a whole, and what that cost is not worth what came of it: time, or nobody was found, or a shadow rule's.
    pub(super) dear: bool,
    /// How the whole batch failed, if it did.
    pub(super) whole: Option<Failure>,
    /// Failed rows by code, FIELD_MISSING included, whatever `on_failure` makes of them.
    pub(super) failures: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// The rule failed on this row.
    pub(super) fn fail(&mut self, account: &Account, rule: &LiveRule, row: usize, failure: Failure) {
        self.failed += 1;
        *self.failures.entry(failure.code).or_default() += 1;
        if rule.on_failure == OnFailure::DeadLetter {
            let (code, detail) = (failure.code.into(), failure.message.clone());
            self.findings.push(finding(account, row, code, Effect::DeadLetter, detail));
        }
        self.first.get_or_insert((row, failure));
    }

    /// Whether the pipeline stops here. A shadow rule acts on nothing.
    pub(super) fn halted(&self, rule: &LiveRule) -> bool {
        self.failed > 0 && rule.on_failure == OnFailure::Halt && rule.mode == Mode::Live
    }
}
