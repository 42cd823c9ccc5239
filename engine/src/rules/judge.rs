//! Judges batches on one worker: by every rule of the set, each contained, so that one that fails costs only the rows
//! that it fails on and no other rule's verdict.

mod account;
mod alone;
mod breaker;
mod explain;
mod findings;
mod instances;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::account::Account;
use self::breaker::Breaker;
use self::instances::{Details, Instances};
use self::verdict::Verdict;
use super::live::{LiveRule, LiveSet, Trip};
use super::runtime::Runtime;
use crate::model::catalog::Mode;
use crate::model::finding::Finding;
use crate::model::ids::{Offset, Partition, Revision, Sha256};
use crate::model::record::{Batch, Column};

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

/// What one rule says of a batch, whatever its mode.
pub struct RuleVerdict {
    pub rule: Arc<LiveRule>,
    /// Ascending by row.
    pub findings: Vec<Finding>,
    /// A worker would stop here.
    pub halt: Option<Halt>,
}

/// One worker's instances, breakers and accounts.
pub struct Judge {
    instances: Instances,
    breakers: HashMap<Sha256, Breaker>,
    accounts: HashMap<Sha256, Account>,
    trips: mpsc::Sender<Trip>,
    revision: Option<Revision>,
}

impl Judge {
    /// With no instance yet: each is made when its rule first judges.
    pub fn new(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>) -> Self {
        let instances = Instances::new(runtime);
        Self { instances, breakers: HashMap::new(), accounts: HashMap::new(), trips, revision: None }
    }

    /// Appends what the rules find, sorted by row and rule order. Flags of live rules may lack their details: see
    /// [`Judge::explain`].
    pub fn judge(&mut self, set: &Arc<LiveSet>, batch: &Batch, out: &mut Vec<Finding>) -> Result<(), Halt> {
        let forgetting = self.forget_old(set);
        let start = out.len();
        for rule in set.rules.iter().filter(|rule| rule.judges()) {
            let began = Instant::now();
            // The first hits of a shadow rule are kept as samples; apart from those it costs what it will cost.
            let sampled = rule.mode == Mode::Shadow && rule.figures.wants_samples();
            let details = if sampled { Details::All } else { Details::DeadLetters };
            let verdict = self.ask(rule, batch, details);
            self.record(set.revision, rule, batch, &verdict, began.elapsed());
            halt(rule, batch, &verdict)?;
            if rule.mode == Mode::Live {
                out.extend(verdict.findings);
            }
        }
        // Stable, so rule order holds within a row.
        out[start..].sort_by_key(|finding| finding.row);
        if let Some(forgetting) = forgetting {
            let waited = forgetting + self.instances.making();
            metrics::histogram!("weir_rules_swap_wait_seconds").record(waited.as_secs_f64());
        }
        Ok(())
    }

    /// What each rule that is neither off nor suspended says, shadow ones too; counts nothing and trips nothing.
    pub(super) fn each(&mut self, set: &Arc<LiveSet>, batch: &Batch) -> Vec<RuleVerdict> {
        self.forget_old(set);
        let mut all = Vec::new();
        for rule in set.rules.iter().filter(|rule| rule.judges()) {
            let verdict = self.ask(rule, batch, Details::All);
            let halt = halt(rule, batch, &verdict).err();
            let mut findings = verdict.findings;
            findings.sort_by_key(|finding| finding.row);
            all.push(RuleVerdict { rule: rule.clone(), findings, halt });
        }
        all
    }

    /// How long it took, if this set replaces another.
    fn forget_old(&mut self, set: &LiveSet) -> Option<Duration> {
        if self.revision == Some(set.revision) {
            return None;
        }
        let began = Instant::now();
        let replaced = self.revision.replace(set.revision);
        self.instances.forget_old(set);
        self.breakers.clear();
        self.accounts.clear();
        replaced.map(|_| began.elapsed())
    }

    fn ask(&mut self, rule: &Arc<LiveRule>, batch: &Batch, details: Details) -> Verdict {
        let columns: Vec<&Column> = rule.fields.iter().map(|&id| batch.column(id)).collect();
        let rows = batch.rows();
        let account = &*self.accounts.entry(rule.id.sha256).or_insert_with(|| Account::of(rule));
        let mut verdict = findings::missing(account, rule, &columns, rows);
        let lacking = verdict.findings.len() + verdict.skipped;
        // Once more before blaming a row: time is wall time, and memory may have leaked over batches.
        let mut call = || self.instances.call(rule, &columns, rows, details);
        match call().or_else(|_| call()) {
            Ok(hits) => {
                findings::keep((account, rule), &columns, hits, 0, &mut verdict);
                verdict.good += rows - lacking;
            }
            Err(whole) => {
                let asked = (account, rule, details);
                alone::row_by_row(&mut self.instances, asked, &columns, rows, &whole, &mut verdict);
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
        let message = failure.map(|failure| format!("{}: {}", failure.code, failure.message)).unwrap_or_default();
        // A full channel means that trips are waiting already; the next failing batch trips again.
        if self.trips.try_send(Trip { rule: rule.id.clone(), revision, message }).is_ok() {
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
