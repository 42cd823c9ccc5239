//! How a figure went lately, as a line without axes beside the figure: where it rose is seen among a hundred rows. The counts are
//! beside it in words.

use super::number::count;

/// Width and height of the picture, in its own units.
const WIDTH: usize = 90;
const HEIGHT: u64 = 16;

/// Counts of equal spans of time, the oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trend {
    /// Points of the line; empty: nothing was counted, or once only, so there is none.
    pub(super) points: String,
    /// What it says, in words.
    pub(super) label: String,
}

impl Trend {
    /// `span`: how long all of them are, in words, as "15 min".
    pub(super) fn of(counts: &[u64], span: &str) -> Self {
        let (sum, most) = (counts.iter().sum::<u64>(), counts.iter().copied().max().unwrap_or_default());
        let label = format!("{} in {span}", count(sum));
        if most == 0 || counts.len() < 2 {
            return Self { points: String::new(), label };
        }
        let step = WIDTH as f64 / (counts.len() - 1) as f64;
        let point = |(at, count): (usize, &u64)| {
            // A screen's precision: the figure is the label's to say.
            let y = HEIGHT - 1 - (*count as f64 / most as f64 * (HEIGHT - 2) as f64).round() as u64;
            format!("{:.0},{y}", at as f64 * step)
        };
        let points: Vec<_> = counts.iter().enumerate().map(point).collect();
        Self { points: points.join(" "), label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_from_the_oldest_to_the_newest_and_up_where_more_was_counted() {
        let trend = Trend::of(&[0, 5, 10], "15 min");
        assert_eq!((trend.points.as_str(), trend.label.as_str()), ("0,15 45,8 90,1", "15 in 15 min"));
        assert_eq!(
            Trend::of(&[7], "15 min"),
            Trend { points: String::new(), label: "7 in 15 min".into() },
            "no line yet"
        );
    }

    #[test]
    fn where_nothing_was_counted_there_is_no_line() {
        assert_eq!(Trend::of(&[0; 30], "15 min"), Trend { points: String::new(), label: "0 in 15 min".into() });
        assert_eq!(Trend::of(&[], "15 min").points, "");
    }
}
