//! What `risk_stats` and the dead-letter topic must hold after a topic was judged whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use crate::records::{Cents, Drawn, Fate, Kind};

/// Of the windows that are measured; `first` of the peers divides by it.
const WINDOW_MS: i64 = 5_000;

#[derive(Debug)]
struct Row {
    records: u64,
    flagged: u64,
    sum: i64,
    min: i64,
    max: i64,
}

/// Tallies records as they are drawn.
#[derive(Debug, Default)]
pub struct Truth {
    /// By window and group.
    rows: HashMap<(i64, u64), Row>,
    /// All records.
    pub records: u64,
    /// Those with an amount below zero.
    pub negative: u64,
    /// Those that are no whole JSON.
    pub malformed: u64,
    /// Valid ones that `balance_mismatch` flags.
    pub flagged: u64,
    /// Cents of the valid ones.
    pub sum: i64,
    /// Cents of those below zero.
    pub negative_sum: i64,
    /// Bytes of all values.
    pub bytes: u64,
}

impl Truth {
    /// Counts a record whose value has so many bytes.
    pub fn add(&mut self, drawn: &Drawn, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
        match drawn.fate {
            Fate::Malformed => self.malformed += 1,
            Fate::Negative => {
                self.negative += 1;
                self.negative_sum += drawn.cents;
            }
            Fate::Valid => self.add_valid(drawn),
        }
    }

    fn add_valid(&mut self, drawn: &Drawn) {
        let window = drawn.event_time.div_euclid(WINDOW_MS) * WINDOW_MS;
        let nothing = Row { records: 0, flagged: 0, sum: 0, min: i64::MAX, max: i64::MIN };
        let row = self.rows.entry((window, drawn.group)).or_insert(nothing);
        row.records += 1;
        row.flagged += u64::from(drawn.mismatch);
        row.sum += drawn.cents;
        row.min = row.min.min(drawn.cents);
        row.max = row.max.max(drawn.cents);
        self.flagged += u64::from(drawn.mismatch);
        self.sum += drawn.cents;
    }

    /// How many rows `risk_stats` gets.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// A line a row, columns apart by tabs as the `mariadb` client prints them: window in epoch milliseconds, type, records,
    /// flagged, sum, min, max.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, path: &Path, named: bool) -> Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        for ((window, group), row) in &self.rows {
            let kind = Kind { group: *group, named };
            let Row { records, flagged, sum, min, max } = row;
            let (sum, min, max) = (Cents(*sum), Cents(*min), Cents(*max));
            writeln!(out, "{window}\t{kind}\t{records}\t{flagged}\t{sum}\t{min}\t{max}")?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Records, Shape};

    fn truth(shape: Shape) -> Truth {
        let (mut records, mut truth) = (Records::new(42, shape), Truth::default());
        for _ in 0..20_000 {
            let drawn = records.draw();
            truth.add(&drawn, records.value.len());
        }
        truth
    }

    #[test]
    fn a_seed_makes_the_records_of_the_peers() {
        let truth = truth(Shape::default());
        let counts = (truth.records, truth.negative, truth.malformed, truth.flagged, truth.rows());
        assert_eq!((counts, truth.sum, truth.bytes), ((20_000, 377, 87, 7_740, 25), 9_736_224_293, 5_105_903));
    }

    #[test]
    fn all_may_be_dead_letters_and_balances_may_move_as_they_should() {
        let all = truth(Shape { negative: 1_000, malformed: 0, ..Shape::default() });
        assert_eq!((all.negative, all.rows()), (20_000, 0));
        let balanced = truth(Shape { balanced: true, ..Shape::default() });
        let literal = truth(Shape::default());
        assert_eq!((balanced.flagged, balanced.sum), (0, literal.sum));
        assert!(literal.flagged > 0);
    }

    #[test]
    fn many_groups_share_a_window_when_event_time_stands_almost_still() {
        let truth = truth(Shape { groups: 1_000, per_ms: 1_000, ..Shape::default() });
        assert!((1_000..=2_000).contains(&truth.rows()), "{} rows", truth.rows());
    }
}
