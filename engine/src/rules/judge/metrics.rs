//! What one worker knows of one rule: what its findings share, and the counters. Each worker has its own, for the count of
//! references to something that all of them share would be what their processors wait for most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Counter;

use super::verdict::Verdict;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, RuleId};
use crate::rules::live::{Figures, LiveRule};

const MINUTE: Duration = Duration::from_secs(60);
/// Processor time that a worker gives a rule within a minute to find out which rows it fails on, and all that it finds is
/// nobody, or too many, or a shadow rule's.
pub(super) const SEARCHES: Duration = Duration::from_secs(2);

/// Of the rule as it stands in one revision.
pub(super) struct Account {
    pub(super) id: Arc<RuleId>,
    /// In the manifest's order.
    pub(super) codes: Vec<Code>,
    nanos: Option<Counter>,
    /// When it last failed as it was asked for details.
    pub(super) unexplained: Option<Instant>,
    /// Since when, and how much processor time, rows were asked one by one.
    searched: Option<(Instant, Duration)>,
}

/// One of the rule's own codes.
pub(super) struct Code {
    pub(super) name: Arc<str>,
    pub(super) effect: Effect,
    /// Made at the first hit: what never hit is not among the metrics.
    hits: Option<Counter>,
}

impl Account {
    pub(super) fn of(rule: &LiveRule) -> Self {
        let codes = rule.manifest.codes.iter();
        Self {
            id: Arc::new(RuleId::clone(&rule.id)),
            codes: codes.map(|code| Code { name: (*code.name).into(), effect: code.effect, hits: None }).collect(),
            nanos: None,
            unexplained: None,
            searched: None,
        }
    }

    /// What is left of a minute's budget for searches.
    pub(super) fn search_left(&self, now: Instant) -> Duration {
        match self.searched {
            Some((since, took)) if now.saturating_duration_since(since) < MINUTE => SEARCHES.saturating_sub(took),
            _ => SEARCHES,
        }
    }

    pub(super) fn searched(&mut self, now: Instant, took: Duration) {
        self.searched = Some(match self.searched {
            Some((since, before)) if now.saturating_duration_since(since) < MINUTE => (since, before + took),
            _ => (now, took),
        });
    }

    /// Adds to the time that the rule took.
    pub(super) fn spent(&mut self, rule: &LiveRule, took: Duration) {
        let took = took.as_nanos() as u64;
        Figures::add(&rule.figures.nanos, took);
        let nanos = || metrics::counter!("weir_judge_nanoseconds_total", "rule" => self.id.name.to_string());
        self.nanos.get_or_insert_with(nanos).increment(took);
    }

    /// Once per batch: the figures of the admin API and the metrics.
    pub(super) fn enter(&mut self, rule: &LiveRule, verdict: &Verdict, rows: usize, took: Duration) {
        self.spent(rule, took);
        let (figures, name) = (&rule.figures, &self.id.name);
        Figures::add(&figures.batches, 1);
        Figures::add(&figures.rows, rows as u64);
        if verdict.skipped > 0 {
            Figures::add(&figures.skipped, verdict.skipped as u64);
            metrics::counter!("weir_rule_skipped_total", "rule" => name.to_string()).increment(verdict.skipped as u64);
        }
        let mode = if rule.mode == Mode::Shadow { "shadow" } else { "live" };
        for (code, &hits) in self.codes.iter_mut().zip(&verdict.hits).filter(|(_, hits)| **hits > 0) {
            Figures::count(&figures.hits, &code.name, hits);
            let counter = code.hits.get_or_insert_with(|| {
                let (rule, code) = (name.to_string(), code.name.to_string());
                metrics::counter!("weir_rule_hits_total", "rule" => rule, "code" => code, "mode" => mode)
            });
            counter.increment(hits);
        }
        for (&code, &rows) in &verdict.failures {
            Figures::count(&figures.failures, code, rows);
            metrics::counter!("weir_rule_failures_total", "rule" => name.to_string(), "code" => code).increment(rows);
        }
        if rule.mode == Mode::Shadow {
            figures.sample(&verdict.findings);
        }
    }
}
