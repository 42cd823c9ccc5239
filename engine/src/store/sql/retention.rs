//! What is old enough to go, a small batch a transaction: windows, and who judged before what Kafka still holds.

use std::collections::{BTreeMap, BTreeSet};

use super::positions::Scope;
use super::revision::revision;
use super::{Bind, Result, Row, Transaction, text};
use crate::model::checkpoint::StatsLayout;
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::store::StoreError;

/// Revisions a transaction; each may have `rules.max_rules` rows.
const REVISIONS: usize = 50;
/// Activations and versions a transaction.
const ROWS: i64 = 500;
/// A version that nothing names is left alone for so long, so that one that is on its way into a set is never taken away.
const FRESH_MS: i64 = 86_400_000;

/// Deletes the oldest windows of those that began before `before`, in epoch milliseconds.
pub(super) async fn drop_windows(tx: &mut Transaction, layout: &StatsLayout, before: i64, most: u32) -> Result<u64> {
    let table = &layout.table;
    let Some(before) = text::time(before) else { return Ok(0) };
    let start = tx.dialect().text_of("window_start");
    let sql = format!(
        "SELECT {start}, group_id FROM `{table}` WHERE window_start < ? ORDER BY window_start, group_id LIMIT 1 OFFSET ?"
    );
    // The last of the batch; the key has windows and groups in this order.
    let last = tx.rows(&sql, &[Bind::Text(&before), Bind::Int(i64::from(most.max(1)) - 1)]).await?;
    match last.into_iter().next() {
        Some(mut row) => {
            let (start, group) = (row.text()?, row.blob()?);
            let sql = format!("DELETE FROM `{table}` WHERE window_start < ? OR (window_start = ? AND group_id <= ?)");
            tx.execute(&sql, &[Bind::Text(&start), Bind::Text(&start), Bind::Blob(&group)]).await
        }
        None => tx.execute(&format!("DELETE FROM `{table}` WHERE window_start < ?"), &[Bind::Text(&before)]).await,
    }
}

/// Deletes activations that no offset of the log from its start on needs: of those up to the start only the last says who judged
/// there.
pub(super) async fn forget_activations(
    tx: &mut Transaction,
    scope: &Scope,
    partition: Partition,
    log_start: Offset,
) -> Result<u64> {
    const OF: &str = "pipeline = ? AND topic = ? AND `partition` = ?";
    let sql = format!(
        "SELECT first_offset FROM weir_activation WHERE {OF} AND first_offset <= ? ORDER BY first_offset LIMIT ?"
    );
    let [pipeline, topic, number] =
        [Bind::Text(&scope.pipeline), Bind::Text(&scope.topic), Bind::Int(partition.0.into())];
    let rows = tx.rows(&sql, &[pipeline, topic, number, Bind::Int(log_start.0), Bind::Int(ROWS + 1)]).await?;
    let Some(last) = rows.into_iter().last().map(|mut row| row.int()).transpose()? else { return Ok(0) };
    let sql = format!("DELETE FROM weir_activation WHERE {OF} AND first_offset < ?");
    tx.execute(&sql, &[pipeline, topic, number, Bind::Int(last)]).await
}

/// Deletes the oldest revisions that are neither among the newest `keep` nor named by an activation, and then versions that no
/// set and no file of the directory names. A rule's entry as it was last in a set stays.
pub(super) async fn forget_revisions(tx: &mut Transaction, pipeline: &str, keep: u64) -> Result<u64> {
    let d = tx.dialect();
    let name = Bind::Text(pipeline);
    // Locked first, as a change does: a set that is being made must not name a version that goes.
    let lock = format!("SELECT revision FROM weir_rule_current WHERE pipeline = ?{}", d.for_update);
    tx.rows(&lock, &[name]).await?;
    // What contradicts itself is left as it is, for a repair.
    let floor = match revision(tx, pipeline).await {
        Ok(Revision(current)) => current.saturating_sub(keep.max(1)),
        Err(StoreError::SetBack(_)) => return Ok(0),
        Err(error) => return Err(error),
    };
    let needed: BTreeSet<u64> =
        numbers(tx, "SELECT DISTINCT revision FROM weir_activation WHERE pipeline = ?", &[name]).await?.collect();
    let mut last: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let sql = "SELECT MAX(revision), rule FROM weir_rule_set WHERE pipeline = ? GROUP BY rule";
    for mut row in tx.rows(sql, &[name]).await? {
        last.entry(row.int()? as u64).or_default().push(row.text()?);
    }
    let below = Bind::Int(floor as i64);
    let mut old = BTreeMap::new();
    for table in ["weir_rule_set", "weir_audit"] {
        let sql =
            format!("SELECT revision, COUNT(*) FROM {table} WHERE pipeline = ? AND revision < ? GROUP BY revision");
        for mut row in tx.rows(&sql, &[name, below]).await? {
            let (revision, rows) = (row.int()? as u64, row.int()?);
            *old.entry(revision).or_insert(0) += rows;
        }
    }
    // Where nothing but what has to stay is left, there is nothing to do.
    let stays = |revision: u64| last.get(&revision).map_or(0, |rules| rules.len() as i64);
    old.retain(|revision, rows| !needed.contains(revision) && *rows > stays(*revision));
    let mut gone = 0;
    for revision in old.into_keys().take(REVISIONS) {
        let kept = last.get(&revision).map_or(&[][..], Vec::as_slice);
        let but = if kept.is_empty() { String::new() } else { format!(" AND rule NOT IN ({})", marks(kept.len())) };
        let number = Bind::Int(revision as i64);
        let mut binds = vec![name, number];
        binds.extend(kept.iter().map(|rule| Bind::Text(rule)));
        tx.execute(&format!("DELETE FROM weir_rule_set WHERE pipeline = ? AND revision = ?{but}"), &binds).await?;
        for table in ["weir_audit", "weir_audit_reason"] {
            tx.execute(&format!("DELETE FROM {table} WHERE pipeline = ? AND revision = ?"), &[name, number]).await?;
        }
        gone += 1;
    }
    forget_versions(tx, pipeline).await?;
    Ok(gone)
}

async fn forget_versions(tx: &mut Transaction, pipeline: &str) -> Result<()> {
    let d = tx.dialect();
    let name = Bind::Text(pipeline);
    let mut named = BTreeSet::new();
    for table in ["weir_rule_set", "weir_directory"] {
        let sql = format!("SELECT DISTINCT sha256 FROM {table} WHERE pipeline = ?");
        for mut row in tx.rows(&sql, &[name]).await? {
            named.insert(row.blob()?);
        }
    }
    let sql =
        format!("SELECT sha256 FROM weir_rule_version WHERE pipeline = ? AND published_at < {} - {FRESH_MS}", d.now_ms);
    let mut unnamed = Vec::new();
    for mut row in tx.rows(&sql, &[name]).await? {
        unnamed.extend(Some(row.blob()?).filter(|sha256| !named.contains(sha256)));
    }
    for sha256 in unnamed.iter().take(ROWS as usize) {
        let sql = "DELETE FROM weir_rule_version WHERE pipeline = ? AND sha256 = ?";
        tx.execute(sql, &[name, Bind::Blob(sha256)]).await?;
    }
    Ok(())
}

async fn numbers(tx: &mut Transaction, sql: &str, binds: &[Bind<'_>]) -> Result<impl Iterator<Item = u64>> {
    let rows = tx.rows(sql, binds).await?;
    let number = |mut row: Row| row.int().map(|number| number as u64);
    Ok(rows.into_iter().map(number).collect::<Result<Vec<_>>>()?.into_iter())
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
