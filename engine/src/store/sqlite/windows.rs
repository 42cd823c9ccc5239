//! Adds windows in SQLite: reads each row, adds in Rust, writes it. BEGIN IMMEDIATE makes that one atomic step.

use super::{Bind, Result, Transaction};
use crate::fault;
use crate::model::aggregate::Join;
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::StoreError;
use crate::store::sql::{Dialect, Row, columns, stats, text};

pub(super) async fn add(tx: &mut Transaction, layout: &StatsLayout, windows: &[WindowDelta]) -> Result<()> {
    let sql = Statements::new(layout, tx.dialect());
    for window in windows {
        let key = text::time(window.start)
            .ok_or_else(|| StoreError::Fatal(format!("no calendar holds a window at {} ms", window.start)))?;
        let found = tx.rows(&sql.select, &[Bind::Text(&key), Bind::Blob(&window.group.id)]).await?;
        let sum = match found.into_iter().next() {
            Some(row) => added(layout, window, row)?,
            None => window.clone(),
        };
        let texts = stats::Texts::of(layout, std::slice::from_ref(&sum))?;
        let mut binds = Vec::new();
        texts.push(&mut binds, 0, &sum);
        tx.execute(&sql.replace, &binds).await?;
        fault::at("store.commit.window")?;
    }
    Ok(())
}

struct Statements {
    select: String,
    replace: String,
}

impl Statements {
    fn new(layout: &StatsLayout, d: &Dialect) -> Self {
        let table = &layout.table;
        let columns = columns::filled(layout);
        let mut read = vec!["records".to_owned(), "flagged".to_owned(), "late".to_owned()];
        read.extend(layout.measures.iter().map(columns::quoted));
        let marks = vec!["?"; columns.len()].join(", ");
        Self {
            select: format!("SELECT {} FROM `{table}` WHERE window_start = ? AND group_id = ?", read.join(", ")),
            replace: format!(
                "INSERT OR REPLACE INTO `{table}` ({}, updated_at) VALUES ({marks}, {})",
                columns.join(", "),
                d.now
            ),
        }
    }
}

/// The window as it will be: what the row holds and what the delta brings.
fn added(layout: &StatsLayout, window: &WindowDelta, mut row: Row) -> Result<WindowDelta> {
    let overflow = || StoreError::Fatal(format!("a sum in {} is out of range", layout.table));
    let plus = |a: i64, b: i64| a.checked_add(b).ok_or_else(overflow);
    let (records, flagged, late) = (row.int()?, row.int()?, row.int()?);
    let mut measures = Vec::with_capacity(layout.measures.len());
    for (measure, gained) in layout.measures.iter().zip(&window.measures) {
        let unscaled = |text: String| {
            let damaged = || format!("{text:?} in {} is no decimal of scale {}", layout.table, measure.scale);
            text::unscaled(&text, measure.scale).ok_or_else(|| StoreError::Fatal(damaged()))
        };
        let stored = row.maybe_text()?.map(unscaled).transpose()?;
        measures.push(both(stored, *gained, measure.aggregate.join()).ok_or_else(overflow)?);
    }
    Ok(WindowDelta {
        records: plus(records, window.records)?,
        flagged: plus(flagged, window.flagged)?,
        late: plus(late, window.late)?,
        measures,
        ..window.clone()
    })
}

/// NULL is no value, not zero. The outer None is an overflow.
fn both(a: Option<i128>, b: Option<i128>, join: Join) -> Option<Option<i128>> {
    match (a, b) {
        (Some(a), Some(b)) => join.apply(a, b).map(Some),
        (a, b) => Some(a.or(b)),
    }
}
