//! What a live rule did, for the admin API and for Prometheus. All workers share it; each adds once a batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use metrics::Counter;

use super::trend::Trend;
use crate::model::catalog::Manifest;
use crate::model::finding::Finding;

/// Samples that are kept of a shadow rule's findings.
const SAMPLES: usize = 20;

/// What a rule did since it came into force.
#[derive(Debug, Default)]
pub struct RuleStats {
    /// Batches that it judged.
    pub batches: AtomicU64,
    /// Rows of those batches.
    pub rows: AtomicU64,
    /// Processor time in nanoseconds.
    pub nanos: AtomicU64,
    /// A shadow rule judges one batch in so many. 0 and 1: all.
    pub one_in: AtomicU64,
    /// Rows that lack a field and pass unjudged.
    pub skipped: AtomicU64,
    /// Hits by code.
    pub hits: Mutex<BTreeMap<String, u64>>,
    /// Rows that the rule failed on, or that lack a field and fail closed, whatever `on_failure` made of them, by code.
    pub failures: Mutex<BTreeMap<String, u64>>,
    /// The first findings of a shadow rule, at most 20.
    pub samples: Mutex<Vec<Finding>>,
    /// Hits of the last 15 minutes.
    pub trend: Mutex<Trend>,
    /// What it cost when its budget was last looked at.
    looked: Mutex<Option<Looked>>,
}

/// A rule's figures at one time.
#[derive(Clone, Copy, Debug)]
struct Looked {
    at: Instant,
    nanos: u64,
    rows: u64,
}

/// Metric handles of a rule as it is in one set, each made at its first use: what never hit is not among the metrics.
#[derive(Default)]
pub(super) struct RuleMetrics {
    /// Processor time.
    pub(super) nanos: OnceLock<Counter>,
    /// Hits, in the order of the manifest's codes.
    pub(super) hits: Box<[OnceLock<Counter>]>,
}

impl RuleMetrics {
    /// None is made yet.
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self { nanos: OnceLock::new(), hits: manifest.codes.iter().map(|_| OnceLock::new()).collect() }
    }
}

impl RuleStats {
    /// What the rule costs is counted from now on, if it is not already.
    pub(super) fn begin(&self, now: Instant) {
        let (nanos, rows) = self.cost();
        held(&self.looked).get_or_insert(Looked { at: now, nanos, rows });
    }

    /// Nanoseconds a record over the last window, if one of this length is over. The inner None: it took less than 1 % of a
    /// core, which is no matter, and a call for a single record is always dear.
    pub(super) fn look(&self, now: Instant, window: Duration) -> Option<Option<u64>> {
        let (nanos, rows) = self.cost();
        let mut looked = held(&self.looked);
        let before = *looked.get_or_insert(Looked { at: now, nanos, rows });
        let over = now.saturating_duration_since(before.at);
        if over < window {
            return None;
        }
        *looked = Some(Looked { at: now, nanos, rows });
        let (nanos, rows) = (nanos - before.nanos, rows - before.rows);
        Some((nanos as f64 > over.as_nanos() as f64 / 100.0).then(|| nanos / rows.max(1)))
    }

    /// Ends a step of the trend.
    pub(super) fn step(&self) {
        held(&self.trend).step(&held(&self.hits));
    }

    fn cost(&self) -> (u64, u64) {
        (self.nanos.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }

    /// Whether there is room for samples.
    pub(super) fn wants_samples(&self) -> bool {
        held(&self.samples).len() < SAMPLES
    }

    /// Keeps these as far as there is room.
    pub(super) fn sample(&self, findings: &[Finding]) {
        let mut samples = held(&self.samples);
        let room = SAMPLES.saturating_sub(samples.len());
        samples.extend(findings.iter().take(room).cloned());
    }
}

/// Adds to a figure.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// Adds to the figure of a code.
pub(super) fn count(map: &Mutex<BTreeMap<String, u64>>, code: &str, n: u64) {
    let mut map = held(map);
    match map.get_mut(code) {
        Some(count) => *count += n,
        None => drop(map.insert(code.to_owned(), n)),
    }
}

/// A figure that a panic left behind is still a figure.
fn held<T>(figure: &Mutex<T>) -> MutexGuard<'_, T> {
    figure.lock().unwrap_or_else(PoisonError::into_inner)
}
