//! Judges batches on one worker: instances reused, thrown away at any failure, and the blame narrowed to rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::contract::{self, guest};
use super::live::{Figures, LiveRule, LiveSet, Trip};
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

type Key = (Sha256, BTreeMap<String, String>);

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
    instances: HashMap<Key, Instance>,
    /// Failing batches in a row.
    failing: HashMap<Key, u32>,
    revision: Option<Revision>,
    quiet: bool,
}

struct Verdict {
    findings: Vec<Finding>,
    /// Rows failed alone or by the bound; the first failure's text.
    failed: Option<Failure>,
    beyond: bool,
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
        let kept = |key: &Key| set.rules.iter().any(|r| r.id.sha256 == key.0 && r.parameters == key.1);
        self.instances.retain(|key, _| kept(key));
        self.failing.clear();
    }

    fn ask(&mut self, rule: &LiveRule, batch: &Batch) -> Verdict {
        let columns: Vec<&Column> = rule.fields.iter().map(|&id| batch.column(id)).collect();
        let rows = batch.rows();
        let mut findings = missing(rule, &columns, rows);
        // Once more before blaming a row: time is wall time, and memory may have leaked over batches.
        let first = self.call(rule, &columns, rows).or_else(|_| self.call(rule, &columns, rows));
        if let Ok(hits) = first {
            findings.extend(keep(rule, &columns, hits, 0));
            return Verdict { findings, failed: None, beyond: false };
        }
        let (began, mut culprits, mut failed) = (Instant::now(), 0, None);
        let mut beyond = false;
        for row in 0..rows {
            beyond |= culprits >= CULPRITS || began.elapsed() > ALONE;
            let answer = if beyond {
                Err(Failure { code: "RULE_TRAP", message: "the rule failed on too many rows of the batch".into() })
            } else {
                let alone: Vec<Column> = columns.iter().map(|column| one_row(column, row)).collect();
                self.call(rule, &alone.iter().collect::<Vec<_>>(), 1)
            };
            match answer {
                Ok(hits) => findings.extend(keep(rule, &columns, hits, row as u32)),
                Err(failure) => {
                    culprits += 1;
                    if rule.on_failure == OnFailure::DeadLetter {
                        findings.push(finding(
                            rule,
                            row as u32,
                            failure.code.into(),
                            Effect::DeadLetter,
                            &failure.message,
                        ));
                    }
                    failed.get_or_insert(failure);
                }
            }
        }
        Verdict { findings, failed, beyond }
    }

    /// One call; the instance survives only a good one, for after a lifting error the next call is not refused.
    fn call(&mut self, rule: &LiveRule, columns: &[&Column], rows: usize) -> Result<Vec<guest::Hit>, Failure> {
        let key = (rule.id.sha256, rule.parameters.clone());
        let mut instance = match self.instances.remove(&key) {
            Some(instance) => instance,
            None => {
                let mut instance = self.runtime.instance(&rule.component)?;
                instance.configure(&rule.scales, &rule.parameters)?;
                instance
            }
        };
        let lowered: Vec<_> = columns.iter().map(|column| contract::column(column)).collect();
        let hits = instance.judge(rows as u32, &lowered)?;
        check(rule, &hits, rows)?;
        self.instances.insert(key, instance);
        Ok(hits)
    }

    fn record(&mut self, revision: Revision, rule: &LiveRule, batch: &Batch, verdict: &Verdict, took: Duration) {
        let figures = &rule.figures;
        Figures::add(&figures.batches, 1);
        Figures::add(&figures.rows, batch.rows() as u64);
        Figures::add(&figures.nanos, took.as_nanos() as u64);
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        verdict.findings.iter().for_each(|f| *codes.entry(&f.code).or_default() += 1);
        for (code, n) in codes {
            let own = rule.manifest.codes.iter().any(|c| c.name == code);
            Figures::count(if own { &figures.hits } else { &figures.failures }, code, n);
        }
        if rule.mode == Mode::Shadow {
            figures.sample(&verdict.findings);
        }
        let key = (rule.id.sha256, rule.parameters.clone());
        let Some(failure) = &verdict.failed else {
            self.failing.remove(&key);
            return;
        };
        let failing = self.failing.entry(key).or_default();
        *failing += 1;
        if *failing == TRIES || verdict.beyond {
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
fn missing(rule: &LiveRule, columns: &[&Column], rows: usize) -> Vec<Finding> {
    let complete =
        rule.manifest.fields.iter().zip(columns).all(|(field, column)| !field.required || column.all_present());
    if complete {
        return Vec::new();
    }
    let closed = rule.manifest.codes.iter().any(|code| code.effect == Effect::DeadLetter);
    let mut findings = Vec::new();
    for row in 0..rows {
        let Some(field) = lacking(rule, columns, row) else {
            continue;
        };
        if closed {
            let detail = format!("rule {} requires field {field}", rule.id.name);
            findings.push(finding(rule, row as u32, "FIELD_MISSING".into(), Effect::DeadLetter, &detail));
        } else {
            Figures::add(&rule.figures.skipped, 1);
        }
    }
    findings
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
