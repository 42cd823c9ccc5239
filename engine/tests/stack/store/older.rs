//! Databases that commit baac756 left when it was killed: 300 records of `weir generate --seed 7` judged by the rule
//! `negative_amount`; SQLite's with letters in the outbox. Made by that version with `stack/weir.compose.toml`, dumped by mariadb-dump and
//! sqlite3, packed by gzip.

use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::letter;
use weir::model::step::{Fingerprint, Measure, StatsLayout};
use weir::store::{Store, connect};

use crate::store::fixture::sums;

pub(crate) const MYSQL: &[u8] = include_bytes!("older/baac756.mysql.sql.gz");
pub(crate) const SQLITE: &[u8] = include_bytes!("older/baac756.sqlite.sql.gz");

/// What each dump has; one pipeline each.
pub(crate) struct Left {
    pub(crate) pipeline: &'static str,
    pub(crate) group: &'static str,
    /// Of the outbox.
    pub(crate) letters: bool,
}

/// Into an empty database.
pub(crate) async fn load(url: &str, dump: &[u8]) {
    let mut text = String::new();
    GzDecoder::new(dump).read_to_string(&mut text).unwrap();
    let text = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
    if url.starts_with("sqlite") {
        let database = sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
        text.execute(&database).await.unwrap();
        database.close().await;
    } else {
        let database = sqlx::MySqlPool::connect(url).await.unwrap();
        text.execute(&database).await.unwrap();
        database.close().await;
    }
}

/// It starts, takes Kafka's id into its fingerprint once, and has its positions, letters, sums and rules.
pub(crate) async fn goes_on(url: &str, left: Left) {
    let amount = Measure { field: "amount".into(), scale: 2, sum: true, min: true, max: true };
    let layout = StatsLayout { table: "risk_stats".into(), group_by: vec!["type".into()], measures: vec![amount] };
    let fingerprint = |cluster: Option<&str>| Fingerprint {
        topic: "finance_stream".into(),
        group: left.group.into(),
        letter_topic: "dead_letter_queue".into(),
        window_ms: 5_000,
        group_by: layout.group_by.clone(),
        scales: vec![("amount".into(), 2)],
        table: layout.table.clone(),
        cluster: cluster.map(str::to_owned),
    };
    let start = async |cluster: &str| -> Result<Arc<dyn Store>, String> {
        let store = connect(url, left.pipeline, "finance_stream").await.unwrap();
        store.prepare(&fingerprint(Some(cluster)), &layout).await.map_err(|why| why.to_string())?;
        Ok(store)
    };
    start("one").await.unwrap();
    let refused = start("two").await.map(drop).unwrap_err();
    assert!(refused.contains("source.brokers") && refused.contains("\"one\""), "{refused}");
    let store = start("one").await.unwrap();

    let set = store.rule_set().await.unwrap();
    assert_eq!((set.revision, set.entries.len()), (Revision(1), 1));
    let entry = &set.entries[0];
    let version = store.version(entry.sha256).await.unwrap().unwrap();
    assert_eq!((&*entry.name, Sha256::of(&version.wasm)), ("negative_amount", entry.sha256));
    assert_eq!(store.audit(10).await.unwrap().len(), 1);

    let taken = store.take(&[0, 1, 2, 3].map(Partition)).await.unwrap();
    assert_eq!(taken.iter().map(|taken| taken.next_offset.unwrap_or(Offset(0)).0).sum::<i64>(), 300);
    assert!(taken.iter().filter(|taken| taken.next_offset > Some(Offset(0))).all(|t| t.revision == Some(Revision(1))));
    let letters: usize = taken
        .iter()
        .flat_map(|taken| &taken.outbox)
        .map(|chunk| letter::decode(&chunk.letters).expect("letters of that version are read").len())
        .sum();
    assert_eq!(letters > 0, left.letters, "{letters} letters in the outbox");
    let counted: i64 = sums(&store).await.iter().map(|row| row.1).sum();
    assert!((200..300).contains(&counted), "{counted} of 300 records are summed, the others are letters");
}
