//! The details of flags. A record that stays valid leaves no trace of what was seen in it, and writing that costs more than
//! judging: details are asked for once it is known which rows become letters.

use std::sync::Arc;
use std::time::Instant;

use super::Judge;
use super::account::Account;
use super::alone::only;
use super::findings::cut;
use super::instances::Details;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::model::record::{Batch, Column};
use crate::rules::contract::guest;
use crate::rules::live::{LiveRule, LiveSet};

impl Judge {
    /// Fills in the details of flags on these rows, which ascend, as do the findings. A rule that fails now has said
    /// before what it finds, and was counted then: its flags stay without a detail.
    pub fn explain(&mut self, set: &LiveSet, batch: &Batch, rows: &[u32], findings: &mut [Finding]) {
        let mut bare = bare(rows, findings);
        if bare.is_empty() {
            return;
        }
        for rule in set.rules.iter().filter(|rule| rule.judges() && rule.mode == Mode::Live) {
            let Some(account) = self.accounts.get(&rule.id.sha256) else {
                continue;
            };
            let (of_rule, others) = bare.into_iter().partition(|&at| Arc::ptr_eq(&findings[at].rule, &account.id));
            bare = others;
            self.explain_rule(rule, batch, &of_rule, findings);
        }
    }

    fn explain_rule(&mut self, rule: &Arc<LiveRule>, batch: &Batch, bare: &[usize], findings: &mut [Finding]) {
        if bare.is_empty() {
            return;
        }
        let began = Instant::now();
        let mut rows: Vec<u32> = bare.iter().map(|&at| findings[at].row).collect();
        rows.dedup();
        let some: Vec<Column> = rule.fields.iter().map(|&id| only(batch.column(id), &rows)).collect();
        let some: Vec<&Column> = some.iter().collect();
        let answer = self.instances.call(rule, &some, rows.len(), Details::All);
        let account = self.accounts.get_mut(&rule.id.sha256).expect("its findings are of this account");
        for hit in answer.into_iter().flatten() {
            tell(account, hit, &rows, bare, findings);
        }
        account.spent(rule, began.elapsed());
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
    let found = of_row.copied().find(|&at| Arc::ptr_eq(&findings[at].code, code) && findings[at].detail.is_empty());
    if let Some(at) = found {
        findings[at].detail = cut(hit.detail);
    }
}
