//! The columns of the statistics' table: which a layout asks for, under which names they can't be, and whether a table that
//! is there has them.

use super::{Bind, Result, Transaction};
use crate::model::aggregate::{Aggregate, Measure};
use crate::model::checkpoint::StatsLayout;
use crate::model::store::StoreError;

/// Characters of a table's name; its view's is longer by `_final`, and a name has 64 at most.
const MAX_TABLE: usize = 58;
/// Characters of a column's name.
const MAX_COLUMN: usize = 64;

/// The columns that a delta fills, in backticks where the configuration named them, in the order of
/// [`Texts::push`](super::stats::Texts::push).
pub(crate) fn filled(layout: &StatsLayout) -> Vec<String> {
    let mut columns: Vec<String> = ["window_start", "group_id", "window_end"].map(String::from).to_vec();
    columns.extend(layout.group_by.iter().map(|field| format!("`{field}`")));
    columns.extend(["records", "flagged", "late"].map(String::from));
    columns.extend(layout.measures.iter().map(quoted));
    columns
}

/// Name of the measure's column, in backticks.
pub(crate) fn quoted(measure: &Measure) -> String {
    format!("`{}`", measure.column())
}

/// Every name that the configuration brings into SQL must be one that quoting cannot be broken with.
pub(super) fn validate(layout: &StatsLayout) -> Result<()> {
    let mut seen = StatsLayout::FIXED.map(String::from).to_vec();
    plain(&layout.table, MAX_TABLE)?;
    if layout.table.to_lowercase().starts_with("weir_") {
        return Err(StoreError::Fatal(format!("the table {:?} would be mixed up with the engine's own", layout.table)));
    }
    let columns = layout.group_by.iter().cloned().chain(layout.measures.iter().map(Measure::column));
    for column in columns {
        plain(&column, MAX_COLUMN)?;
        let lower = column.to_lowercase();
        if seen.contains(&lower) {
            return Err(StoreError::Fatal(format!("{} would have two columns named {column:?}", layout.table)));
        }
        seen.push(lower);
    }
    Ok(())
}

fn plain(name: &str, most: usize) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if !name.is_empty() && name.len() <= most && name.chars().all(fits) {
        return Ok(());
    }
    Err(StoreError::Fatal(format!(
        "{name:?} cannot name a table or column: at most {most} of letters, digits, underscore and point"
    )))
}

/// A table that was there already must have the columns, and decimals of the very scale.
pub(super) async fn check(tx: &mut Transaction, layout: &StatsLayout) -> Result<()> {
    let d = tx.dialect();
    let mut there = Vec::new();
    for mut row in tx.rows(d.columns_of, &[Bind::Text(&layout.table)]).await? {
        there.push((row.text()?.to_lowercase(), row.text()?.to_lowercase()));
    }
    let mut wanted: Vec<_> = StatsLayout::FIXED.iter().map(|name| ((*name).to_owned(), None)).collect();
    wanted.extend(layout.group_by.iter().map(|name| (name.clone(), None)));
    wanted.extend(layout.measures.iter().map(|measure| (measure.column(), Some(d.decimal(measure.scale)))));
    let mut wrong = Vec::new();
    for (name, kind) in &wanted {
        match (there.iter().find(|(column, _)| *column == name.to_lowercase()), kind) {
            (None, _) => wrong.push(format!("it lacks the column {name}")),
            (Some((_, found)), Some(kind)) if *found != kind.to_lowercase() => {
                wrong.push(format!("{name} is {found}, not {kind}"));
            }
            _ => {}
        }
    }
    // Rows that this configuration changes would keep what another one left there.
    let mut fields: Vec<_> = layout.measures.iter().map(|measure| &measure.field).collect();
    fields.dedup();
    for name in fields.iter().flat_map(|field| Aggregate::ALL.map(|aggregate| aggregate.column(field))) {
        let is = |column: &str| column.eq_ignore_ascii_case(&name);
        // A column of the groups may be called so.
        if !wanted.iter().any(|(own, _)| is(own)) && there.iter().any(|(column, _)| is(column)) {
            wrong.push(format!("it has the column {name}, which window.measures does not ask for"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let (table, wrong) = (&layout.table, wrong.join("; "));
    Err(StoreError::Fatal(format!(
        "the table {table} does not fit [window]: {wrong}. Name another table in [sink], or change or drop this one"
    )))
}
