//! What rules may cost a worker. All shadow rules together have a share of its processor time: they draw on a credit that grows
//! as the worker works, and while it is spent they judge nothing, each in its turn. So they see a sample of the batches, and
//! live flow loses no more than the share. It knows no rule's code; times come in as arguments.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::rules::live::InstanceKey;

/// Credit that can be saved up, in seconds: a burst after a pause costs no more than this at once.
const BURST: f64 = 0.1;
/// A worker that waits for records has time to spare: of the share, this part is earned by the clock.
const IDLE: f64 = 0.1;
/// What a shadow rule took at least in a window before it is called too dear: its first call also makes its instance.
const TELLING: Duration = Duration::from_millis(20);
/// Of a window, the part from which on a worker counts as busy, in processor time: 1 s of 10 s. While it idles, nothing is too
/// dear for it.
const BUSY: f64 = 0.1;

/// One worker's account of what its rules cost.
pub(super) struct Budgets {
    /// Part of the worker's processor time that shadow rules may take, 0 to 1.
    share: f64,
    /// Time over which costs are averaged.
    length: Duration,
    /// Seconds that they may take now; below zero while more was spent than earned.
    credit: f64,
    /// Clock and processor time when the latest batch began.
    seen: Option<(Instant, Duration)>,
    /// Processor time of shadow rules since then.
    spent: Duration,
    window: Window,
    /// Which shadow rule is next.
    pub(super) turn: usize,
}

#[derive(Default)]
struct Window {
    /// Clock and processor time at its beginning.
    began: Option<(Instant, Duration)>,
    batches: u64,
    rows: u64,
    shadows: HashMap<InstanceKey, Cost>,
}

/// What a shadow rule cost within a window.
#[derive(Clone, Copy, Default)]
struct Cost {
    took: Duration,
    batches: u64,
    rows: u64,
}

/// A window that is over.
pub(super) struct Closed {
    window: Window,
    /// Processor time of the worker.
    busy: Duration,
    /// From this on it counts as busy.
    enough: Duration,
    share: f64,
}

impl Budgets {
    /// `length`: time over which costs are averaged.
    pub(super) fn new(share: f64, length: Duration) -> Self {
        let window = Window::default();
        Self { share, length, credit: BURST, seen: None, spent: Duration::ZERO, window, turn: 0 }
    }

    /// A batch begins at this time. Returns the window that ended with it, if one did.
    pub(super) fn batch(&mut self, (wall, cpu): (Instant, Duration), rows: usize) -> Option<Closed> {
        if let Some((since, before)) = self.seen.replace((wall, cpu)) {
            let worked = cpu.saturating_sub(before).saturating_sub(self.spent).as_secs_f64();
            let waited = wall.saturating_duration_since(since).as_secs_f64();
            self.credit = (self.credit + self.share * (worked + IDLE * waited)).min(BURST);
        }
        self.spent = Duration::ZERO;
        let (began, before) = *self.window.began.get_or_insert((wall, cpu));
        let over = wall.saturating_duration_since(began) >= self.length;
        let closed = over.then(|| {
            let window = std::mem::replace(&mut self.window, Window { began: Some((wall, cpu)), ..Window::default() });
            let enough = self.length.mul_f64(BUSY);
            Closed { window, busy: cpu.saturating_sub(before), enough, share: self.share }
        });
        self.window.batches += 1;
        self.window.rows += rows as u64;
        closed
    }

    /// Whether a shadow rule may be asked now.
    pub(super) fn allows_shadow(&self) -> bool {
        self.credit > 0.0
    }

    /// A shadow rule took this long for so many rows.
    pub(super) fn spend(&mut self, rule: InstanceKey, took: Duration, rows: usize) {
        self.credit -= took.as_secs_f64();
        self.spent += took;
        let cost = self.window.shadows.entry(rule).or_default();
        cost.took += took;
        cost.batches += 1;
        cost.rows += rows as u64;
    }
}

impl Closed {
    /// The rule judged one batch in so many.
    pub(super) fn one_in(&self, rule: &InstanceKey) -> u64 {
        let judged = self.window.shadows.get(rule).map_or(0, |cost| cost.batches);
        self.window.batches.div_ceil(judged.max(1)).max(1)
    }

    /// The part of the worker's time that this shadow rule alone would take if it judged every record, if that is more than
    /// the share of all.
    pub(super) fn too_dear(&self, rule: &InstanceKey) -> Option<f64> {
        let cost = self.window.shadows.get(rule)?;
        if cost.took < TELLING || cost.rows == 0 || self.busy < self.enough {
            return None;
        }
        let all = cost.took.as_secs_f64() / cost.rows as f64 * self.window.rows as f64;
        let part = all / self.busy.as_secs_f64();
        (part > self.share).then_some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Sha256;

    const RULE: InstanceKey = InstanceKey(Sha256([1; 32]));
    const OTHER: InstanceKey = InstanceKey(Sha256([2; 32]));

    /// A worker that is busy for 5 ms a batch of 2,000 rows without shadow rules; each of these asks for so much a batch.
    /// Returns the time of shadow rules, the worker's whole time, and the last window that ended.
    fn run(rules: &[(InstanceKey, Duration)], batches: usize) -> (Duration, Duration, Option<Closed>) {
        let (began, mut budgets, mut last) = (Instant::now(), Budgets::new(0.1, Duration::from_secs(10)), None);
        let (mut at, mut shadow) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..batches {
            last = budgets.batch((began + at, at), 2_000).or(last);
            at += Duration::from_millis(5);
            for _ in 0..rules.len() {
                if !budgets.allows_shadow() {
                    break;
                }
                let (rule, took) = rules[budgets.turn % rules.len()];
                budgets.turn += 1;
                budgets.spend(rule, took, 2_000);
                (at, shadow) = (at + took, shadow + took);
            }
        }
        (shadow, at, last)
    }

    #[test]
    fn shadow_rules_together_take_no_more_than_their_share_however_dear() {
        for (rules, took) in [(1, 1), (40, 1), (40, 45), (40, 200)] {
            let rules: Vec<_> =
                (0..rules).map(|n| (InstanceKey(Sha256([n; 32])), Duration::from_millis(took))).collect();
            let (shadow, all, _) = run(&rules, 10_000);
            let part = shadow.as_secs_f64() / all.as_secs_f64();
            assert!(part < 0.12 && part > 0.08, "{} rules of {took} ms took {part:.3}", rules.len());
        }
    }

    #[test]
    fn cheap_ones_judge_every_batch_and_a_dear_one_is_named() {
        let (_, _, last) = run(&[(RULE, Duration::from_micros(20))], 10_000);
        let closed = last.unwrap();
        assert_eq!((closed.one_in(&RULE), closed.too_dear(&RULE)), (1, None));
        let (_, _, last) = run(&[(RULE, Duration::from_micros(20)), (OTHER, Duration::from_millis(45))], 10_000);
        let closed = last.unwrap();
        assert!(closed.one_in(&OTHER) > 20 && closed.too_dear(&OTHER).is_some() && closed.too_dear(&RULE).is_none());
    }
}
