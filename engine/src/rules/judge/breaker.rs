//! When a rule fails so steadily that it has to go.

use super::verdict::Verdict;

/// Batches that fail one after the other before the breaker trips: one may be bad luck.
const BATCHES: u32 = 3;
/// Rows that may fail alone before the rest of their batch is failed unasked, and rows in a row that fail before the breaker
/// trips.
pub(super) const MAX_FAILING_ROWS: usize = 8;
/// Batches of which as many are counted that cost a search which was dear or found nobody.
const LATEST: u32 = 10;

/// A rule's failures with no row between them that it judged well.
///
/// It counts rows, for batches may be of one row each: three bad records in a row would trip a rule that is right to
/// fail on them, though it fails on none of the 10,000 others. Eight in a row are what also ends a search within one
/// batch. It counts batches too, so that one short burst of dirt is not enough.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    batches: u32,
    rows: usize,
    /// A bit for each of the latest batches, the newest lowest: its search was dear or found nobody.
    dear: u16,
}

impl Breaker {
    /// Takes in a batch; true if the rule has to go.
    pub(super) fn trips(&mut self, verdict: &Verdict) -> bool {
        self.dear = (self.dear << 1 | u16::from(verdict.dear)) & ((1 << LATEST) - 1);
        if verdict.good > 0 {
            (self.batches, self.rows) = (0, 0);
        } else if verdict.failed > 0 {
            self.batches += 1;
            self.rows += verdict.failed;
        }
        // Past the bound of a search even good rows don't save it: each batch would cost that much again.
        verdict.rest.is_some()
            || self.dear.count_ones() >= BATCHES
            || self.batches >= BATCHES && self.rows >= MAX_FAILING_ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many batches of so many good and failed rows it takes until the breaker trips; 0 if it never does.
    fn trips_after(batches: &[(usize, usize)]) -> usize {
        let mut breaker = Breaker::default();
        let of = |&(good, failed): &(usize, usize)| Verdict { good, failed, ..Verdict::default() };
        batches.iter().position(|batch| breaker.trips(&of(batch))).map_or(0, |at| at + 1)
    }

    #[test]
    fn eight_rows_and_three_batches_in_a_row_trip() {
        assert_eq!(trips_after(&[(0, 1); 20]), 8);
        assert_eq!(trips_after(&[(0, 4); 20]), 3);
        assert_eq!(trips_after(&[(0, 8); 20]), 3);
    }

    #[test]
    fn three_dear_searches_of_the_last_ten_batches_trip_whatever_they_found() {
        let trip_at = |every: usize| {
            let mut breaker = Breaker::default();
            let of = |n: usize| Verdict { good: 100, dear: n.is_multiple_of(every), ..Verdict::default() };
            (0..200).position(|n| breaker.trips(&of(n)))
        };
        assert_eq!((trip_at(1), trip_at(2), trip_at(4), trip_at(5)), (Some(2), Some(4), Some(8), None));
    }

    #[test]
    fn a_good_row_between_ends_the_count() {
        let seven_bad_one_good: Vec<_> = [(0, 1); 7].into_iter().chain([(1, 0)]).cycle().take(800).collect();
        assert_eq!(trips_after(&seven_bad_one_good), 0);
        assert_eq!(trips_after(&[(1, 7); 100]), 0);
    }

    #[test]
    fn rows_that_the_rule_does_not_apply_to_say_nothing() {
        let every_other_one: Vec<_> = [(0, 1), (0, 0)].into_iter().cycle().take(100).collect();
        assert_eq!(trips_after(&every_other_one), 15);
    }
}
