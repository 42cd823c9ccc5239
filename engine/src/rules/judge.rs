//! Judges batches on one worker: instances reused, thrown away at any failure, and the blame narrowed to rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::contract::{self, guest};
use super::live::{LiveRule, LiveSet, Trip};
use super::runtime::{Failure, Instance, Runtime};
use crate::config::OnFailure;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Finding};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::{Batch, Column};

const CULPRITS: usize = 8;
const ALONE: Duration = Duration::from_secs(1);
const TRIES: u32 = 3;
const DETAIL: usize = 256;

/// A rule failed whose `on_failure` is `halt`.
#[derive(Debug, thiserror::Error)]
#[error("rule {rule} failed and its on_failure is halt: {code}: {message}")]
pub struct Halt {
    pub rule: String,
    pub code: &'static str,
    pub message: String,
}

/// One worker's instances.
pub struct Judge {
    runtime: Arc<Runtime>,
    trips: mpsc::Sender<Trip>,
    /// With the rule that each was configured for; a module stands in a set once.
    instances: HashMap<Sha256, (Arc<LiveRule>, Instance)>,
    /// Batches in a row that failed as a whole.
    failing: HashMap<Sha256, u32>,
    revision: Option<Revision>,
    quiet: bool,
}

struct Verdict {
    findings: Vec<Finding>,
    /// The first row's failure, if any row failed alone or by the bound.
    failed: Option<Failure>,
    blame: Blame,
    /// Rows that the rule did not judge and that pass nevertheless.
    skipped: u64,
}

/// What failed; the breaker leaves alone a rule that fails on single rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// None, or single rows of several.
    Rows,
    /// Every row, or there is no instance to ask.
    Whole,
    /// So many rows, or so slowly, that the rest of the batch was not asked.
    Beyond,
}

/// A call that failed, and whether there was an instance to blame it on rows.
struct Fault {
    failure: Failure,
    made: bool,
}

impl Judge {
    /// With no instance yet: each is made when its rule first judges.
    pub fn new(runtime: Arc<Runtime>, trips: mpsc::Sender<Trip>) -> Self {
        Self { runtime, trips, instances: HashMap::new(), failing: HashMap::new(), revision: None, quiet: false }
    }

    /// One that leaves figures and breakers alone.
    pub(super) fn quiet(runtime: Arc<Runtime>) -> Self {
        Self { quiet: true, ..Self::new(runtime, mpsc::channel(1).0) }
    }

    /// Appends what the rules find, sorted by row and rule order.
    pub fn judge(&mut self, set: &Arc<LiveSet>, batch: &Batch, out: &mut Vec<Finding>) -> Result<(), Halt> {
        self.forget_old(set);
        let start = out.len();
        for rule in set.rules.iter().filter(|rule| rule.judges()) {
            let began = Instant::now();
            let verdict = self.ask(rule, batch);
            if !self.quiet {
                self.record(set.revision, rule, batch, &verdict, began.elapsed());
            }
            if rule.mode != Mode::Live {
                continue;
            }
            if let (Some(failure), OnFailure::Halt) = (&verdict.failed, rule.on_failure) {
                let (rule, message) = (rule.id.name.to_string(), failure.message.clone());
                return Err(Halt { rule, code: failure.code, message });
            }
            out.extend(verdict.findings);
        }
        // Stable, so rule order holds within a row.
        out[start..].sort_by_key(|finding| finding.row);
        Ok(())
    }

    fn forget_old(&mut self, set: &LiveSet) {
        if self.revision == Some(set.revision) {
            return;
        }
        self.revision = Some(set.revision);
        self.instances.retain(|sha256, (old, _)| {
            let same = |r: &Arc<LiveRule>| r.id.sha256 == *sha256 && r.parameters == old.parameters;
            set.rules.iter().any(same)
        });
        self.failing.clear();
    }

    fn ask(&mut self, rule: &Arc<LiveRule>, batch: &Batch) -> Verdict {
        let columns: Vec<&Column> = rule.fields.iter().map(|&id| batch.column(id)).collect();
        let rows = batch.rows();
        let (mut findings, skipped) = missing(rule, &columns, rows);
        // Once more before blaming a row: time is wall time, and memory may have leaked over batches.
        let first = self.call(rule, &columns, rows).or_else(|_| self.call(rule, &columns, rows));
        match first {
            Ok(hits) => {
                findings.extend(keep(rule, &columns, hits, 0));
                Verdict { findings, failed: None, blame: Blame::Rows, skipped }
            }
            Err(fault) => {
                let mut verdict = Verdict { findings, failed: None, blame: Blame::Rows, skipped };
                self.row_by_row(rule, &columns, rows, fault, &mut verdict);
                verdict
            }
        }
    }

    fn row_by_row(
        &mut self,
        rule: &Arc<LiveRule>,
        columns: &[&Column],
        rows: usize,
        fault: Fault,
        verdict: &mut Verdict,
    ) {
        let (began, mut culprits) = (Instant::now(), 0);
        if !fault.made {
            verdict.blame = Blame::Whole;
            verdict.failed = Some(fault.failure);
        }
        for row in 0..rows {
            let slow = culprits > 0 && began.elapsed() > ALONE;
            if verdict.blame == Blame::Rows && (culprits >= CULPRITS || slow) {
                verdict.blame = Blame::Beyond;
            }
            // Past the bound no row is asked: it shares the first one's failure.
            let answer = match &verdict.failed {
                Some(failure) if verdict.blame != Blame::Rows => Err(failure.clone()),
                _ => self.alone(rule, columns, row),
            };
            match answer {
                Ok(hits) => verdict.findings.extend(keep(rule, columns, hits, row as u32)),
                Err(failure) => {
                    culprits += 1;
                    match rule.on_failure {
                        OnFailure::DeadLetter => verdict.findings.push(finding(
                            rule,
                            row as u32,
                            failure.code.into(),
                            Effect::DeadLetter,
                            &failure.message,
                        )),
                        _ => verdict.skipped += 1,
                    }
                    verdict.failed.get_or_insert(failure);
                }
            }
        }
        if culprits == rows && rows > 0 && verdict.blame == Blame::Rows {
            verdict.blame = Blame::Whole;
        }
    }

    fn alone(&mut self, rule: &Arc<LiveRule>, columns: &[&Column], row: usize) -> Result<Vec<guest::Hit>, Failure> {
        let alone: Vec<Column> = columns.iter().map(|column| one_row(column, row)).collect();
        let alone: Vec<&Column> = alone.iter().collect();
        match self.call(rule, &alone, 1) {
            // A worker that was not scheduled loses an honest call.
            Err(fault) if fault.failure.code == "RULE_TIMEOUT" => self.call(rule, &alone, 1),
            answer => answer,
        }
        .map_err(|fault| fault.failure)
    }

    /// One call; the instance survives only a good one, for after a lifting error the next call is not refused.
    fn call(&mut self, rule: &Arc<LiveRule>, columns: &[&Column], rows: usize) -> Result<Vec<guest::Hit>, Fault> {
        let (owner, mut instance) = match self.instances.remove(&rule.id.sha256) {
            Some(made) => made,
            None => {
                let instance = self.make(rule).map_err(|failure| Fault { failure, made: false })?;
                (rule.clone(), instance)
            }
        };
        let lowered: Vec<_> = columns.iter().map(|column| contract::column(column)).collect();
        let hits = instance
            .judge(rows as u32, &lowered)
            .and_then(|hits| check(rule, &hits, rows).map(|()| hits))
            .map_err(|failure| Fault { failure, made: true })?;
        self.instances.insert(rule.id.sha256, (owner, instance));
        Ok(hits)
    }

    fn make(&self, rule: &LiveRule) -> Result<Instance, Failure> {
        let mut instance = self.runtime.instance(&rule.component)?;
        instance.configure(&rule.scales, &rule.parameters)?;
        Ok(instance)
    }

    fn record(&mut self, revision: Revision, rule: &LiveRule, batch: &Batch, verdict: &Verdict, took: Duration) {
        rule.count(&verdict.findings, verdict.skipped, batch.rows() as u64, took);
        let key = rule.id.sha256;
        let Some(failure) = verdict.failed.as_ref().filter(|_| verdict.blame != Blame::Rows) else {
            self.failing.remove(&key);
            return;
        };
        let failing = self.failing.entry(key).or_default();
        *failing += 1;
        if *failing >= TRIES || verdict.blame == Blame::Beyond {
            let message = format!("{}: {}", failure.code, failure.message);
            // A full channel means that trips are waiting already; the next failing batch trips again.
            let _ = self.trips.try_send(Trip { rule: rule.id.clone(), revision, message });
            *failing = 0;
        }
    }
}

fn check(rule: &LiveRule, hits: &[guest::Hit], rows: usize) -> Result<(), Failure> {
    let codes = rule.manifest.codes.len();
    let lie = |message: String| Err(Failure { code: "RULE_OUTPUT", message });
    if hits.len() > rows * codes {
        return lie(format!("{} hits for {rows} rows and {codes} codes", hits.len()));
    }
    for hit in hits {
        if hit.row as usize >= rows {
            return lie(format!("a hit on row {} of {rows}", hit.row));
        }
        if hit.code as usize >= codes {
            return lie(format!("a hit with code {} of {codes}", hit.code));
        }
    }
    Ok(())
}

fn lacking<'a>(rule: &'a LiveRule, columns: &[&Column], row: usize) -> Option<&'a str> {
    let mut fields = rule.manifest.fields.iter().zip(columns);
    fields.find(|(field, column)| field.required && !column.has(row)).map(|(field, _)| field.name.as_str())
}

/// A rule that can dead-letter fails closed on rows that lack what it requires.
fn missing(rule: &LiveRule, columns: &[&Column], rows: usize) -> (Vec<Finding>, u64) {
    let complete =
        rule.manifest.fields.iter().zip(columns).all(|(field, column)| !field.required || column.all_present());
    if complete {
        return (Vec::new(), 0);
    }
    let closed = rule.manifest.codes.iter().any(|code| code.effect == Effect::DeadLetter);
    let (mut findings, mut skipped) = (Vec::new(), 0);
    for row in 0..rows {
        let Some(field) = lacking(rule, columns, row) else {
            continue;
        };
        if closed {
            let detail = format!("rule {} requires field {field}", rule.id.name);
            findings.push(finding(rule, row as u32, "FIELD_MISSING".into(), Effect::DeadLetter, &detail));
        } else {
            skipped += 1;
        }
    }
    (findings, skipped)
}

fn keep(rule: &LiveRule, columns: &[&Column], hits: Vec<guest::Hit>, first: u32) -> Vec<Finding> {
    let applies = |hit: &guest::Hit| lacking(rule, columns, (first + hit.row) as usize).is_none();
    let found = |hit: guest::Hit| {
        let code = &rule.manifest.codes[hit.code as usize];
        finding(rule, first + hit.row, code.name.clone().into(), code.effect, &hit.detail)
    };
    hits.into_iter().filter(applies).map(found).collect()
}

fn finding(rule: &LiveRule, row: u32, code: Cow<'static, str>, effect: Effect, detail: &str) -> Finding {
    let detail = detail[..detail.floor_char_boundary(DETAIL)].to_owned();
    Finding { row, rule: rule.id.clone(), code, effect, detail }
}

fn one_row(column: &Column, row: usize) -> Column {
    let mut alone = Column::new(column.kind());
    alone.push(column.get(row));
    alone
}
