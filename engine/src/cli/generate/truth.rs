//! What the engine must find in the generated records: every window to the cent, every dead letter by row. Computed
//! with the default parameters of the rules and windows of five seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Parameters;
use super::rows::{BLOCKED_NAMES, Row, cents};

const WINDOW_MS: i64 = 5_000;

/// The truth file.
#[derive(Debug, Serialize)]
pub struct Truth {
    /// What the records were made from.
    pub parameters: Parameters,
    /// How many there are.
    pub records: u64,
    /// Length of a window.
    pub window_ms: i64,
    /// Customers that Redis must call blocked for `windows` to hold.
    pub blocked_names: [&'static str; 4],
    /// With the lookup: records of blocked customers are dead letters.
    pub windows: Vec<WindowTruth>,
    /// Without it: they are valid.
    pub windows_without_lookup: Vec<WindowTruth>,
    /// With the lookup; without it those of BLOCKED_SEGMENT are none.
    pub dead_letters: DeadLetters,
}

/// One row of `risk_stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowTruth {
    /// Start of the window, in epoch milliseconds, inclusive.
    pub window_start: i64,
    /// Type of the payment, as PaySim names it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Valid records.
    pub records: u64,
    /// Sum of the amounts, as exact decimal text.
    pub amount_sum: String,
    /// Least amount, as exact decimal text.
    pub amount_min: String,
    /// Greatest amount, as exact decimal text.
    pub amount_max: String,
    /// Valid records that a flag hits.
    pub flagged: u64,
}

/// All dead letters.
#[derive(Debug, Default, Serialize)]
pub struct DeadLetters {
    /// How many of each code.
    pub by_code: BTreeMap<&'static str, u64>,
    /// Row number (`tx_id`) and code.
    pub rows: Vec<(u64, &'static str)>,
}

#[derive(Default)]
struct Sums {
    records: u64,
    flagged: u64,
    sum: i128,
    min: Option<i64>,
    max: Option<i64>,
}

type Windows = BTreeMap<(i64, &'static str), Sums>;

pub(super) struct Builder {
    parameters: Parameters,
    windows: Windows,
    without_lookup: Windows,
    dead_letters: DeadLetters,
}

impl Builder {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            parameters: parameters.clone(),
            windows: Windows::new(),
            without_lookup: Windows::new(),
            dead_letters: DeadLetters::default(),
        }
    }

    pub(super) fn add(&mut self, row: &Row) {
        if let Some(code) = row.code {
            *self.dead_letters.by_code.entry(code).or_default() += 1;
            self.dead_letters.rows.push((row.number, code));
        }
        if row.code.is_none() {
            count(&mut self.windows, row);
        }
        if matches!(row.code, None | Some("BLOCKED_SEGMENT")) {
            count(&mut self.without_lookup, row);
        }
    }

    pub(super) fn finish(self) -> Truth {
        Truth {
            records: self.parameters.records,
            parameters: self.parameters,
            window_ms: WINDOW_MS,
            blocked_names: BLOCKED_NAMES,
            windows: listed(self.windows),
            windows_without_lookup: listed(self.without_lookup),
            dead_letters: self.dead_letters,
        }
    }
}

fn count(windows: &mut Windows, row: &Row) {
    let start = row.event_time - row.event_time.rem_euclid(WINDOW_MS);
    let sums = windows.entry((start, row.kind)).or_default();
    sums.records += 1;
    sums.flagged += u64::from(row.flagged);
    sums.sum += i128::from(row.amount);
    sums.min = Some(sums.min.map_or(row.amount, |min| min.min(row.amount)));
    sums.max = Some(sums.max.map_or(row.amount, |max| max.max(row.amount)));
}

fn listed(windows: Windows) -> Vec<WindowTruth> {
    let one = |((window_start, kind), sums): ((i64, &str), Sums)| WindowTruth {
        window_start,
        kind: kind.to_owned(),
        records: sums.records,
        amount_sum: cents(sums.sum),
        amount_min: cents(sums.min.unwrap_or_default()),
        amount_max: cents(sums.max.unwrap_or_default()),
        flagged: sums.flagged,
    };
    windows.into_iter().map(one).collect()
}
