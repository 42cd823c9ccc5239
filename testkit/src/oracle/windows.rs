//! What `risk_stats` holds, and what it should hold. Amounts are whole cents; nothing here is a float.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::Value;

use crate::pipeline::TestPipeline;

/// One row of `risk_stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Records in it.
    pub records: u64,
    /// Those of them that a rule flagged.
    pub flagged: u64,
    /// Sum of the amounts, in cents.
    pub sum: i128,
    /// The least amount, in cents.
    pub min: i128,
    /// The greatest amount, in cents.
    pub max: i128,
}

/// By start (epoch milliseconds) and group.
pub type Windows = BTreeMap<(i64, String), Sums>;

impl Sums {
    /// Adds a record.
    pub fn add(&mut self, amount: i128, flagged: bool) {
        self.min = if self.records == 0 { amount } else { self.min.min(amount) };
        self.max = if self.records == 0 { amount } else { self.max.max(amount) };
        self.records += 1;
        self.flagged += u64::from(flagged);
        self.sum += amount;
    }
}

/// Exact: two fraction digits or none are what the tests' amounts have.
pub fn cents(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "00"));
    let fraction = format!("{fraction:0<2}");
    assert_eq!(fraction.len(), 2, "{text} has two fraction digits at most");
    let parsed = |text: &str| text.parse::<i128>().unwrap_or_else(|why| panic!("{text:?}: {why}"));
    sign * (parsed(whole) * 100 + parsed(&fraction))
}

/// The windows of a truth file of `weir generate`.
pub fn of_truth(truth: &Value) -> Windows {
    let window = |window: &Value| {
        let amount = |name: &str| cents(window[name].as_str().expect("exact text"));
        let number = |name: &str| window[name].as_u64().expect("a count");
        let key = (window["window_start"].as_i64().expect("a time"), window["type"].as_str().expect("text").to_owned());
        let (records, flagged) = (number("records"), number("flagged"));
        (
            key,
            Sums { records, flagged, sum: amount("amount_sum"), min: amount("amount_min"), max: amount("amount_max") },
        )
    };
    truth["windows"].as_array().expect("windows").iter().map(window).collect()
}

impl TestPipeline {
    /// `risk_stats` as it is, grouped by this column.
    pub fn windows(&self, group: &str) -> Windows {
        let start = match self.sqlite().exists() {
            true => "CAST(strftime('%s', window_start) AS INTEGER) * 1000",
            false => "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) DIV 1000",
        };
        let rows = self.sql(&format!(
            "SELECT {start}, `{group}`, records, flagged, amount_sum, amount_min, amount_max FROM risk_stats"
        ));
        let all = rows.len();
        let row = |row: Vec<String>| {
            let number = |at: usize| row[at].parse().expect("a count");
            let key = (row[0].parse().expect("a time"), row[1].clone());
            let (sum, min, max) = (cents(&row[4]), cents(&row[5]), cents(&row[6]));
            (key, Sums { records: number(2), flagged: number(3), sum, min, max })
        };
        let windows: Windows = rows.into_iter().map(row).collect();
        assert_eq!(windows.len(), all, "a window and group has one row");
        windows
    }

    /// Fails unless `risk_stats` is this.
    pub fn windows_are(&self, group: &str, want: &Windows) {
        assert!(!want.is_empty());
        same(&self.windows(group), want);
    }
}

/// Fails with what differs, not with all there is.
pub fn same<K: Ord + Debug, V: PartialEq + Debug>(got: &BTreeMap<K, V>, want: &BTreeMap<K, V>) {
    let wrong = got.iter().filter(|(key, value)| want.get(key) != Some(value));
    let wrong: Vec<String> =
        wrong.map(|(key, value)| format!("{key:?}: {value:?}, should be {:?}", want.get(key))).collect();
    let missing: Vec<String> = want
        .iter()
        .filter(|(key, _)| !got.contains_key(key))
        .map(|(key, value)| format!("{key:?}: missing, should be {value:?}"))
        .collect();
    let all: Vec<String> = wrong.into_iter().chain(missing).collect();
    assert!(all.is_empty(), "{} of {} differ:\n{}", all.len(), want.len(), all[..all.len().min(10)].join("\n"));
}
