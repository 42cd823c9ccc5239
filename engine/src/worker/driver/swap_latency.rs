//! By which set the worker judges, and how long a new one had to wait for it. Nothing here is done for a record, and for a batch
//! two revisions are compared.

use std::time::{Duration, Instant};

use crate::model::ids::Revision;
use crate::rules::LiveSet;

pub(super) struct Swaps {
    /// Revision of the latest batch.
    by: Option<Revision>,
    /// When there was last nothing to judge.
    idle: Instant,
    gauge: metrics::Gauge,
}

impl Swaps {
    pub(super) fn new(worker: usize) -> Self {
        let gauge = metrics::gauge!("weir_judging_revision", "worker" => worker.to_string());
        Self { by: None, idle: Instant::now(), gauge }
    }

    /// No record was there that a set could have judged.
    pub(super) fn idle(&mut self) {
        self.idle = Instant::now();
    }

    /// A batch was judged by this set.
    pub(super) fn judged(&mut self, set: &LiveSet) {
        if self.by == Some(set.revision) {
            return;
        }
        if let Some(waited) = self.waited(set, Instant::now()) {
            metrics::histogram!("weir_rules_swap_seconds").record(waited.as_secs_f64());
        }
        self.gauge.set(set.revision.0 as f64);
        self.by = Some(set.revision);
    }

    /// None: it replaced no other here, for it is the first.
    fn waited(&self, set: &LiveSet, now: Instant) -> Option<Duration> {
        self.by.map(|_| now.saturating_duration_since(set.in_force.max(self.idle)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waited(by: Option<Revision>, idle: Instant, in_force: Instant, now: Instant) -> Option<Duration> {
        let set = LiveSet { revision: Revision(2), in_force, rules: Vec::new(), needed: Vec::new() };
        Swaps { by, idle, gauge: metrics::Gauge::noop() }.waited(&set, now)
    }

    #[test]
    fn a_set_waits_from_its_coming_into_force_or_from_when_there_was_last_nothing_to_judge() {
        let began = Instant::now();
        let at = |seconds| began + seconds * SECOND;
        let before = Some(Revision(1));
        assert_eq!(waited(before, at(0), at(1), at(5)), Some(4 * SECOND), "the worker was busy all the time");
        assert_eq!(waited(before, at(3), at(1), at(5)), Some(2 * SECOND), "until 3 there was nothing to judge");
        assert_eq!(waited(None, at(0), at(1), at(5)), None, "a start is no swap");
    }
}
