//! Windows of the fake store.

use weir::store::{StatsRow, WindowRows, WindowsWanted};

use super::IBAN;

/// Milliseconds of a window.
const SIZE: i64 = 5_000;

/// What a test may choose of them.
#[derive(Clone, Debug, Default)]
pub struct FakeWindows {
    /// How many windows there are beside the first, newest last, each with a row of every type. The last two are open.
    pub more: i64,
    /// The types; none given: PAYMENT alone.
    pub types: Vec<String>,
}

impl FakeWindows {
    /// The first window begins at 0. Each fifth has a late record of the first type.
    pub(super) fn read(&self, wanted: WindowsWanted) -> WindowRows {
        let types = if self.types.is_empty() { vec!["PAYMENT".to_owned()] } else { self.types.clone() };
        let row = |number: i64, of: i64, kind: &String| StatsRow {
            window_start: number * SIZE,
            window_end: (number + 1) * SIZE,
            group: vec![("type".into(), Some(kind.clone()))],
            records: 2 + of * 400 + number * (7_919 + of * 31) % 997,
            flagged: 1 + number * (of + 2) % 7,
            late: i64::from(number % 5 == 4 && of == 0),
            measures: vec![
                ("amount_sum".into(), Some(format!("{}.10", of * 90_000 + number * 7_919 % 100_003))),
                ("iban_min".into(), Some(IBAN.into())),
            ],
        };
        let is_open = |start: i64| self.more > 0 && start > (self.more - 2) * SIZE;
        let is_wanted = |row: &StatsRow| {
            wanted.from.is_none_or(|from| row.window_start >= from)
                && wanted.to.is_none_or(|to| row.window_start < to)
                && !(wanted.final_only && is_open(row.window_start))
        };
        let all =
            (0..=self.more).rev().flat_map(|number| (0..).zip(&types).map(move |(of, kind)| row(number, of, kind)));
        let rows = all.filter(is_wanted).take(wanted.limit as usize).collect();
        WindowRows { rows, final_upto: (self.more > 0).then_some((self.more - 1) * SIZE) }
    }
}
