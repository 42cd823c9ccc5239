//! How many hits a rule had lately, by code: what tells a rule that is quiet from one that was noisy hours ago. In memory, of this
//! process.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Time between two looks at a rule's hits.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// Steps that are kept: 15 minutes.
const STEPS: usize = 30;

/// Hits of the last 15 minutes by code, in steps of 30 s.
#[derive(Clone, Debug, Default)]
pub struct Trend {
    /// Hits at the last look.
    seen: BTreeMap<String, u64>,
    /// Hits of each step, the oldest first; a code without one in a step is not in it.
    steps: VecDeque<BTreeMap<String, u64>>,
}

impl Trend {
    /// With the step that is not over, of these hits since the start: what a page calls the last 15 minutes has the hit of a second
    /// ago.
    pub fn up_to(mut self, hits: &BTreeMap<String, u64>) -> Self {
        self.step(hits);
        self
    }

    /// Ends a step; `hits` are all since the start.
    pub(super) fn step(&mut self, hits: &BTreeMap<String, u64>) {
        let since = |(code, count): (&String, &u64)| {
            let more = count - self.seen.get(code).copied().unwrap_or_default().min(*count);
            (more > 0).then(|| (code.clone(), more))
        };
        let step = hits.iter().filter_map(since).collect();
        if self.steps.len() == STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
        self.seen.clone_from(hits);
    }

    /// Hits of all codes in each step, the oldest first; at most 30.
    pub fn all(&self) -> Vec<u64> {
        self.steps.iter().map(|step| step.values().sum()).collect()
    }

    /// The same of each code that hit within the time.
    pub fn by_code(&self) -> BTreeMap<String, Vec<u64>> {
        let mut codes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for code in self.steps.iter().flat_map(BTreeMap::keys) {
            codes.entry(code.clone()).or_default();
        }
        for (code, counts) in &mut codes {
            *counts = self.steps.iter().map(|step| step.get(code).copied().unwrap_or_default()).collect();
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
    }

    #[test]
    fn a_step_has_what_hit_since_the_one_before() {
        let mut trend = Trend::default();
        for counts in [hits(&[]), hits(&[("A", 3)]), hits(&[("A", 3)]), hits(&[("A", 5), ("B", 1)])] {
            trend.step(&counts);
        }
        assert_eq!(trend.all(), [0, 3, 0, 3]);
        assert_eq!(trend.by_code(), [("A".into(), vec![0, 3, 0, 2]), ("B".into(), vec![0, 0, 0, 1])].into());
    }

    #[test]
    fn a_hit_is_there_before_its_step_is_over_and_is_counted_once() {
        let mut trend = Trend::default();
        assert_eq!(trend.clone().up_to(&hits(&[("A", 1)])).all(), [1], "within the first step");
        trend.step(&hits(&[("A", 3)]));
        assert_eq!(trend.clone().up_to(&hits(&[("A", 5)])).all(), [3, 2]);
        assert_eq!(trend.clone().up_to(&hits(&[("A", 3)])).by_code(), [("A".into(), vec![3, 0])].into());
        assert_eq!(trend.all(), [3], "to look ends no step");
    }

    #[test]
    fn what_is_older_than_fifteen_minutes_is_forgotten() {
        let mut trend = Trend::default();
        for count in 1..=40 {
            trend.step(&hits(&[("A", count), ("OLD", 1)]));
        }
        assert_eq!((trend.all(), trend.by_code().len()), (vec![1; STEPS], 1));
    }
}
