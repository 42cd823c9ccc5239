//! What may not change under rows that are there already.

use super::{Bind, Dialect, Result, Tx};
use crate::fault;
use crate::model::step::Fingerprint;
use crate::store::StoreError;

/// Stores the fingerprint of a new pipeline and refuses one that differs.
pub(super) async fn keep(tx: &mut dyn Tx, d: &Dialect, pipeline: &str, mine: &Fingerprint) -> Result<()> {
    let sql = "SELECT pipeline FROM weir_pipeline WHERE stats_table = ? AND pipeline <> ?";
    if let Some(row) = tx.rows(sql, &[Bind::Text(&mine.table), Bind::Text(pipeline)]).await?.first_mut() {
        let (other, table) = (row.text()?, &mine.table);
        return Err(StoreError::Fatal(format!(
            "the table {table} belongs to the pipeline {other:?}: name another table in [sink], or the same pipeline"
        )));
    }
    let text = serde_json::to_string(mine).expect("a fingerprint is plain data");
    let sql = format!(
        "INSERT INTO weir_pipeline (pipeline, topic, stats_table, fingerprint) VALUES (?, ?, ?, ?) \
         {} pipeline = weir_pipeline.pipeline",
        d.upsert("pipeline")
    );
    let binds = [Bind::Text(pipeline), Bind::Text(&mine.topic), Bind::Text(&mine.table), Bind::Text(&text)];
    tx.execute(&sql, &binds).await?;
    let sql = format!(
        "INSERT INTO weir_rule_current (pipeline, revision) VALUES (?, 0) {} pipeline = weir_rule_current.pipeline",
        d.upsert("pipeline")
    );
    tx.execute(&sql, &[Bind::Text(pipeline)]).await?;
    let sql = "SELECT fingerprint FROM weir_pipeline WHERE pipeline = ?";
    let mut rows = tx.rows(sql, &[Bind::Text(pipeline)]).await?;
    let stored = rows.first_mut().map(|row| row.text()).transpose()?.unwrap_or_default();
    let stored: Fingerprint = serde_json::from_str(&stored)
        .map_err(|e| StoreError::Fatal(format!("the fingerprint of {pipeline:?} in the store is not readable: {e}")))?;
    compare(pipeline, &stored, mine)?;
    fault::pass("store.prepare.written");
    Ok(())
}

fn compare(pipeline: &str, stored: &Fingerprint, mine: &Fingerprint) -> Result<()> {
    let pairs = [
        ("source.topic", format!("{:?}", stored.topic), format!("{:?}", mine.topic)),
        ("source.group", format!("{:?}", stored.group), format!("{:?}", mine.group)),
        ("dead_letters.topic", format!("{:?}", stored.letter_topic), format!("{:?}", mine.letter_topic)),
        ("window.size", format!("{} ms", stored.window_ms), format!("{} ms", mine.window_ms)),
        ("window.group_by", format!("{:?}", stored.group_by), format!("{:?}", mine.group_by)),
        ("the scales of window.measures", format!("{:?}", stored.scales), format!("{:?}", mine.scales)),
        ("sink.table", format!("{:?}", stored.table), format!("{:?}", mine.table)),
    ];
    let differs: Vec<String> = pairs
        .into_iter()
        .filter(|(_, stored, mine)| stored != mine)
        .map(|(key, stored, mine)| format!("{key} was {stored} and is {mine}"))
        .collect();
    if differs.is_empty() {
        return Ok(());
    }
    Err(StoreError::Fatal(format!(
        "the pipeline {pipeline:?} ran with another configuration, and its rows must not mix: {}. Take the old value \
         back, or give [pipeline] another name and [sink] another table",
        differs.join("; ")
    )))
}
