//! The observer of the rules in force: counts into their statistics and metrics, reports rules that have to go to the
//! catalog, and tells an operator of rules that cost too much and of a host that is short of memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::observer::{Conduct, Observer, ShadowCost};
use super::state::UNEXPLAINED_PAUSE;
use super::verdict::Verdict;
use crate::conditions::Severity;
use crate::model::catalog::Mode;
use crate::model::finding::Effect;
use crate::model::ids::Revision;
use crate::model::record::Batch;
use crate::rules::live::{LiveRule, LiveSet, Trip};
use crate::rules::metrics::{add, count};
use crate::rules::module::runtime::{Runtime, thread_name};

/// The host has no memory for a rule's instance.
const NO_MEMORY: &str = "host.memory";
/// A live rule takes more than `rules.budget`.
const OVER_BUDGET: &str = "rules.over_budget";
/// Shadow rules judge samples only.
const SAMPLED: &str = "rules.shadow_sampled";

/// Counts what rules in force do, and reports those that have to go. One per worker.
pub struct LiveObserver {
    runtime: Arc<Runtime>,
    trips: mpsc::Sender<Trip>,
}

impl LiveObserver {
    /// `trips`: where the catalog hears of rules that have to go.
    pub fn new(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>) -> Self {
        Self { runtime, trips }
    }

    fn tell_budgets(&self, set: &LiveSet) {
        let (conditions, budget) = (&self.runtime.conditions, self.runtime.budget);
        for rule in set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Live) {
            let Some(cost) = rule.stats.look(Instant::now(), self.runtime.cost_window) else { continue };
            let name = &*rule.id.name;
            match cost.filter(|nanos| u128::from(*nanos) > budget.as_nanos()) {
                None => conditions.clear(OVER_BUDGET, name),
                Some(nanos) => {
                    let cost = Duration::from_nanos(nanos);
                    let text = format!(
                        "rule {name} takes {cost:.1?} of processor time a record, rules.budget allows {budget:?}: it still \
                         judges and slows all records down; make it faster, turn it off, or raise the budget"
                    );
                    conditions.raise(Severity::Warning, OVER_BUDGET, name, text);
                }
            }
        }
    }

    fn tell_sampled(&self, most: u64) {
        let (conditions, worker) = (&self.runtime.conditions, thread_name());
        if most == 1 {
            conditions.clear(SAMPLED, &worker);
            return;
        }
        // In steps of two, so that the log has no line every window.
        let text = format!(
            "the shadow rules together would take more than rules.shadow_budget ({:.0} % of a worker's time): they judge \
             samples, one batch in {} or more; GET /rules has each one's sampled_one_in",
            self.runtime.shadow_budget * 100.0,
            most.next_power_of_two() / 2
        );
        conditions.raise(Severity::Warning, SAMPLED, worker, text);
    }
}

/// Adds to the processor time that the rule took.
fn spent(rule: &LiveRule, took: Duration) {
    let took = took.as_nanos() as u64;
    add(&rule.stats.nanos, took);
    let nanos = || metrics::counter!("weir_rule_cpu_seconds_total", "rule" => rule.id.name.to_string());
    rule.metrics.nanos.get_or_init(nanos).increment(took);
}

/// Counts a batch of so many rows.
fn count_batch(rule: &LiveRule, rows: usize, verdict: &Verdict, took: Duration) {
    spent(rule, took);
    let (stats, name) = (&rule.stats, &rule.id.name);
    add(&stats.batches, 1);
    add(&stats.rows, rows as u64);
    if verdict.skipped > 0 {
        add(&stats.skipped, verdict.skipped as u64);
        metrics::counter!("weir_rule_skipped_records_total", "rule" => name.to_string())
            .increment(verdict.skipped as u64);
    }
    let counters = rule.manifest.codes.iter().zip(&rule.metrics.hits);
    for ((code, counter), &hits) in counters.zip(&verdict.hits).filter(|(_, hits)| **hits > 0) {
        count(&stats.hits, &code.name, hits);
        let counter = counter.get_or_init(|| {
            let mode = if rule.mode == Mode::Shadow { "shadow" } else { "live" };
            let effect = if code.effect == Effect::Flag { "flag" } else { "dead-letter" };
            let (rule, code) = (name.to_string(), code.name.clone());
            metrics::counter!("weir_rule_hits_total", "rule" => rule, "code" => code, "mode" => mode, "effect" => effect)
        });
        counter.increment(hits);
    }
    for (&code, &rows) in &verdict.failures {
        count(&stats.failures, code, rows);
        metrics::counter!("weir_rule_failures_total", "rule" => name.to_string(), "code" => code).increment(rows);
    }
    if rule.mode == Mode::Shadow {
        stats.sample(&verdict.findings);
    }
}

impl Observer for LiveObserver {
    const CONDUCT: Conduct = Conduct { thorough: false, details: false, one_instance: false };

    fn took_up(&mut self, set: &LiveSet, now: Instant) {
        let live = |name: &str| {
            set.rules.iter().any(|rule| &*rule.id.name == name && rule.mode == Mode::Live && rule.judges())
        };
        self.runtime.conditions.keep(OVER_BUDGET, live);
        set.rules.iter().filter(|rule| rule.judges()).for_each(|rule| rule.stats.begin(now));
    }

    fn swapped(&mut self, took: Duration) {
        metrics::histogram!("weir_rules_swap_wait_seconds").record(took.as_secs_f64());
    }

    /// The first findings of a shadow rule are kept as samples; apart from those it costs what it will cost.
    fn wants_details(&self, rule: &LiveRule) -> bool {
        rule.mode == Mode::Shadow && rule.stats.wants_samples()
    }

    fn judged(&mut self, rule: &Arc<LiveRule>, batch: &Batch, verdict: &Verdict, took: Duration) {
        count_batch(rule, batch.rows(), verdict, took);
    }

    fn short_of_memory(&mut self, rule: &LiveRule, why: Option<&str>) {
        let (conditions, worker) = (&self.runtime.conditions, thread_name());
        let Some(why) = why else {
            conditions.clear(NO_MEMORY, &worker);
            return;
        };
        let text = format!(
            "this machine has no memory for an instance of rule {} ({why}): the records wait; give the process more address \
             space and memory (ulimit -v, the container's limit), or run fewer rules or workers",
            rule.id.name
        );
        conditions.raise(Severity::NotReady, NO_MEMORY, worker, text);
    }

    fn explained(&mut self, rule: &LiveRule, took: Duration) {
        spent(rule, took);
    }

    fn unexplained(&mut self, rule: &LiveRule, flags: usize, failure: Option<(&'static str, &str)>) {
        let name = &*rule.id.name;
        if let Some((code, message)) = failure {
            let pause = UNEXPLAINED_PAUSE.as_secs();
            tracing::warn!(
                rule = name,
                code,
                "for {pause} s flags of dead letters and alerts have no details: {message}"
            );
        }
        metrics::counter!("weir_rule_unexplained_flags_total", "rule" => name.to_owned()).increment(flags as u64);
    }

    fn window_closed(&mut self, set: &LiveSet, shadows: &[ShadowCost]) {
        self.tell_budgets(set);
        let mut most = 1;
        for ShadowCost { rule, one_in, too_dear } in shadows {
            rule.stats.one_in.store(*one_in, Ordering::Relaxed);
            most = most.max(*one_in);
            let Some(part) = too_dear else { continue };
            let (part, share) = (part * 100.0, self.runtime.shadow_budget * 100.0);
            let message = format!(
                "over its budget: in shadow it alone would take {part:.0} % of a worker's time, rules.shadow_budget allows \
                 {share:.0} % for all shadow rules together"
            );
            let (rule, revision) = (rule.id.clone(), set.revision);
            // If the channel is full, the next window tells it again.
            let _ = self.trips.try_send(Trip { rule, revision, message, over_budget: true });
        }
        self.tell_sampled(most);
    }

    /// A full channel means that trips are waiting already; the next failing batch trips again.
    fn trip(&mut self, rule: &LiveRule, revision: Revision, message: String) -> bool {
        self.trips.try_send(Trip { rule: rule.id.clone(), revision, message, over_budget: false }).is_ok()
    }
}
