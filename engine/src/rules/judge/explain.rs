//! The details of flags. A record that stays valid leaves no trace of what was seen in it, and writing that costs more than
//! judging: details are asked for once it is known which rows become letters.

use std::sync::Arc;
use std::time::Instant;

use super::Judge;
use super::findings::cut;
use super::instances::{Caller, Details, Placed};
use super::isolate::only;
use super::observer::Observer;
use super::state::{RuleState, UNEXPLAINED_PAUSE};
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::model::record::{Batch, Column};
use crate::rules::live::LiveSet;
use crate::rules::module::contract::guest;
use crate::rules::module::cpu::Stopwatch;
use crate::rules::module::runtime::Failure;

/// Rows of a call: their details stay well within what a call may return, and a row that fails costs those of no more.
const ROWS: usize = 200;

impl<O: Observer> Judge<O> {
    /// Fills in the details of flags on these rows, which ascend, as do the findings; `set` is what found them. A rule that
    /// fails now has said before what it finds, and was counted then: its flags stay without a detail.
    pub fn explain(&mut self, set: &LiveSet, batch: &Batch, rows: &[u32], findings: &mut [Finding]) {
        if O::CONDUCT.details || !self.set.as_ref().is_some_and(|judged| std::ptr::eq(&**judged, set)) {
            return;
        }
        let mut bare = bare(rows, findings);
        for (at, rule) in set.rules.iter().enumerate().filter(|(_, rule)| rule.judges() && rule.mode == Mode::Live) {
            if bare.is_empty() {
                return;
            }
            let id = &self.states[at].id;
            let (of_rule, others): (Vec<_>, _) = bare.into_iter().partition(|&at| Arc::ptr_eq(&findings[at].rule, id));
            bare = others;
            let placed = Placed { at, rule };
            if !of_rule.is_empty() && self.instances.can_be_told(placed) {
                self.explain_rule(placed, batch, &of_rule, findings);
            }
        }
    }

    fn explain_rule(&mut self, placed: Placed<'_>, batch: &Batch, bare: &[usize], findings: &mut [Finding]) {
        let mut watch = Stopwatch::start();
        let mut rows: Vec<u32> = bare.iter().map(|&at| findings[at].row).collect();
        rows.dedup();
        let mut rest = bare;
        for rows in rows.chunks(ROWS) {
            let asked;
            (asked, rest) = rest.split_at(rest.partition_point(|&at| findings[at].row <= rows[rows.len() - 1]));
            let left_alone =
                self.states[placed.at].unexplained.is_some_and(|since| since.elapsed() < UNEXPLAINED_PAUSE);
            let answer = if left_alone { None } else { Some(self.ask_again(placed, batch, rows)) };
            let state = &mut self.states[placed.at];
            let failure = match answer {
                Some(Ok(hits)) => {
                    hits.into_iter().for_each(|hit| tell(state, hit, rows, asked, findings));
                    continue;
                }
                Some(Err(failure)) => {
                    state.unexplained = Some(Instant::now());
                    Some(failure)
                }
                None => None,
            };
            let failure = failure.as_ref().map(|failure| (failure.code, &*failure.message));
            self.observer.unexplained(placed.rule, asked.len(), failure);
        }
        self.observer.explained(placed.rule, watch.lap());
    }

    fn ask_again(&mut self, placed: Placed<'_>, batch: &Batch, rows: &[u32]) -> Result<Vec<guest::Hit>, Failure> {
        let some: Vec<Column> = placed.rule.fields.iter().map(|&id| only(batch.column(id), rows)).collect();
        let some: Vec<&Column> = some.iter().collect();
        // A detail is worth no wait for memory, so nobody is told of one.
        let mut caller = Caller { until: &mut || true, short_of_memory: &mut |_| {} };
        let mut call = || self.instances.call(placed, &some, rows.len(), Details::All, &mut caller);
        // Once more before it counts as a failure, as when it judges.
        let answer = call().or_else(|_| call());
        self.instances.given_up = false;
        answer
    }
}

/// Places of the findings on these rows that are flags and have no detail.
fn bare(rows: &[u32], findings: &[Finding]) -> Vec<usize> {
    let mut rows = rows.iter().copied().peekable();
    let mut bare = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        while rows.next_if(|&row| row < finding.row).is_some() {}
        match rows.peek() {
            None => break,
            Some(&row) if row > finding.row => {}
            Some(_) if finding.effect == Effect::Flag && finding.detail.is_empty() => bare.push(at),
            Some(_) => {}
        }
    }
    bare
}

/// Gives a hit's detail to its finding.
fn tell(state: &RuleState, hit: guest::Hit, rows: &[u32], bare: &[usize], findings: &mut [Finding]) {
    let (row, code) = (rows[hit.row as usize], &state.codes[usize::from(hit.code)].name);
    let from = bare.partition_point(|&at| findings[at].row < row);
    let of_row = bare[from..].iter().take_while(|&&at| findings[at].row == row);
    // A rule hits a row once with each of its codes; one that does so more often has no claim on time that no limit covers.
    let mut of_row = of_row.copied().take(state.codes.len());
    let found = of_row.find(|&at| Arc::ptr_eq(&findings[at].code, code) && findings[at].detail.is_empty());
    if let Some(at) = found {
        findings[at].detail = cut(hit.detail);
    }
}
