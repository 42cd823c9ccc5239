//! The details of flags. A record that stays valid leaves no trace of what was seen in it, and writing that costs more than
//! judging: details are asked for once it is known which rows become letters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Judge;
use super::account::Account;
use super::alone::only;
use super::findings::cut;
use super::instances::Details;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::model::record::{Batch, Column};
use crate::rules::live::{LiveRule, LiveSet};
use crate::rules::module::contract::guest;
use crate::rules::module::cpu::Stopwatch;
use crate::rules::module::runtime::Failure;

/// Rows of a call: their details stay well within what a call may return, and a row that fails costs those of no more.
const ROWS: usize = 200;
/// How long a rule is left alone that failed: each try may take its whole time-out, twice.
const PAUSE: Duration = Duration::from_secs(10);

impl Judge {
    /// Fills in the details of flags on these rows, which ascend, as do the findings. A rule that fails now has said
    /// before what it finds, and was counted then: its flags stay without a detail.
    pub fn explain(&mut self, set: &LiveSet, batch: &Batch, rows: &[u32], findings: &mut [Finding]) {
        let mut bare = bare(rows, findings);
        for rule in set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Live) {
            if bare.is_empty() {
                return;
            }
            let Some(account) = self.accounts.get(&rule.id.sha256) else {
                continue;
            };
            let (of_rule, others): (Vec<_>, _) =
                bare.into_iter().partition(|&at| Arc::ptr_eq(&findings[at].rule, &account.id));
            bare = others;
            if !of_rule.is_empty() && self.instances.can_be_told(rule) {
                self.explain_rule(rule, batch, &of_rule, findings);
            }
        }
    }

    fn explain_rule(&mut self, rule: &Arc<LiveRule>, batch: &Batch, bare: &[usize], findings: &mut [Finding]) {
        let mut watch = Stopwatch::start();
        let mut rows: Vec<u32> = bare.iter().map(|&at| findings[at].row).collect();
        rows.dedup();
        let mut rest = bare;
        for rows in rows.chunks(ROWS) {
            let asked;
            (asked, rest) = rest.split_at(rest.partition_point(|&at| findings[at].row <= rows[rows.len() - 1]));
            let left_alone = self.accounts[&rule.id.sha256].unexplained.is_some_and(|since| since.elapsed() < PAUSE);
            let answer = if left_alone { None } else { Some(self.ask_again(rule, batch, rows)) };
            let account = self.accounts.get_mut(&rule.id.sha256).expect("its findings are of this account");
            match answer {
                Some(Ok(hits)) => {
                    hits.into_iter().for_each(|hit| tell(account, hit, rows, asked, findings));
                    continue;
                }
                Some(Err(Failure { code, message })) => {
                    account.unexplained = Some(Instant::now());
                    let (name, pause) = (&*account.id.name, PAUSE.as_secs());
                    tracing::warn!(rule = name, code, "for {pause} s flags of dead letters have no details: {message}");
                }
                None => {}
            }
            let rule = account.id.name.to_string();
            metrics::counter!("weir_unexplained_flags_total", "rule" => rule).increment(asked.len() as u64);
        }
        let account = self.accounts.get_mut(&rule.id.sha256).expect("its findings are of this account");
        account.spent(rule, watch.lap());
    }

    fn ask_again(&mut self, rule: &Arc<LiveRule>, batch: &Batch, rows: &[u32]) -> Result<Vec<guest::Hit>, Failure> {
        let some: Vec<Column> = rule.fields.iter().map(|&id| only(batch.column(id), rows)).collect();
        let some: Vec<&Column> = some.iter().collect();
        // Once more before it counts as a failure, as when it judges. A detail is worth no wait for memory.
        let mut call = || self.instances.call(rule, &some, rows.len(), Details::All, &mut || true);
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
fn tell(account: &Account, hit: guest::Hit, rows: &[u32], bare: &[usize], findings: &mut [Finding]) {
    let (row, code) = (rows[hit.row as usize], &account.codes[usize::from(hit.code)].name);
    let from = bare.partition_point(|&at| findings[at].row < row);
    let of_row = bare[from..].iter().take_while(|&&at| findings[at].row == row);
    // A rule hits a row once with each of its codes; one that does so more often has no claim on time that no limit covers.
    let mut of_row = of_row.copied().take(account.codes.len());
    let found = of_row.find(|&at| Arc::ptr_eq(&findings[at].code, code) && findings[at].detail.is_empty());
    if let Some(at) = found {
        findings[at].detail = cut(hit.detail);
    }
}
