//! Rates out of counters: what was counted over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Totals;

/// What a rate is the mean of. Shorter, and checkpoints of a second would show as waves.
const OVER: Duration = Duration::from_secs(10);

/// What is judged a second, over the last 10 s, to a tenth: of few records few are flagged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerSecond {
    /// Records.
    pub records: f64,
    /// Of these, dead letters.
    pub letters: f64,
    /// Of these, valid records that a rule flagged.
    pub flagged: f64,
}

/// The counters as they were lately.
#[derive(Debug, Default)]
pub struct Rates(VecDeque<(Instant, Totals)>);

impl Rates {
    /// Takes the counters as they are, and says what they grew by a second. It is to be called every few seconds.
    pub fn note(&mut self, now: Instant, totals: Totals) -> PerSecond {
        self.0.push_back((now, totals));
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= OVER) {
            self.0.pop_front();
        }
        let (at, before) = self.0[0];
        let millis = now.duration_since(at).as_millis();
        let rate = |now: u64, before: u64| match millis {
            0 => 0.0,
            _ => (u128::from(now.saturating_sub(before)) * 10_000 / millis) as f64 / 10.0,
        };
        PerSecond {
            records: rate(totals.records, before.records),
            letters: rate(totals.letters, before.letters),
            flagged: rate(totals.flagged, before.flagged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds_however_often_it_is_asked_for() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let totals = |records: u64| Totals { records, letters: records / 10, flagged: 0 };
        assert_eq!(rates.note(at(0), totals(0)), PerSecond::default(), "nothing is known yet");
        for second in 1..=30 {
            let known = rates.note(at(second), totals(second * 1_000));
            assert_eq!(known, PerSecond { records: 1_000.0, letters: 100.0, flagged: 0.0 }, "after {second} s");
        }
        let still = (31..=40).map(|second| rates.note(at(second), totals(30_000))).collect::<Vec<_>>();
        assert_eq!((still[0].records, still[9].records), (900.0, 0.0));
        assert!(rates.0.len() < 15, "{} are kept", rates.0.len());
    }
}
