//! What must come out, by the generator's truth and, for flags, by which rules judged each record.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use crate::cli::generate::Truth;

/// What flags a record, by rule.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// Unscaled cents; compared with the limit that was in force.
    pub(super) amount: i64,
    pub(super) self_transfer: bool,
    pub(super) balance_mismatch: bool,
}

/// One record.
pub(super) struct Expectation {
    pub(super) window_start: i64,
    pub(super) kind: String,
    pub(super) valid: bool,
    pub(super) flags: Flags,
}

/// What should become of each row, by row number.
pub(super) struct Expected {
    pub(super) records: Vec<Expectation>,
    /// Records, sum, least and greatest amount by window and type; flags depend on the swaps.
    pub(super) windows: BTreeMap<(i64, String), (u64, String, String, String)>,
    pub(super) letters: BTreeMap<String, u64>,
}

impl Expected {
    pub(super) fn read(csv: &Path, truth: &Truth) -> anyhow::Result<Self> {
        // Without Redis nobody is blocked.
        let dirty: BTreeMap<u64, &str> =
            truth.dead_letters.rows.iter().copied().filter(|(_, code)| *code != "BLOCKED_SEGMENT").collect();
        let mut records = Vec::new();
        for (number, row) in (0..).zip(csv::Reader::from_path(csv)?.records()) {
            records.push(expectation(&row?, !dirty.contains_key(&number), truth.window_ms)?);
        }
        let mut letters = BTreeMap::new();
        for code in dirty.values() {
            *letters.entry((*code).to_owned()).or_default() += 1;
        }
        let windows = truth.windows_without_lookup.iter().map(|window| {
            let sums =
                (window.records, window.amount_sum.clone(), window.amount_min.clone(), window.amount_max.clone());
            ((window.window_start, window.kind.clone()), sums)
        });
        Ok(Self { records, windows: windows.collect(), letters })
    }
}

fn expectation(row: &csv::StringRecord, valid: bool, window_ms: i64) -> anyhow::Result<Expectation> {
    let cell = |index: usize| row.get(index).context("a column is missing");
    let kind = cell(1)?.to_owned();
    let event_time: i64 = cell(11)?.parse().unwrap_or_default();
    let flags = if valid {
        let (amount, old, new) = (cents(cell(2)?)?, cents(cell(4)?)?, cents(cell(5)?)?);
        let left = if kind == "CASH_IN" { old + amount } else { (old - amount).max(0) };
        Flags { amount, self_transfer: cell(3)? == cell(6)?, balance_mismatch: left != new }
    } else {
        Flags::default()
    };
    Ok(Expectation { window_start: event_time.div_euclid(window_ms) * window_ms, kind, valid, flags })
}

fn cents(text: &str) -> anyhow::Result<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
    Ok(format!("{whole}{fraction:0<2}").parse()?)
}
