//! Tells of windows that have more groups than `window.max_groups`: a counter, a gauge and a condition. Looked at once a
//! checkpoint.

use std::time::{Duration, Instant};

use crate::conditions::Severity;
use crate::config::Config;
use crate::model::time::to_rfc3339;
use crate::status::Status;
use crate::window::{Overflow, Windows};

const CODE: &str = "window.too_many_groups";

/// So long without such a record, and the condition is over: it does not come and go with every checkpoint.
const OVER_AFTER: Duration = Duration::from_secs(60);

/// What one worker has reported of windows with too many groups.
pub(super) struct OverflowTold {
    subject: String,
    last: Option<Instant>,
    records: metrics::Counter,
    groups: metrics::Gauge,
}

impl OverflowTold {
    pub(super) fn new(worker: usize) -> Self {
        Self {
            subject: format!("worker {worker}"),
            last: None,
            records: metrics::counter!("weir_window_overflow_records_total"),
            groups: metrics::gauge!("weir_window_groups", "worker" => worker.to_string()),
        }
    }

    /// After the deltas of a checkpoint were drained.
    pub(super) fn drained(&mut self, windows: &mut Windows, config: &Config, status: &Status) {
        self.groups.set(windows.groups() as f64);
        if let Some(overflow) = windows.take_overflow() {
            self.last = Some(Instant::now());
            self.records.increment(overflow.records);
            status.conditions.raise(Severity::Warning, CODE, &*self.subject, message(config, overflow));
        }
    }

    /// Clears the condition when it is over. A partition that went to another worker does not end it: the groups of its windows
    /// are as many as before, and the new owner raises its own only at the next such record.
    pub(super) fn expire(&mut self, status: &Status) {
        if self.last.is_some_and(|last| last.elapsed() > OVER_AFTER) {
            self.last = None;
            status.conditions.clear(CODE, &self.subject);
        }
    }

    /// The worker's partitions are somebody else's now, and their windows with them.
    pub(super) fn let_go(&mut self) {
        self.groups.set(0.0);
    }
}

/// The same for the next windows, unless it is over in between: each change is a line in the log.
fn message(config: &Config, Overflow { window, .. }: Overflow) -> String {
    let (most, by) = (config.window.max_groups, config.window.group_by.join(", "));
    let day = &to_rfc3339(window)[..10];
    format!(
        "windows of {day} have more than window.max_groups = {most} groups by {by}: records of further groups are summed in the \
         group __other__. If one of these fields is another in almost every record, take it out of window.group_by; \
         else raise window.max_groups"
    )
}
