//! The rule set in force, as workers share it: immutable but for the figures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use wasmtime::component::Component;

use crate::config::OnFailure;
use crate::model::catalog::{Manifest, Mode};
use crate::model::finding::{Finding, RuleId};
use crate::model::ids::Revision;
use crate::model::record::FieldId;

const SAMPLES: usize = 20;

/// What a rule did since it came into force.
#[derive(Debug, Default)]
pub struct Figures {
    pub batches: AtomicU64,
    pub rows: AtomicU64,
    pub nanos: AtomicU64,
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

/// A rule failed too often in a row.
#[derive(Clone, Debug)]
pub struct Trip {
    pub rule: Arc<RuleId>,
    pub revision: Revision,
    pub message: String,
}

impl LiveRule {
    pub(super) fn judges(&self) -> bool {
        self.mode != Mode::Off && self.suspended.is_none()
    }
}

impl Figures {
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
