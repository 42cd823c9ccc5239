//! Where values and times are on a chart, and which of them its axes name: round ones, few of them.

use chrono::{DateTime, Utc};

use super::PLANE;

/// Times that the axis names, at most: four fit beside each other on a phone.
const TIMES: i64 = 4;
/// Steps between two of them, in seconds; then days.
const STEPS: [i64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
const DAY: i64 = 24 * 60 * 60 * 1_000;
/// What stands for thousands, millions and so on.
const UNITS: [(f64, &str); 5] = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, "")];

/// Which values are at the edges, and in which steps they are named.
pub(super) struct Scale {
    least: f64,
    most: f64,
    step: f64,
}

impl Scale {
    /// Holds 0 and each of these; what is no number counts for nothing. Of whole numbers, whole ones are named.
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Self {
        // A third of what a number can be: what is computed of two of them is one, too.
        let finite = numbers.filter(|number| number.abs() < f64::MAX / 3.0);
        let (low, high, whole) = finite.fold((0.0_f64, 0.0_f64, true), |(low, high, whole), number| {
            (low.min(number), high.max(number), whole && number.fract() == 0.0)
        });
        if low == high {
            return Self { least: 0.0, most: 1.0, step: 1.0 };
        }
        let raw = (high - low) / 4.0;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|step| step * power).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * power).max(if whole { 1.0 } else { 0.0 });
        Self { least: (low / step).floor() * step, most: (high / step).ceil() * step, step }
    }

    /// Pixels below the upper edge of the plane.
    pub(super) fn y(&self, number: f64) -> f64 {
        let part = (number - self.least) / (self.most - self.least);
        PLANE - part.clamp(0.0, 1.0) * PLANE
    }

    /// The values that the axis names, with where they are.
    pub(super) fn levels(&self) -> impl Iterator<Item = (f64, String)> {
        let count = ((self.most - self.least) / self.step).round();
        let greatest = self.most.abs().max(self.least.abs());
        // At most six: a step is a quarter of the values or more.
        (0..=count.clamp(0.0, 8.0) as u32).map(move |number| {
            let value = self.least + f64::from(number) * self.step;
            (self.y(value), label(value, self.step, greatest))
        })
    }
}

/// `1.5 M`, with as many digits as tell it from its neighbors.
fn label(value: f64, step: f64, greatest: f64) -> String {
    if greatest >= 1e15 || step < 1e-6 {
        return format!("{value:.1e}");
    }
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| greatest >= *unit).unwrap_or((1.0, ""));
    // A power of ten may be computed a little too small.
    let digits = (-((step / unit).log10() + 1e-9).floor()).max(0.0) as usize;
    // No -0.
    format!("{:.digits$}{}", value / unit + 0.0, if value == 0.0 { "" } else { name })
}

/// The times that the axis names, each with its name, in UTC.
pub(super) fn times(first: i64, last: i64) -> Vec<(i64, String)> {
    let span = last.saturating_sub(first);
    let step = STEPS.into_iter().map(|seconds| seconds * 1_000).find(|step| span / step < TIMES);
    let step = step.unwrap_or_else(|| (span / DAY / TIMES + 1).saturating_mul(DAY));
    let form = match step {
        step if step < 60_000 => "%H:%M:%S",
        step if step >= DAY => "%Y-%m-%d",
        _ if span >= DAY => "%m-%d %H:%M",
        _ => "%H:%M",
    };
    let named = |at: i64, form| Some((at, DateTime::<Utc>::from_timestamp_millis(at)?.format(form).to_string()));
    let begin = first.saturating_add((step - first.rem_euclid(step)) % step);
    let all = std::iter::successors(Some(begin), |at| at.checked_add(step)).take_while(|at| *at <= last);
    let round: Vec<_> = all.take(TIMES as usize + 1).filter_map(|at| named(at, form)).collect();
    if round.is_empty() { named(first, "%H:%M:%S%.3f").into_iter().collect() } else { round }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(numbers: &[f64]) -> Vec<String> {
        Scale::of(numbers.iter().copied()).levels().map(|(_, label)| label).collect()
    }

    #[test]
    fn the_axis_of_values_holds_0_and_names_round_ones() {
        for (numbers, wanted) in [
            (&[0.0, 7.0][..], &["0", "2", "4", "6", "8"][..]),
            (&[1_234_567.0], &["0.0", "0.5 M", "1.0 M", "1.5 M"]),
            (&[-30.0, 45.0], &["-40", "-20", "0", "20", "40", "60"]),
            (&[0.0038], &["0.000", "0.001", "0.002", "0.003", "0.004"]),
            (&[], &["0", "1"]),
            (&[0.0, f64::NAN, f64::INFINITY], &["0", "1"]),
            (&[1.0, 0.0], &["0", "1"]),
            (&[-5.0], &["-6", "-4", "-2", "0"]),
            (&[1.9e20], &["0.0e0", "5.0e19", "1.0e20", "1.5e20", "2.0e20"]),
        ] {
            assert_eq!(labels(numbers), wanted, "{numbers:?}");
        }
    }

    #[test]
    fn values_stay_on_the_plane_whatever_they_are() {
        for numbers in [&[f64::MAX, f64::MIN][..], &[1e-300], &[1.0, f64::NAN], &[-0.0], &[f64::MAX / 4.0]] {
            let scale = Scale::of(numbers.iter().copied());
            for number in numbers.iter().filter(|number| number.is_finite()) {
                assert!((0.0..=PLANE).contains(&scale.y(*number)), "{number} of {numbers:?}");
            }
            assert!(scale.levels().count() <= 9, "{numbers:?}");
        }
    }

    #[test]
    fn the_axis_of_times_names_a_few_in_as_many_words_as_they_need() {
        let named = |first, last| times(first, last).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        let begin = 1_767_225_600_000; // 2026-01-01T00:00:00Z
        assert_eq!(named(begin, begin + 15 * 60_000), ["00:00", "00:05", "00:10", "00:15"]);
        assert_eq!(named(begin + 1, begin + 35_000), ["00:00:10", "00:00:20", "00:00:30"]);
        assert_eq!(named(begin, begin + DAY), ["01-01 00:00", "01-01 12:00", "01-02 00:00"]);
        assert_eq!(named(begin, begin + 9 * DAY), ["2026-01-01", "2026-01-04", "2026-01-07", "2026-01-10"]);
        assert_eq!(named(begin, begin), ["00:00:00"]);
        assert_eq!(named(begin + 200, begin + 900), ["00:00:00.200"], "none is round");
        for (first, last) in [(i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX), (-5, 3)] {
            assert!(times(first, last).len() <= TIMES as usize + 1);
        }
    }
}
