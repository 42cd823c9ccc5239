//! The tables and the view. Names that the configuration gives are
//! validated before they stand in SQL; everything else is bound.

use super::{Bind, Dialect, Result, Tx};
use crate::fault;
use crate::model::ids::Sha256;
use crate::model::step::StatsLayout;
use crate::store::StoreError;

/// Column name and decimal scale of every aggregate, in the order of the layout.
pub(crate) fn aggregates(layout: &StatsLayout) -> Vec<(String, u8)> {
    let mut columns = Vec::new();
    for measure in &layout.measures {
        for (there, suffix) in [(measure.sum, "sum"), (measure.min, "min"), (measure.max, "max")] {
            if there {
                columns.push((format!("{}_{suffix}", measure.field), measure.scale));
            }
        }
    }
    columns
}

/// Every name that the configuration brings into SQL must be one that quoting cannot be broken with.
pub(super) fn validate(layout: &StatsLayout) -> Result<()> {
    let fixed = ["window_start", "window_end", "group_id", "records", "flagged", "late", "updated_at"];
    let mut seen: Vec<String> = fixed.iter().map(|name| (*name).to_owned()).collect();
    plain(&layout.table, 58)?;
    if layout.table.to_lowercase().starts_with("weir_") {
        return Err(StoreError::Fatal(format!("the table {:?} would be mixed up with the engine's own", layout.table)));
    }
    let columns = layout.group_by.iter().cloned().chain(aggregates(layout).into_iter().map(|(name, _)| name));
    for column in columns {
        plain(&column, 64)?;
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

/// `idle_ms`: a partition that moved so much earlier than the newest one no longer holds back the final windows.
pub(super) async fn create(tx: &mut dyn Tx, d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> Result<()> {
    for table in own_tables(d) {
        tx.execute(&format!("CREATE TABLE IF NOT EXISTS {table}{}", d.table_suffix), &[]).await?;
        fault::pass("store.prepare.table");
    }
    if !tx.rows(d.view_of, &[Bind::Text(&layout.table)]).await?.is_empty() {
        // What is written to the view of a pipeline would stand in that pipeline's table.
        let table = &layout.table;
        return Err(StoreError::Fatal(format!("{table} is a view, not a table: name another table in [sink]")));
    }
    tx.execute(&stats_table(d, layout), &[]).await?;
    check_columns(tx, d, layout).await?;
    keep_view(tx, d, layout, idle_ms).await
}

/// Leaves a view alone that is the wanted one: replacing it waits for everybody who reads it.
async fn keep_view(tx: &mut dyn Tx, d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> Result<()> {
    let name = format!("{}_final", layout.table);
    let wanted = final_view(d, layout, idle_ms, "");
    // The server rewrites a view's text, literals apart: a mark in it says which one it is.
    let mark = Sha256::of(wanted.as_bytes()).to_string();
    let there = match tx.rows(d.view_of, &[Bind::Text(&name)]).await?.first_mut() {
        Some(row) => row.maybe_text()?,
        None => None,
    };
    if there.is_some_and(|text| text.contains(&mark)) {
        return Ok(());
    }
    if d.drop_view {
        tx.execute(&format!("DROP VIEW IF EXISTS `{name}`"), &[]).await?;
    }
    tx.execute(&final_view(d, layout, idle_ms, &mark), &[]).await.map(|_| ())
}

fn own_tables(d: &Dialect) -> [String; 9] {
    let Dialect { name_type: name, text_type: text, blob_type: blob, sha_type: sha, .. } = d;
    let at = format!("pipeline {name} NOT NULL, topic {name} NOT NULL, `partition` INT NOT NULL");
    [
        format!(
            "weir_partition ({at}, next_offset BIGINT, published BIGINT, watermark BIGINT, owner BIGINT NOT NULL, \
             `checkpoint` BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (pipeline, topic, `partition`))"
        ),
        format!(
            "weir_outbox ({at}, first_offset BIGINT NOT NULL, chunk BIGINT NOT NULL, letters {blob} NOT NULL, \
             PRIMARY KEY (pipeline, topic, `partition`, first_offset, chunk))"
        ),
        format!(
            "weir_activation ({at}, first_offset BIGINT NOT NULL, revision BIGINT NOT NULL, \
             PRIMARY KEY (pipeline, topic, `partition`, first_offset))"
        ),
        format!(
            "weir_pipeline (pipeline {name} NOT NULL PRIMARY KEY, topic {name} NOT NULL, stats_table {name} NOT NULL, \
             fingerprint {text} NOT NULL, UNIQUE (stats_table))"
        ),
        format!("weir_rule_current (pipeline {name} NOT NULL PRIMARY KEY, revision BIGINT NOT NULL)"),
        format!(
            "weir_rule_version (pipeline {name} NOT NULL, sha256 {sha} NOT NULL, rule {name} NOT NULL, \
             wasm {blob} NOT NULL, manifest {text} NOT NULL, origin {name} NOT NULL, source {text} NOT NULL, \
             published_at BIGINT NOT NULL, published_by {text} NOT NULL, PRIMARY KEY (pipeline, sha256))"
        ),
        format!(
            "weir_rule_set (pipeline {name} NOT NULL, revision BIGINT NOT NULL, rule {name} NOT NULL, \
             sha256 {sha} NOT NULL, `order` INT NOT NULL, mode {name} NOT NULL, parameters {text} NOT NULL, \
             from_directory INT NOT NULL, suspended {text}, PRIMARY KEY (pipeline, revision, rule))"
        ),
        format!(
            "weir_audit (pipeline {name} NOT NULL, revision BIGINT NOT NULL, at BIGINT NOT NULL, who {text} NOT NULL, \
             action {name} NOT NULL, rule {name} NOT NULL, detail {text} NOT NULL, PRIMARY KEY (pipeline, revision))"
        ),
        format!(
            "weir_directory (pipeline {name} NOT NULL, file {name} NOT NULL, sha256 {sha} NOT NULL, \
             PRIMARY KEY (pipeline, file))"
        ),
    ]
}

fn decimal_type(d: &Dialect, scale: u8) -> String {
    d.decimal_type.replace("{scale}", &scale.to_string())
}

fn stats_table(d: &Dialect, layout: &StatsLayout) -> String {
    let mut columns = format!("window_start {0} NOT NULL, window_end {0} NOT NULL, ", d.time_type);
    for field in &layout.group_by {
        columns += &format!("`{field}` {}, ", d.group_type);
    }
    columns += &format!("group_id {} NOT NULL, records BIGINT NOT NULL, flagged BIGINT NOT NULL, ", d.group_id_type);
    columns += "late BIGINT NOT NULL, ";
    for (column, scale) in aggregates(layout) {
        columns += &format!("`{column}` {}, ", decimal_type(d, scale));
    }
    format!(
        "CREATE TABLE IF NOT EXISTS `{}` ({columns}updated_at {} NOT NULL, PRIMARY KEY (window_start, group_id)){}",
        layout.table, d.time_type, d.table_suffix
    )
}

/// A table that was there already must have the columns, and decimals of the very scale.
async fn check_columns(tx: &mut dyn Tx, d: &Dialect, layout: &StatsLayout) -> Result<()> {
    let mut there = Vec::new();
    for mut row in tx.rows(d.columns_of, &[Bind::Text(&layout.table)]).await? {
        there.push((row.text()?.to_lowercase(), row.text()?.to_lowercase()));
    }
    let fixed = ["window_start", "window_end", "group_id", "records", "flagged", "late", "updated_at"];
    let names = fixed.iter().map(|name| ((*name).to_owned(), None));
    let names = names.chain(layout.group_by.iter().map(|name| (name.clone(), None)));
    let names = names.chain(aggregates(layout).into_iter().map(|(name, s)| (name, Some(decimal_type(d, s)))));
    let mut wrong = Vec::new();
    for (name, kind) in names {
        match (there.iter().find(|(column, _)| *column == name.to_lowercase()), kind) {
            (None, _) => wrong.push(format!("it lacks the column {name}")),
            (Some((_, found)), Some(kind)) if *found != kind.to_lowercase() => {
                wrong.push(format!("{name} is {found}, not {kind}"));
            }
            _ => {}
        }
    }
    // Rows that this configuration changes would keep what another one left there.
    for measure in &layout.measures {
        for (kept, suffix) in [(measure.sum, "sum"), (measure.min, "min"), (measure.max, "max")] {
            let name = format!("{}_{suffix}", measure.field);
            if !kept && there.iter().any(|(column, _)| *column == name.to_lowercase()) {
                wrong.push(format!("it has the column {name}, which window.measures does not ask for"));
            }
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

/// An expression for when the last final window ended: the least watermark of the partitions that still move; NULL while one
/// of them has none.
pub(super) fn final_upto(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> String {
    let own = format!(
        "FROM weir_partition p JOIN weir_pipeline w ON w.pipeline = p.pipeline AND w.topic = p.topic \
         WHERE w.stats_table = '{}'",
        layout.table
    );
    let ms = "CASE WHEN COUNT(*) = COUNT(p.watermark) THEN MIN(p.watermark) END";
    let moving = format!("p.updated_at >= (SELECT MAX(p.updated_at) {own}) - {idle_ms}");
    format!("(SELECT {} {own} AND {moving})", d.time_of_ms.replace("{ms}", ms))
}

fn final_view(d: &Dialect, layout: &StatsLayout, idle_ms: i64, mark: &str) -> String {
    let table = &layout.table;
    let mut columns = super::stats::columns(layout);
    columns.push("updated_at".to_owned());
    let or_replace = if d.drop_view { "" } else { "OR REPLACE " };
    format!(
        "CREATE {or_replace}VIEW `{table}_final` AS SELECT {} FROM `{table}` \
         WHERE window_end <= {} AND 'weir {mark}' <> ''",
        columns.join(", "),
        final_upto(d, layout, idle_ms)
    )
}
