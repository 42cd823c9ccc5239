//! What one worker knows of one rule: what the rule's findings share, its breaker, and the time that searches took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::Breaker;
use crate::model::finding::{Effect, RuleId};
use crate::rules::live::LiveRule;

const MINUTE: Duration = Duration::from_secs(60);
/// Processor time within a minute in which a worker may search for the rows that a rule fails on, if all that it finds is
/// nobody, or too many, or a shadow rule's.
pub(super) const SEARCHES: Duration = Duration::from_secs(2);

/// How long a rule is left alone that failed while it was asked for details: each try may take its whole time-out, twice.
pub(super) const UNEXPLAINED_PAUSE: Duration = Duration::from_secs(10);

/// Per-worker state of a rule as it is in the set. One per worker, because an `Arc` that every core clones makes its
/// reference count the most contended cache line of the engine.
pub(super) struct RuleState {
    /// Shared by the rule's findings of this worker.
    pub(super) id: Arc<RuleId>,
    /// In the manifest's order.
    pub(super) codes: Vec<Code>,
    /// Counts the batches that fail.
    pub(super) breaker: Breaker,
    /// When the rule last failed while it was asked for details.
    pub(super) unexplained: Option<Instant>,
    /// When the minute of searches began, and their processor time since.
    searched: Option<(Instant, Duration)>,
}

/// One of the rule's own codes.
pub(super) struct Code {
    pub(super) name: Arc<str>,
    pub(super) effect: Effect,
}

impl RuleState {
    /// Nothing is known yet.
    pub(super) fn of(rule: &LiveRule) -> Self {
        let codes = rule.manifest.codes.iter();
        Self {
            id: Arc::new(RuleId::clone(&rule.id)),
            codes: codes.map(|code| Code { name: (*code.name).into(), effect: code.effect }).collect(),
            breaker: Breaker::default(),
            unexplained: None,
            searched: None,
        }
    }

    /// Processor time that is left of this minute for searches.
    pub(super) fn search_left(&self, now: Instant) -> Duration {
        match self.searched {
            Some((since, took)) if now.saturating_duration_since(since) < MINUTE => SEARCHES.saturating_sub(took),
            _ => SEARCHES,
        }
    }

    /// Counts a search.
    pub(super) fn searched(&mut self, now: Instant, took: Duration) {
        self.searched = Some(match self.searched {
            Some((since, before)) if now.saturating_duration_since(since) < MINUTE => (since, before + took),
            _ => (now, took),
        });
    }
}
