//! What may not change under rows that are there already.

use super::{Bind, Result, Transaction};
use crate::fault;
use crate::model::checkpoint::Fingerprint;
use crate::model::store::{ClusterCheck, StoreError};

/// Stores the fingerprint of a new pipeline and refuses one that differs. It binds once something is stored under it:
/// until then whoever mistyped a name, or met a group that somebody else uses, may fix the configuration.
pub(super) async fn keep(tx: &mut Transaction, pipeline: &str, mine: &Fingerprint) -> Result<ClusterCheck> {
    let d = tx.dialect();
    // SQLite, and a server that says so, take names of tables that differ in case for the same.
    let sql = "SELECT pipeline, stats_table FROM weir_pipeline WHERE LOWER(stats_table) = LOWER(?) AND pipeline <> ?";
    if let Some(row) = tx.rows(sql, &[Bind::Text(&mine.table), Bind::Text(pipeline)]).await?.first_mut() {
        let (other, table) = (row.text()?, row.text()?);
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
    let names = [Bind::Text(&mine.topic), Bind::Text(&mine.table), Bind::Text(&text), Bind::Text(pipeline)];
    let [topic, table, print, name] = names;
    tx.execute(&sql, &[name, topic, table, print]).await?;
    let sql = format!(
        "INSERT INTO weir_rule_current (pipeline, revision) VALUES (?, 0) {} pipeline = weir_rule_current.pipeline",
        d.upsert("pipeline")
    );
    tx.execute(&sql, &[name]).await?;
    let known = stored(tx, pipeline).await?;
    let both_known = known.cluster.is_some() && mine.cluster.is_some();
    let unknown = !both_known && has_begun(tx, pipeline).await?;
    // A version that did not ask for the cluster's id began this pipeline: the first id that comes is its own.
    let adopts = known.cluster.is_none() && mine.cluster.is_some();
    match compare(pipeline, &known, mine) {
        Ok(()) if !adopts => {}
        Err(error) if !is_unused(tx, pipeline, mine).await? => return Err(error),
        Ok(()) | Err(_) => {
            let sql = "UPDATE weir_pipeline SET topic = ?, stats_table = ?, fingerprint = ? WHERE pipeline = ?";
            tx.execute(sql, &names).await?;
        }
    }
    fault::pass("store.prepare.written");
    Ok(if unknown { ClusterCheck::NotMade } else { ClusterCheck::Passed })
}

/// Refuses if the fingerprint is no longer the stored one. Its row is locked: see [`keep`], which may change it until a
/// first position is there.
pub(super) async fn still(tx: &mut Transaction, pipeline: &str, mine: &Fingerprint) -> Result<()> {
    compare(pipeline, &stored(tx, pipeline).await?, mine)
}

async fn stored(tx: &mut Transaction, pipeline: &str) -> Result<Fingerprint> {
    let d = tx.dialect();
    let sql = format!("SELECT fingerprint FROM weir_pipeline WHERE pipeline = ?{}", d.for_update);
    let mut rows = tx.rows(&sql, &[Bind::Text(pipeline)]).await?;
    let gone = "another pipeline took the table of [sink] at this moment, or somebody deleted the row: start again";
    let row = rows.first_mut().ok_or_else(|| StoreError::Fatal(format!("weir_pipeline lacks {pipeline:?}: {gone}")))?;
    let text = row.text()?;
    // Also a key that this version does not know: it may not change either, and only its writer can tell.
    serde_json::from_str(&text).map_err(|e| {
        StoreError::Fatal(format!(
            "the fingerprint of {pipeline:?} in weir_pipeline is not this version's ({e}): run the version of Weir that \
             wrote it, or a later one"
        ))
    })
}

/// Whether no partition ever began and the table is empty: nothing is there that could mix.
async fn is_unused(tx: &mut Transaction, pipeline: &str, mine: &Fingerprint) -> Result<bool> {
    let table = format!("SELECT 1 FROM `{}` LIMIT 1", mine.table);
    Ok(!has_begun(tx, pipeline).await? && tx.rows(&table, &[]).await?.is_empty())
}

/// Whether a partition ever began.
async fn has_begun(tx: &mut Transaction, pipeline: &str) -> Result<bool> {
    let begun = "SELECT 1 FROM weir_partition WHERE pipeline = ? AND next_offset IS NOT NULL LIMIT 1";
    Ok(!tx.rows(begun, &[Bind::Text(pipeline)]).await?.is_empty())
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
    if let (Some(was), Some(is)) = (&stored.cluster, &mine.cluster)
        && was != is
    {
        return Err(StoreError::Fatal(format!(
            "source.brokers: the pipeline {pipeline:?} ran on the Kafka cluster {was:?}, and this one is {is:?}: its offsets are \
             not those of the rows in [sink]. Correct source.brokers, or give [pipeline] another name and [sink] another \
             table. If the topic moved with its offsets, forget the old id: UPDATE weir_pipeline SET fingerprint = \
             JSON_REMOVE(fingerprint, '$.cluster') WHERE pipeline = '{pipeline}'; the next start takes the new one"
        )));
    }
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
