//! The rule set in force, as workers share it: immutable but for the figures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wasmtime::component::Component;

use crate::config::OnFailure;
use crate::model::catalog::{Manifest, Mode};
use crate::model::finding::{Finding, RuleId};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::FieldId;

const SAMPLES: usize = 20;

/// What a rule did since it came into force.
#[derive(Debug, Default)]
pub struct Figures {
    pub batches: AtomicU64,
    pub rows: AtomicU64,
    /// Processor time.
    pub nanos: AtomicU64,
    /// Of a shadow rule: it judges one batch in so many. 0 and 1: all.
    pub one_in: AtomicU64,
    /// What it cost when its budget was last looked at.
    pub(super) looked: Mutex<Option<Looked>>,
    /// Rows that lack a field and pass unjudged.
    pub skipped: AtomicU64,
    pub hits: Mutex<BTreeMap<String, u64>>,
    /// Rows that the rule failed on, or that lack a field and fail closed, whatever `on_failure` made of them.
    pub failures: Mutex<BTreeMap<String, u64>>,
    /// The first shadow hits, a bounded number.
    pub samples: Mutex<Vec<Finding>>,
}

/// A rule of the set with its compiled code.
pub struct LiveRule {
    pub id: Arc<RuleId>,
    pub manifest: Manifest,
    pub order: i32,
    pub mode: Mode,
    /// All of them, defaults filled in.
    pub parameters: BTreeMap<String, String>,
    pub on_failure: OnFailure,
    pub figures: Arc<Figures>,
    /// The directory brought it, so a removed file may retire it.
    pub from_directory: bool,
    /// Why the breaker suspended it.
    pub suspended: Option<String>,
    /// The first revision of which it stands in the set as it does now, as far as this process saw.
    pub(super) since: Revision,
    pub(super) component: Component,
    /// In the manifest's order.
    pub(super) fields: Vec<FieldId>,
    pub(super) scales: Vec<u8>,
}

/// The numbered set.
pub struct LiveSet {
    pub revision: Revision,
    /// In this process.
    pub in_force: Instant,
    pub rules: Vec<Arc<LiveRule>>,
    /// Fields that live and shadow rules read.
    pub needed: Vec<FieldId>,
}

impl LiveSet {
    /// Its rules by name, with the version of each.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&str, Sha256)> {
        self.rules.iter().map(|rule| (&*rule.id.name, rule.id.sha256))
    }
}

/// Where a rule's figures stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    pub(super) at: Instant,
    pub(super) nanos: u64,
    pub(super) rows: u64,
}

/// A rule failed too often, or a shadow rule costs too much.
#[derive(Clone, Debug)]
pub struct Trip {
    pub rule: Arc<RuleId>,
    pub revision: Revision,
    pub message: String,
    /// A cost and no failure: the version before says nothing about it, the rule is suspended.
    pub over_budget: bool,
}

impl LiveRule {
    pub(super) fn judges(&self) -> bool {
        self.mode != Mode::Off && self.suspended.is_none()
    }

    /// Whether it judges as the other one does: what is known of the one holds for the other.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.id.sha256 == other.id.sha256
            && self.mode == other.mode
            && self.parameters == other.parameters
            && self.on_failure == other.on_failure
            && self.suspended == other.suspended
    }
}

impl Figures {
    /// What it costs is counted from now on, if it is not already.
    pub(super) fn begin(&self, now: Instant) {
        let (nanos, rows) = (self.nanos.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed));
        let mut looked = self.looked.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        looked.get_or_insert(Looked { at: now, nanos, rows });
    }

    /// Nanoseconds a record over the last window, if one of this length is over. None if it took less than 1 % of a core:
    /// then it is no matter, and a call for a single record is always dear.
    pub(super) fn look(&self, now: Instant, window: Duration) -> Option<Option<u64>> {
        let (nanos, rows) = (self.nanos.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed));
        let mut looked = self.looked.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = *looked.get_or_insert(Looked { at: now, nanos, rows });
        let over = now.saturating_duration_since(before.at);
        if over < window {
            return None;
        }
        *looked = Some(Looked { at: now, nanos, rows });
        let (nanos, rows) = (nanos - before.nanos, rows - before.rows);
        Some((nanos as f64 > over.as_nanos() as f64 / 100.0).then(|| nanos / rows.max(1)))
    }

    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn count(map: &Mutex<BTreeMap<String, u64>>, code: &str, n: u64) {
        let mut map = map.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match map.get_mut(code) {
            Some(count) => *count += n,
            None => drop(map.insert(code.to_owned(), n)),
        }
    }

    pub(super) fn wants_samples(&self) -> bool {
        self.samples.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).len() < SAMPLES
    }

    pub(super) fn sample(&self, findings: &[Finding]) {
        let mut samples = self.samples.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let room = SAMPLES.saturating_sub(samples.len());
        samples.extend(findings.iter().take(room).cloned());
    }
}
