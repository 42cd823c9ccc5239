//! Adds windows by upserts of many rows in the order of the key: two writers in one order never deadlock.

use super::{DIALECT, Result};
use crate::fault;
use crate::model::aggregate::Join;
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::store::sql::{Bind, Transaction, columns, stats};

/// Rows of the longest statement; the others have a power of two of them. So a table has at most eleven upserts, however
/// many groups a checkpoint brings: one a row count would fill the server's cache of prepared statements.
const ROWS: usize = 1_024;
/// The protocol counts a statement's binds in 16 bits.
const BINDS: usize = 65_535;

pub(super) async fn add(tx: &mut Transaction, layout: &StatsLayout, windows: &[WindowDelta]) -> Result<()> {
    let columns = columns::filled(layout);
    let (mut rest, mut statement) = (windows, (0, String::new()));
    while !rest.is_empty() {
        let (part, others) = rest.split_at(chunk(rest.len(), columns.len()));
        rest = others;
        let texts = stats::Texts::of(layout, part)?;
        let mut binds = Vec::with_capacity(part.len() * columns.len());
        for (at, window) in part.iter().enumerate() {
            texts.push(&mut binds, at, window);
        }
        if statement.0 != part.len() {
            statement = (part.len(), upsert(layout, &columns, part.len()));
        }
        tx.execute(&statement.1, &binds as &[Bind<'_>]).await?;
        fault::at("store.commit.window")?;
    }
    Ok(())
}

/// How many of `left` rows go into the next statement.
fn chunk(left: usize, columns: usize) -> usize {
    1 << left.min(ROWS).min(BINDS / columns).ilog2()
}

fn upsert(layout: &StatsLayout, columns: &[String], rows: usize) -> String {
    let row = format!("({}, {})", vec!["?"; columns.len()].join(", "), DIALECT.now);
    format!(
        "INSERT INTO `{}` ({}, updated_at) VALUES {} ON DUPLICATE KEY UPDATE {}, updated_at = VALUES(updated_at)",
        layout.table,
        columns.join(", "),
        vec![row; rows].join(", "),
        additions(layout).join(", ")
    )
}

/// NULL is no value, not zero: these are right for a value or none on either side.
fn additions(layout: &StatsLayout) -> Vec<String> {
    let mut set: Vec<String> = ["records", "flagged", "late"].map(|c| format!("{c} = {c} + VALUES({c})")).to_vec();
    for measure in &layout.measures {
        let c = columns::quoted(measure);
        let one_of = |function| format!("{function}(COALESCE({c}, VALUES({c})), COALESCE(VALUES({c}), {c}))");
        let joined = match measure.aggregate.join() {
            Join::Add => format!("COALESCE({c} + VALUES({c}), {c}, VALUES({c}))"),
            Join::Least => one_of("LEAST"),
            Join::Greatest => one_of("GREATEST"),
        };
        set.push(format!("{c} = {joined}"));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_few_sizes_and_never_too_many_binds() {
        for columns in [6, 12, 64, 1_000] {
            let mut sizes = std::collections::BTreeSet::new();
            for rows in 1..3_000 {
                let mut left = rows;
                while left > 0 {
                    let size = chunk(left, columns);
                    assert!(size * columns <= BINDS, "{size} rows of {columns} columns");
                    sizes.insert(size);
                    left -= size;
                }
            }
            assert!(sizes.len() <= 11, "{sizes:?}");
        }
    }
}
