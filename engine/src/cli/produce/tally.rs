//! Which of the records that were handed to librdkafka are confirmed, in the order of the file. Knows no Kafka.

use std::collections::VecDeque;

/// Counts confirmations, which may come in any order. Holds a line for each record from the first unconfirmed one on: so
/// many as the producer's queue takes.
#[derive(Debug)]
pub(super) struct Tally<E> {
    /// Lines of the records from number `first` on, and whether each is confirmed.
    open: VecDeque<(u64, bool)>,
    first: usize,
    confirmed: u64,
    /// The failure that was told first.
    failure: Option<(u64, E)>,
}

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self { open: VecDeque::new(), first: 0, confirmed: 0, failure: None }
    }
}

impl<E> Tally<E> {
    /// A record of this line is handed over; returns its number.
    pub(super) fn hand_over(&mut self, line: u64) -> usize {
        self.open.push_back((line, false));
        self.first + self.open.len() - 1
    }

    /// The record that was handed over last was not taken.
    pub(super) fn take_back(&mut self) {
        self.open.pop_back();
    }

    /// What became of a record.
    pub(super) fn report(&mut self, number: usize, result: Result<(), E>) {
        let Some((line, confirmed)) = number.checked_sub(self.first).and_then(|at| self.open.get_mut(at)) else {
            return;
        };
        if let Err(error) = result {
            let line = *line;
            self.failure.get_or_insert((line, error));
            return;
        }
        *confirmed = true;
        self.confirmed += 1;
        while self.open.front().is_some_and(|(_, confirmed)| *confirmed) {
            self.open.pop_front();
            self.first += 1;
        }
    }

    pub(super) fn failure(&self) -> Option<&(u64, E)> {
        self.failure.as_ref()
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// The line of the first record that is not confirmed.
    pub(super) fn first_open(&self) -> Option<u64> {
        self.open.front().map(|(line, _)| *line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_out_of_order_leave_the_first_line_that_is_not_confirmed() {
        let mut tally = Tally::<&str>::default();
        let numbers: Vec<_> = [2, 3, 5, 9].map(|line| tally.hand_over(line)).into();
        tally.report(numbers[1], Ok(()));
        assert_eq!((tally.confirmed(), tally.first_open()), (1, Some(2)));
        tally.report(numbers[0], Ok(()));
        assert_eq!((tally.confirmed(), tally.first_open()), (2, Some(5)));
        tally.report(numbers[2], Err("too large"));
        tally.report(numbers[3], Ok(()));
        assert_eq!((tally.confirmed(), tally.first_open(), tally.failure()), (3, Some(5), Some(&(5, "too large"))));
    }

    #[test]
    fn a_record_that_was_not_taken_is_not_waited_for() {
        let mut tally = Tally::<&str>::default();
        tally.hand_over(2);
        tally.take_back();
        assert_eq!(tally.first_open(), None);
        let number = tally.hand_over(2);
        tally.report(number, Ok(()));
        assert_eq!((tally.confirmed(), tally.first_open()), (1, None));
    }
}
