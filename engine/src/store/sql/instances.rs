//! Rows of `weir_instance`: which instances of a pipeline there are, and what each says of itself. Times are the database's, so
//! that no two machines' clocks are compared.

use super::{Bind, Result, Transaction};
use crate::model::instance::{Beat, InstanceRow};

/// Rows that are read at most. Those that crashed stay for a day: one that starts every minute leaves 1,440.
const ROWS: i64 = 2_000;
/// States that are read at most, of those heard of last: 16 MiB of text.
const STATES: usize = 64;

/// Writes the instance's own row.
pub(super) async fn beat(tx: &mut Transaction, pipeline: &str, beat: &Beat) -> Result<()> {
    let now = tx.dialect().now_ms;
    let (pipeline, instance, state) = (Bind::Text(pipeline), Bind::Text(&beat.instance), Bind::Text(&beat.state));
    let sql = format!("UPDATE weir_instance SET seen_at = {now}, state = ? WHERE pipeline = ? AND instance = ?");
    if tx.execute(&sql, &[state, pipeline, instance]).await? > 0 {
        return Ok(());
    }
    // The first one, or somebody deleted the row.
    let sql = format!(
        "INSERT INTO weir_instance (pipeline, instance, address, version, started_at, seen_at, state) \
         VALUES (?, ?, ?, ?, ?, {now}, ?)"
    );
    let (address, version) = (Bind::Text(&beat.address), Bind::Text(&beat.version));
    tx.execute(&sql, &[pipeline, instance, address, version, Bind::Int(beat.started_at), state]).await.map(drop)
}

/// The instances of the pipeline, those heard of last first. `heard_ms`: the states are read of those that wrote their row within
/// so many milliseconds; the others' are empty.
pub(super) async fn all(tx: &mut Transaction, pipeline: &str, heard_ms: i64) -> Result<Vec<InstanceRow>> {
    let sql = format!(
        "SELECT instance, address, version, started_at, {} - seen_at FROM weir_instance WHERE pipeline = ? LIMIT ?",
        tx.dialect().now_ms
    );
    let mut all = Vec::new();
    for mut row in tx.rows(&sql, &[Bind::Text(pipeline), Bind::Int(ROWS)]).await? {
        all.push(InstanceRow {
            instance: row.text()?,
            address: row.text()?,
            version: row.text()?,
            started_at: row.int()?,
            // A clock of the database that was set back makes nobody silent.
            age_ms: row.int()?.max(0),
            state: String::new(),
        });
    }
    all.sort_by(|a, b| (a.age_ms, &a.instance).cmp(&(b.age_ms, &b.instance)));
    let heard = all.iter().take_while(|row| row.age_ms <= heard_ms).count().min(STATES);
    if heard > 0 {
        let marks = vec!["?"; heard].join(", ");
        let sql = format!("SELECT instance, state FROM weir_instance WHERE pipeline = ? AND instance IN ({marks})");
        let mut binds = vec![Bind::Text(pipeline)];
        binds.extend(all[..heard].iter().map(|row| Bind::Text(&row.instance)));
        let mut states = Vec::with_capacity(heard);
        for mut row in tx.rows(&sql, &binds).await? {
            states.push((row.text()?, row.text()?));
        }
        for (instance, state) in states {
            if let Some(row) = all.iter_mut().find(|row| row.instance == instance) {
                row.state = state;
            }
        }
    }
    Ok(all)
}

/// Deletes the row of one that ends.
pub(super) async fn leave(tx: &mut Transaction, pipeline: &str, instance: &str) -> Result<()> {
    let sql = "DELETE FROM weir_instance WHERE pipeline = ? AND instance = ?";
    tx.execute(sql, &[Bind::Text(pipeline), Bind::Text(instance)]).await.map(drop)
}

/// Deletes those that did not write their row for so long: how many they were.
pub(super) async fn forget(tx: &mut Transaction, pipeline: &str, silent_ms: i64) -> Result<u64> {
    let sql = format!("DELETE FROM weir_instance WHERE pipeline = ? AND seen_at < {} - ?", tx.dialect().now_ms);
    tx.execute(&sql, &[Bind::Text(pipeline), Bind::Int(silent_ms)]).await
}
