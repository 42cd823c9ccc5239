//! What the page of a rule is asked for beside the rule, and two revisions of its history compared.

use serde::Deserialize;

use super::super::views::RuleHistoryView;
use super::rule_rows::{Differing, compare};

/// Changes that the page lists.
pub(super) const CHANGES: u32 = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RuleQuery {
    /// The revision that a change just made, to be told.
    pub(super) done: Option<u64>,
    /// Two revisions of its history that are compared.
    pub(super) from: Option<u64>,
    pub(super) to: Option<u64>,
}

/// What differs between two revisions.
pub(super) struct Compared {
    pub(super) from: u64,
    pub(super) to: u64,
    /// None: one of them is not among the changes.
    pub(super) rows: Option<Vec<Differing>>,
}

impl Compared {
    /// None: two revisions are not asked for, or the history is not known.
    pub(super) fn of(query: &RuleQuery, history: Option<&RuleHistoryView>) -> Option<Self> {
        let ((from, to), history) = query.from.zip(query.to).zip(history)?;
        Some(Self { from, to, rows: compare(history, from, to) })
    }
}
