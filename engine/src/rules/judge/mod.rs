//! Judges batches on one worker: by every rule of the set, each contained, so that one that fails costs only the rows
//! that it fails on and no other rule's verdict. It counts nothing and acts on nothing: what happens is told to an
//! [`Observer`].

mod breaker;
mod budget;
mod explain;
mod findings;
mod instances;
mod isolate;
mod live;
mod observer;
mod state;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::breaker::Breaker;
use self::budget::{Budgets, Closed};
use self::instances::{Caller, Details, Instances, Placed};
use self::state::RuleState;
use super::live::{LiveSet, Trip};
use super::module::cpu::Stopwatch;
use super::module::runtime::Runtime;
use crate::model::catalog::Mode;
use crate::model::finding::Finding;
use crate::model::record::{Batch, Column};

pub use live::LiveObserver;
pub use observer::{Conduct, Observer, Recorder, RuleVerdict, ShadowCost};
pub use verdict::{Halt, Verdict};

/// A batch was not judged to its end, and counts as not judged at all.
#[derive(Debug, thiserror::Error)]
pub enum Unjudged {
    /// A rule failed whose `on_failure` is `halt`.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// Whoever asked has something else to do.
    #[error("the batch was given up before all rules had judged it")]
    Interrupted,
}

/// One worker's instances and what it knows of each rule. The observer says how rules are asked, and hears what they did.
pub struct Judge<O = LiveObserver> {
    instances: Instances,
    /// One for each rule of `set`, in its order.
    states: Vec<RuleState>,
    /// The set by which it judged last.
    set: Option<Arc<LiveSet>>,
    /// Places in `set` of the shadow rules that judge.
    shadows: Vec<usize>,
    budgets: Budgets,
    observer: O,
}

impl Judge {
    /// For live records, with no instance yet: each is made when its rule first judges. `trips`: see [`LiveObserver`].
    pub fn new(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>) -> Self {
        Self::stoppable(runtime, trips, Arc::default())
    }

    /// [`Judge::new`] with a stop: a call that runs when `stop` is set is given up within two ticks of 10 ms.
    pub fn stoppable(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>, stop: Arc<AtomicBool>) -> Self {
        Self::observed(runtime.clone(), LiveObserver::new(runtime, trips), stop)
    }
}

impl<O: Observer> Judge<O> {
    /// With an observer of the caller's own. A call that runs when `stop` is set is given up within two ticks of 10 ms.
    pub fn observed(runtime: Arc<Runtime>, observer: O, stop: Arc<AtomicBool>) -> Self {
        Self {
            budgets: Budgets::new(runtime.shadow_budget, runtime.cost_window),
            instances: Instances::new(runtime, stop),
            states: Vec::new(),
            set: None,
            shadows: Vec::new(),
            observer,
        }
    }

    /// Who is told what happens.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// What it was told.
    pub fn into_observer(self) -> O {
        self.observer
    }

    /// Appends what live rules find, sorted by row and rule order. Their flags may lack details: see [`Judge::explain`].
    ///
    /// # Errors
    /// A live rule failed whose `on_failure` is `halt`, and the judge is not thorough. Nothing is appended then.
    pub fn judge(&mut self, set: &Arc<LiveSet>, batch: &Batch, out: &mut Vec<Finding>) -> Result<(), Halt> {
        match self.judge_until(set, batch, out, &mut || false) {
            Err(Unjudged::Halt(halt)) => Err(halt),
            // Nobody interrupts it.
            Ok(()) | Err(Unjudged::Interrupted) => Ok(()),
        }
    }

    /// The same, given up when `until` says so: it is asked before each rule, and between the rows of a batch that failed.
    ///
    /// # Errors
    /// As [`Judge::judge`], or it was given up.
    pub fn judge_until(
        &mut self,
        set: &Arc<LiveSet>,
        batch: &Batch,
        out: &mut Vec<Finding>,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        let mut watch = Stopwatch::start();
        let swap = self.take_up(set);
        if let Some(closed) = self.budgets.batch(watch.read(), batch.rows()) {
            self.tell_costs(set, &closed);
        }
        let start = out.len();
        if let Err(why) = self.ask_all(set, batch, out, &mut watch, until) {
            out.truncate(start);
            return Err(why);
        }
        // Stable, so rule order holds within a row.
        out[start..].sort_by_key(|finding| finding.row);
        if let Some(took) = swap {
            self.observer.swapped(took + self.instances.making());
        }
        Ok(())
    }

    fn ask_all(
        &mut self,
        set: &LiveSet,
        batch: &Batch,
        out: &mut Vec<Finding>,
        watch: &mut Stopwatch,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        for (at, rule) in set.rules.iter().enumerate().filter(|(_, rule)| rule.judges()) {
            let live = rule.mode == Mode::Live;
            if live || O::CONDUCT.thorough {
                let (findings, _) = self.enter((set, at), batch, watch, until)?;
                if live {
                    out.extend(findings);
                }
            }
        }
        if O::CONDUCT.thorough {
            return Ok(());
        }
        // Shadow rules each in its turn, as long as there is credit: when it is used up, the rest is first with the batches
        // to come.
        for _ in 0..self.shadows.len() {
            if !self.budgets.allows_shadow() {
                break;
            }
            let at = self.shadows[self.budgets.turn % self.shadows.len()];
            self.budgets.turn = (self.budgets.turn + 1) % self.shadows.len();
            let (_, took) = self.enter((set, at), batch, watch, until)?;
            self.budgets.spend(set.rules[at].key, took, batch.rows());
        }
        Ok(())
    }

    /// Asks one rule and tells what came of it. Returns its findings and the processor time that it took.
    fn enter(
        &mut self,
        (set, at): (&LiveSet, usize),
        batch: &Batch,
        watch: &mut Stopwatch,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(Vec<Finding>, Duration), Unjudged> {
        let rule = &set.rules[at];
        if until() {
            return self.interrupted(set, at);
        }
        let all = O::CONDUCT.details || self.observer.wants_details(rule);
        let details = if all { Details::All } else { Details::DeadLetters };
        let verdict = self.ask(Placed { at, rule }, batch, details, until);
        if O::CONDUCT.one_instance {
            self.instances.clear();
        }
        // A thorough answer that came too late may be half of one: a search for rows ends when it is interrupted.
        if std::mem::take(&mut self.instances.given_up) || O::CONDUCT.thorough && until() {
            return self.interrupted(set, at);
        }
        let took = watch.lap();
        self.observer.judged(rule, batch, &verdict, took);
        let breaker = &mut self.states[at].breaker;
        // Who asked for a halt wants no other version, and no pipeline without the rule, after a restart.
        if breaker.trips(&verdict) && !verdict.halted(rule) && self.observer.trip(rule, set.revision, verdict.reason())
        {
            *breaker = Breaker::default();
        }
        match verdict.halt(rule, batch) {
            Some(halt) if !O::CONDUCT.thorough => Err(halt.into()),
            _ => Ok((verdict.findings, took)),
        }
    }

    fn interrupted(&mut self, set: &LiveSet, at: usize) -> Result<(Vec<Finding>, Duration), Unjudged> {
        if !O::CONDUCT.thorough {
            return Err(Unjudged::Interrupted);
        }
        self.observer.not_asked(&set.rules[at]);
        Ok((Vec::new(), Duration::ZERO))
    }

    fn ask(&mut self, placed: Placed<'_>, batch: &Batch, details: Details, until: &mut dyn FnMut() -> bool) -> Verdict {
        let rule = placed.rule;
        let columns: Vec<&Column> = rule.fields.iter().map(|&id| batch.column(id)).collect();
        let rows = batch.rows();
        let state = &mut self.states[placed.at];
        let mut verdict = findings::missing(state, rule, &columns, rows);
        let lacking = verdict.findings.len() + verdict.skipped;
        let observer = &mut self.observer;
        let mut short_of_memory = |why: Option<&str>| observer.short_of_memory(rule, why);
        let caller = &mut Caller { until, short_of_memory: &mut short_of_memory };
        let used = self.instances.used(placed);
        let mut answer = self.instances.call(placed, &columns, rows, details, caller);
        // Once more before blaming a row: memory may have leaked over batches.
        if answer.is_err() && used && !self.instances.given_up {
            answer = self.instances.call(placed, &columns, rows, details, caller);
        }
        match answer {
            Ok(hits) => {
                findings::keep((state, rule), &columns, hits, 0, &mut verdict);
                verdict.good += rows - lacking;
            }
            Err(_) if self.instances.given_up => {}
            Err(whole) => {
                let now = Instant::now();
                let bound = isolate::bound(rule, state.search_left(now));
                let asked = (&*state, placed, details);
                let (data, whole_bound) = ((&columns[..], rows), (&whole, bound));
                let took = isolate::row_by_row(&mut self.instances, asked, data, whole_bound, caller, &mut verdict);
                let (slow, nobody) = (whole.code == "RULE_TIMEOUT", verdict.failed == 0);
                // A live rule's search that found its rows is what lets the others pass: it may be made at each batch.
                if rule.mode == Mode::Shadow || nobody || verdict.rest.is_some() {
                    state.searched(now, took);
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

    fn tell_costs(&mut self, set: &LiveSet, closed: &Closed) {
        let cost = |&at: &usize| {
            let rule = &set.rules[at];
            ShadowCost { rule: rule.clone(), one_in: closed.one_in(&rule.key), too_dear: closed.too_dear(&rule.key) }
        };
        let shadows: Vec<_> = self.shadows.iter().map(cost).collect();
        self.observer.window_closed(set, &shadows);
    }

    /// Judges by this set from now on. Returns how long that took, if the set replaces another one. Sets are told apart by
    /// their place in memory: one that no catalog made has no number of its own, and a row that was fixed makes another
    /// set of the same number.
    fn take_up(&mut self, set: &Arc<LiveSet>) -> Option<Duration> {
        if self.set.as_ref().is_some_and(|judged| Arc::ptr_eq(judged, set)) {
            return None;
        }
        let began = Instant::now();
        let replaced = self.set.replace(set.clone());
        let before = replaced.as_ref().map_or(&[][..], |replaced| &replaced.rules);
        self.instances.take_up(before, &set.rules);
        // What the others did is no reason to begin anew with a rule: while many rules trip, each one's end is a new set.
        let mut known: Vec<_> = std::mem::take(&mut self.states).into_iter().map(Some).collect();
        let stays = |rule| before.iter().position(|other| other.is_as(rule));
        let state = |rule| stays(rule).and_then(|at| known[at].take()).unwrap_or_else(|| RuleState::of(rule));
        self.states = set.rules.iter().map(|rule| &**rule).map(state).collect();
        let shadow = |at: &usize| set.rules[*at].judges() && set.rules[*at].mode == Mode::Shadow;
        self.shadows = (0..set.rules.len()).filter(shadow).collect();
        self.observer.took_up(set, began);
        replaced.map(|_| began.elapsed())
    }
}
