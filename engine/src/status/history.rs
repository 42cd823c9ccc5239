//! What the last 15 minutes were like, in memory: figures every 2 s, and what changed. 450 samples of 56 bytes and 100 changes of
//! some hundred bytes each: 100 KiB at most.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Figures at one time: a sum over the instances that were heard of then.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Epoch milliseconds.
    pub at: i64,
    /// Records judged a second, over the 10 s before.
    pub records: f64,
    /// Of these, dead letters.
    pub letters: f64,
    /// Of these, valid records that a rule flagged.
    pub flagged: f64,
    /// Records that were not judged, of the partitions of which that was known; None: of none.
    pub lag: Option<i64>,
    /// The greatest age of such a record, in milliseconds; None: not known.
    pub oldest_ms: Option<i64>,
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// An instance started, ended, or is not heard of.
    Instance,
    /// The rule set is another one.
    Rules,
    /// Partitions went from one instance to another.
    Partitions,
    /// A service answers again, or no longer.
    Service,
    /// A condition began or ended.
    Condition,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Epoch milliseconds.
    pub at: i64,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// What it was, in words; holds no secret.
    pub text: String,
    /// Of a change of the rule set: by whom, why, which rule, and the revision that it made.
    pub rules: Option<RulesChange>,
}

/// What the audit says of a change of the rule set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesChange {
    /// Who made it.
    pub who: String,
    /// Why, in the person's own words.
    pub reason: Option<String>,
    /// The rule.
    pub rule: String,
    /// What was done: publish, patch, rollback, retire, trip, suspend or repair.
    pub action: String,
    /// The revision that it made.
    pub revision: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    samples: VecDeque<Sample>,
    /// By time, oldest first.
    changes: Vec<Change>,
}

impl History {
    /// How often a sample is taken.
    pub const EVERY: Duration = Duration::from_secs(2);
    /// Samples that are kept: 15 minutes.
    pub const SAMPLES: usize = 450;
    /// Changes that are kept, whatever their age.
    pub const CHANGES: usize = 100;

    /// Oldest first.
    pub fn samples(&self) -> Vec<Sample> {
        self.lock().samples.iter().copied().collect()
    }

    /// Oldest first.
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes.clone()
    }

    pub(crate) fn sample(&self, sample: Sample) {
        let mut kept = self.lock();
        if kept.samples.len() == Self::SAMPLES {
            kept.samples.pop_front();
        }
        kept.samples.push_back(sample);
    }

    /// A change of the rule set is told once, however often it is read.
    pub(crate) fn change(&self, change: Change) {
        let mut kept = self.lock();
        let revision = |change: &Change| change.rules.as_ref().map(|rules| rules.revision);
        if revision(&change).is_some_and(|made| kept.changes.iter().any(|other| revision(other) == Some(made))) {
            return;
        }
        let place = kept.changes.partition_point(|other| other.at <= change.at);
        kept.changes.insert(place, change);
        if kept.changes.len() > Self::CHANGES {
            kept.changes.remove(0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: i64, revision: Option<u64>) -> Change {
        let rules = revision.map(|revision| RulesChange {
            who: "ana".into(),
            reason: None,
            rule: "high_amount".into(),
            action: "rollback".into(),
            revision,
        });
        Change { at, kind: ChangeKind::Rules, text: "it changed".into(), rules }
    }

    #[test]
    fn fifteen_minutes_of_samples_are_kept() {
        let history = History::default();
        (0..1_000).for_each(|at| history.sample(Sample { at, ..Sample::default() }));
        let samples = history.samples();
        assert_eq!((samples.len(), samples[0].at, samples[449].at), (450, 550, 999));
        assert_eq!(History::EVERY * History::SAMPLES as u32, Duration::from_secs(900));
    }

    #[test]
    fn changes_are_in_order_of_time_and_a_revision_is_told_once() {
        let history = History::default();
        for (at, revision) in [(5, Some(2)), (9, None), (1, Some(1)), (5, Some(2)), (9, None)] {
            history.change(change(at, revision));
        }
        let kept: Vec<_> = history.changes().into_iter().map(|c| (c.at, c.rules.map(|rules| rules.revision))).collect();
        assert_eq!(kept, [(1, Some(1)), (5, Some(2)), (9, None), (9, None)]);
        (10..200).for_each(|at| history.change(change(at, None)));
        let kept = history.changes();
        assert_eq!((kept.len(), kept[0].at, kept[99].at), (100, 100, 199));
    }
}
