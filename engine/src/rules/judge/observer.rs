//! Who watches rules judge. [`Judge`](super::Judge) counts nothing and acts on nothing by itself: it tells its observer,
//! which is known at compile time. [`LiveObserver`](super::LiveObserver) counts and acts, [`Recorder`] keeps, `()` ignores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::verdict::{Halt, Verdict};
use crate::model::finding::Finding;
use crate::model::ids::Revision;
use crate::model::record::Batch;
use crate::rules::live::{LiveRule, LiveSet};

/// How rules are asked on behalf of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// Every rule that is not off judges every batch: shadow rules are not sampled, and a halt or an interruption is told
    /// and ends nothing. Otherwise either one leaves the batch unjudged.
    pub thorough: bool,
    /// Flags have their details at once. Otherwise only dead letters have, and flags by [`Judge::explain`](super::Judge::explain).
    pub details: bool,
    /// An instance is dropped once its rule has judged, for each may hold `rules.memory`. Otherwise it judges the batches
    /// to come.
    pub one_instance: bool,
}

/// Told by a judge what happens. Every method but [`Observer::judged`] does nothing unless it is written.
pub trait Observer {
    /// How rules are asked.
    const CONDUCT: Conduct;

    /// The next batches are judged by this set.
    fn took_up(&mut self, set: &LiveSet, now: Instant) {
        let _ = (set, now);
    }

    /// The first batch of a set that replaced another one is judged; its instances took this long to be made.
    fn swapped(&mut self, took: Duration) {
        let _ = took;
    }

    /// Whether this rule writes the details of its flags at once, though the conduct says otherwise.
    fn wants_details(&self, rule: &LiveRule) -> bool {
        let _ = rule;
        false
    }

    /// A rule judged a batch in this processor time.
    fn judged(&mut self, rule: &Arc<LiveRule>, batch: &Batch, verdict: &Verdict, took: Duration);

    /// A thorough judge was interrupted before or while this rule judged.
    fn not_asked(&mut self, rule: &Arc<LiveRule>) {
        let _ = rule;
    }

    /// The host has no memory for an instance of this rule, and why: the batch waits. None: it has again, or the batch was
    /// given up.
    fn short_of_memory(&mut self, rule: &LiveRule, why: Option<&str>) {
        let _ = (rule, why);
    }

    /// A rule took this processor time to write details.
    fn explained(&mut self, rule: &LiveRule, took: Duration) {
        let _ = (rule, took);
    }

    /// So many flags stay without details. `failure`: code and message, if the rule was asked for them.
    fn unexplained(&mut self, rule: &LiveRule, flags: usize, failure: Option<(&'static str, &str)>) {
        let _ = (rule, flags, failure);
    }

    /// A window of costs is over: what the shadow rules took of it.
    fn window_closed(&mut self, set: &LiveSet, shadows: &[ShadowCost]) {
        let _ = (set, shadows);
    }

    /// A rule fails so steadily that it has to go. False: nobody heard it, and the next failing batch says it again.
    fn trip(&mut self, rule: &LiveRule, revision: Revision, reason: String) -> bool {
        let _ = (rule, revision, reason);
        true
    }
}

/// What a shadow rule cost a worker within a window.
pub struct ShadowCost {
    /// The rule.
    pub rule: Arc<LiveRule>,
    /// It judges one batch in this many.
    pub one_in: u64,
    /// The part of the worker's time that this rule alone would take if it judged every record, 0 to 1 and more; None: it
    /// is within the share that all shadow rules have together.
    pub too_dear: Option<f64>,
}

/// Nobody is told.
impl Observer for () {
    const CONDUCT: Conduct = Conduct { thorough: false, details: false, one_instance: false };

    fn judged(&mut self, _: &Arc<LiveRule>, _: &Batch, _: &Verdict, _: Duration) {}
}

/// What one rule says of a batch, whatever its mode.
pub struct RuleVerdict {
    /// The rule.
    pub rule: Arc<LiveRule>,
    /// Findings, ascending by row.
    pub findings: Vec<Finding>,
    /// Why a worker would stop here.
    pub halt: Option<Halt>,
    /// False: the time that all rules have together was up.
    pub asked: bool,
}

/// Keeps what each rule says, shadow rules too, with all details; counts nothing and trips nothing.
#[derive(Default)]
pub struct Recorder {
    /// One for each rule that is not off and each batch, in the order in which they were asked.
    pub verdicts: Vec<RuleVerdict>,
}

impl Observer for Recorder {
    const CONDUCT: Conduct = Conduct { thorough: true, details: true, one_instance: true };

    fn judged(&mut self, rule: &Arc<LiveRule>, batch: &Batch, verdict: &Verdict, _: Duration) {
        let mut findings = verdict.findings.clone();
        findings.sort_by_key(|finding| finding.row);
        self.verdicts.push(RuleVerdict { rule: rule.clone(), findings, halt: verdict.halt(rule, batch), asked: true });
    }

    fn not_asked(&mut self, rule: &Arc<LiveRule>) {
        self.verdicts.push(RuleVerdict { rule: rule.clone(), findings: Vec::new(), halt: None, asked: false });
    }
}
