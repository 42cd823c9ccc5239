//! Judges batches on one worker: by every rule of the set, each contained, so that one that fails costs only the rows
//! that it fails on and no other rule's verdict.

mod account;
mod alone;
mod breaker;
mod budget;
mod explain;
mod findings;
mod instances;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::account::Account;
use self::breaker::Breaker;
use self::budget::{Budgets, Closed, WINDOW};
use self::instances::{Details, Instances};
use self::verdict::Verdict;
use super::live::{LiveRule, LiveSet, Trip};
use super::module::cpu::Stopwatch;
use super::module::runtime::Runtime;
use crate::conditions::Severity;
use crate::model::catalog::Mode;
use crate::model::finding::Finding;
use crate::model::ids::{Offset, Partition, Revision, Sha256};
use crate::model::record::{Batch, Column};

/// A live rule takes more than `rules.budget`.
const OVER_BUDGET: &str = "rules.over_budget";
/// Shadow rules judge samples only.
const SAMPLED: &str = "rules.shadow_sampled";

/// A rule failed whose `on_failure` is `halt`.
#[derive(Debug, thiserror::Error)]
#[error(
    "rule {rule} failed on offset {offset} of partition {partition} and its on_failure is halt: {code}: {message}; \
     mend the rule and publish it, or set its on_failure to dead_letter or skip"
)]
pub struct Halt {
    pub rule: String,
    pub partition: Partition,
    pub offset: Offset,
    pub code: &'static str,
    pub message: String,
}

/// A batch was not judged to its end, and counts as not judged at all.
#[derive(Debug, thiserror::Error)]
pub enum Unjudged {
    #[error(transparent)]
    Halt(#[from] Halt),
    #[error("the batch was given up before all rules had judged it")]
    Interrupted,
}

/// What one rule says of a batch, whatever its mode.
pub struct RuleVerdict {
    pub rule: Arc<LiveRule>,
    /// Ascending by row.
    pub findings: Vec<Finding>,
    /// A worker would stop here.
    pub halt: Option<Halt>,
    /// False: the time that all rules have together was up.
    pub asked: bool,
}

/// One worker's instances, breakers and accounts.
pub struct Judge {
    instances: Instances,
    breakers: HashMap<Sha256, Breaker>,
    accounts: HashMap<Sha256, Account>,
    trips: mpsc::Sender<Trip>,
    /// By which it judged last.
    set: Option<Arc<LiveSet>>,
    /// Of that set.
    shadows: Vec<Arc<LiveRule>>,
    budgets: Budgets,
    runtime: Arc<Runtime>,
}

impl Judge {
    /// With no instance yet: each is made when its rule first judges.
    pub fn new(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>) -> Self {
        Self::stoppable(runtime, trips, Arc::default())
    }

    /// A call that runs when this is set is given up within two ticks of 10 ms.
    pub fn stoppable(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>, stop: Arc<AtomicBool>) -> Self {
        Self {
            instances: Instances::new(runtime.clone(), stop),
            breakers: HashMap::new(),
            accounts: HashMap::new(),
            trips,
            set: None,
            shadows: Vec::new(),
            budgets: Budgets::new(runtime.shadow_budget),
            runtime,
        }
    }

    /// Appends what the rules find, sorted by row and rule order. Flags of live rules may lack their details: see
    /// [`Judge::explain`].
    pub fn judge(&mut self, set: &Arc<LiveSet>, batch: &Batch, out: &mut Vec<Finding>) -> Result<(), Halt> {
        match self.judge_until(set, batch, out, &mut || false) {
            Err(Unjudged::Halt(halt)) => Err(halt),
            // Nobody interrupts it.
            Ok(()) | Err(Unjudged::Interrupted) => Ok(()),
        }
    }

    /// The same, given up when `until` says so: it is asked before each rule, and between the rows of a batch that failed.
    /// Nothing is appended then.
    pub fn judge_until(
        &mut self,
        set: &Arc<LiveSet>,
        batch: &Batch,
        out: &mut Vec<Finding>,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        let mut watch = Stopwatch::start();
        let forgetting = self.forget_old(set);
        if let Some(closed) = self.budgets.batch(watch.read(), batch.rows()) {
            self.look_at_budgets(set, &closed);
        }
        let start = out.len();
        for rule in set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Live) {
            match self.enter((set.revision, rule), batch, Details::DeadLetters, &mut watch, until) {
                Ok((verdict, _)) => out.extend(verdict.findings),
                Err(why) => {
                    out.truncate(start);
                    return Err(why);
                }
            }
        }
        if let Err(why) = self.judge_shadows(set.revision, batch, &mut watch, until) {
            out.truncate(start);
            return Err(why);
        }
        // Stable, so rule order holds within a row.
        out[start..].sort_by_key(|finding| finding.row);
        if let Some(forgetting) = forgetting {
            let waited = forgetting + self.instances.making();
            metrics::histogram!("weir_rules_swap_wait_seconds").record(waited.as_secs_f64());
        }
        Ok(())
    }

    /// Each in its turn, as long as there is credit: when it is used up, the rest is first with the batches to come.
    fn judge_shadows(
        &mut self,
        revision: Revision,
        batch: &Batch,
        watch: &mut Stopwatch,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        for _ in 0..self.shadows.len() {
            if !self.budgets.allows_shadow() {
                break;
            }
            let rule = self.shadows[self.budgets.turn % self.shadows.len()].clone();
            self.budgets.turn = (self.budgets.turn + 1) % self.shadows.len();
            // The first hits are kept as samples; apart from those it costs what it will cost.
            let details = if rule.figures.wants_samples() { Details::All } else { Details::DeadLetters };
            let (_, took) = self.enter((revision, &rule), batch, details, watch, until)?;
            self.budgets.spend(rule.id.sha256, took, batch.rows());
        }
        Ok(())
    }

    /// Asks one rule and counts what came of it.
    fn enter(
        &mut self,
        (revision, rule): (Revision, &Arc<LiveRule>),
        batch: &Batch,
        details: Details,
        watch: &mut Stopwatch,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(Verdict, Duration), Unjudged> {
        if until() {
            return Err(Unjudged::Interrupted);
        }
        let verdict = self.ask(rule, batch, details, until);
        if std::mem::take(&mut self.instances.given_up) {
            return Err(Unjudged::Interrupted);
        }
        let took = watch.lap();
        self.record(revision, rule, batch, &verdict, took);
        halt(rule, batch, &verdict)?;
        Ok((verdict, took))
    }

    /// Once a window: who costs too much is told, and a shadow rule that does so alone is suspended.
    fn look_at_budgets(&mut self, set: &LiveSet, closed: &Closed) {
        let (conditions, budget) = (&self.runtime.conditions, self.runtime.budget);
        for rule in set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Live) {
            let Some(cost) = rule.figures.look(Instant::now(), WINDOW) else { continue };
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
        let mut most = 1;
        for rule in &self.shadows {
            let one_in = closed.one_in(&rule.id.sha256);
            rule.figures.one_in.store(one_in, Ordering::Relaxed);
            most = most.max(one_in);
            let Some(part) = closed.too_dear(&rule.id.sha256) else { continue };
            let (part, share) = (part * 100.0, self.runtime.shadow_budget * 100.0);
            let message = format!(
                "over its budget: in shadow it alone would take {part:.0} % of a worker's time, rules.shadow_budget allows \
                 {share:.0} % for all shadow rules together"
            );
            let (rule, revision) = (rule.id.clone(), set.revision);
            // If the channel is full, the next window tells it again.
            let _ = self.trips.try_send(Trip { rule, revision, message, over_budget: true });
        }
        let worker = instances::worker();
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

    /// What each rule that is neither off nor suspended says, shadow ones too; counts nothing and trips nothing.
    /// Once `until` says so, the rest is not asked.
    pub(super) fn each(
        &mut self,
        set: &Arc<LiveSet>,
        batch: &Batch,
        until: &mut dyn FnMut() -> bool,
    ) -> Vec<RuleVerdict> {
        self.forget_old(set);
        let mut all = Vec::new();
        for rule in set.rules.iter().filter(|rule| rule.judges()) {
            let verdict = match until() {
                true => Verdict::default(),
                false => self.ask(rule, batch, Details::All, until),
            };
            let asked = !std::mem::take(&mut self.instances.given_up) && !until();
            // One at a time: each may hold `rules.memory`.
            self.instances.clear();
            if !asked {
                all.push(RuleVerdict { rule: rule.clone(), findings: Vec::new(), halt: None, asked });
                continue;
            }
            let halt = halt(rule, batch, &verdict).err();
            let mut findings = verdict.findings;
            findings.sort_by_key(|finding| finding.row);
            all.push(RuleVerdict { rule: rule.clone(), findings, halt, asked });
        }
        all
    }

    /// How long it took, if this set replaces another.
    fn forget_old(&mut self, set: &Arc<LiveSet>) -> Option<Duration> {
        if self.set.as_ref().is_some_and(|judged| judged.revision == set.revision) {
            return None;
        }
        let began = Instant::now();
        let replaced = self.set.replace(set.clone());
        self.instances.forget_old(set);
        // What the others did is no reason to begin anew with a rule: while many rules trip, each one's end is a new set.
        let before = replaced.as_ref().map_or(&[][..], |replaced| &replaced.rules);
        let of = |rules: &[Arc<LiveRule>], sha256| rules.iter().find(|rule| rule.id.sha256 == sha256).cloned();
        let stays = |sha256: &Sha256| match (of(before, *sha256), of(&set.rules, *sha256)) {
            (Some(old), Some(new)) => old.is_as(&new),
            _ => false,
        };
        self.breakers.retain(|sha256, _| stays(sha256));
        self.accounts.retain(|sha256, _| stays(sha256));
        self.shadows = set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Shadow).cloned().collect();
        let live = |name: &str| {
            set.rules.iter().any(|rule| &*rule.id.name == name && rule.mode == Mode::Live && rule.judges())
        };
        self.runtime.conditions.keep(OVER_BUDGET, live);
        set.rules.iter().filter(|rule| rule.judges()).for_each(|rule| rule.figures.begin(began));
        replaced.map(|_| began.elapsed())
    }

    fn ask(
        &mut self,
        rule: &Arc<LiveRule>,
        batch: &Batch,
        details: Details,
        until: &mut dyn FnMut() -> bool,
    ) -> Verdict {
        let columns: Vec<&Column> = rule.fields.iter().map(|&id| batch.column(id)).collect();
        let rows = batch.rows();
        let account = self.accounts.entry(rule.id.sha256).or_insert_with(|| Account::of(rule));
        let mut verdict = findings::missing(account, rule, &columns, rows);
        let lacking = verdict.findings.len() + verdict.skipped;
        let used = self.instances.used(rule);
        let mut answer = self.instances.call(rule, &columns, rows, details, until);
        // Once more before blaming a row: memory may have leaked over batches.
        if answer.is_err() && used && !self.instances.given_up {
            answer = self.instances.call(rule, &columns, rows, details, until);
        }
        match answer {
            Ok(hits) => {
                findings::keep((account, rule), &columns, hits, 0, &mut verdict);
                verdict.good += rows - lacking;
            }
            Err(_) if self.instances.given_up => {}
            Err(whole) => {
                let now = Instant::now();
                let bound = alone::bound(rule, account.search_left(now));
                let asked = (&*account, rule, details);
                let (data, whole_bound) = ((&columns[..], rows), (&whole, bound));
                let took = alone::row_by_row(&mut self.instances, asked, data, whole_bound, until, &mut verdict);
                let (slow, nobody) = (whole.code == "RULE_TIMEOUT", verdict.failed == 0);
                // A live rule's search that found its rows is what lets the others pass: it may be made at each batch.
                if rule.mode == Mode::Shadow || nobody || verdict.rest.is_some() {
                    account.searched(now, took);
                }
                // A live rule that a value in a thousand hangs still judges the others: its time is bounded, and taken out of
                // force it would be a check that is off.
                let worthless = nobody || rule.mode == Mode::Shadow;
                // It may have failed on rows that it does not apply to, which are never its fault.
                let excused = nobody && !verdict.complete && !slow;
                verdict.dear = rows > 1 && worthless && !excused;
                verdict.whole = Some(whole);
            }
        }
        verdict
    }

    fn record(&mut self, revision: Revision, rule: &LiveRule, batch: &Batch, verdict: &Verdict, took: Duration) {
        let account = self.accounts.entry(rule.id.sha256).or_insert_with(|| Account::of(rule));
        account.enter(rule, verdict, batch.rows(), took);
        let breaker = self.breakers.entry(rule.id.sha256).or_default();
        // Who asked for a halt wants no other version, and no pipeline without the rule, after a restart.
        if !breaker.trips(verdict) || verdict.halted(rule) {
            return;
        }
        let failure = verdict.rest.as_ref().or(verdict.first.as_ref().map(|(_, failure)| failure));
        let message = failure.or(verdict.whole.as_ref());
        let message = message.map(|failure| format!("{}: {}", failure.code, failure.message)).unwrap_or_default();
        // A full channel means that trips are waiting already; the next failing batch trips again.
        if self.trips.try_send(Trip { rule: rule.id.clone(), revision, message, over_budget: false }).is_ok() {
            *breaker = Breaker::default();
        }
    }
}

fn halt(rule: &LiveRule, batch: &Batch, verdict: &Verdict) -> Result<(), Halt> {
    let Some((row, failure)) = verdict.first.as_ref().filter(|_| verdict.halted(rule)) else {
        return Ok(());
    };
    let (partition, offset) = (batch.partition, batch.offsets[*row]);
    let (rule, message) = (rule.id.name.to_string(), failure.message.clone());
    Err(Halt { rule, partition, offset, code: failure.code, message })
}
