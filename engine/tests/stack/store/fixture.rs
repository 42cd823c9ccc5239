//! A pipeline's store, checkpoints for it, and what it then holds.

use std::sync::Arc;

use weir::model::aggregate::{Aggregate, Measure};
use weir::model::checkpoint::*;
use weir::model::ids::{Offset, Partition};
use weir::store::{Store, connect};

pub(crate) const P0: Partition = Partition(0);

pub(crate) fn layout(name: &str) -> StatsLayout {
    StatsLayout { table: format!("stats_{name}"), group_by: vec!["type".into()], measures: measures("amount").into() }
}

pub(crate) fn measures(field: &str) -> [Measure; 3] {
    [Aggregate::Sum, Aggregate::Min, Aggregate::Max].map(|aggregate| Measure {
        field: field.into(),
        aggregate,
        scale: 2,
    })
}

/// Of each of these measures.
pub(crate) type Measured = [Option<i128>; 3];

pub(crate) fn fingerprint(name: &str) -> Fingerprint {
    Fingerprint {
        topic: "finance_stream".into(),
        group: "weir".into(),
        letter_topic: "dead_letter_queue".into(),
        window_ms: 5_000,
        group_by: vec!["type".into()],
        scales: vec![("amount".into(), 2)],
        table: format!("stats_{name}"),
        cluster: None,
    }
}

pub(crate) async fn prepared(url: &str, name: &str) -> Arc<dyn Store> {
    let store = connect(url, name, "finance_stream").await.unwrap();
    store.prepare(&fingerprint(name), &layout(name)).await.unwrap();
    store
}

/// A store whose partition 0 begins at 0, and its epoch.
pub(crate) async fn begun(url: &str, name: &str) -> (Arc<dyn Store>, u64) {
    let store = prepared(url, name).await;
    let epoch = store.take(&[P0]).await.unwrap()[0].epoch;
    store.begin(P0, epoch, Offset(0)).await.unwrap();
    (store, epoch)
}

pub(crate) fn window(value: Option<&str>, id: u8, records: i64, measured: Measured) -> WindowDelta {
    let group = Arc::new(Group { id: [id; 16], values: vec![value.map(String::from)] });
    WindowDelta { start: 5_000, end: 10_000, group, records, flagged: 0, late: 0, measures: measured.into() }
}

pub(crate) fn amount(value: i64) -> Measured {
    [Some(value.into()); 3]
}

pub(crate) fn checkpoint(epoch: u64, from: i64, to: i64, windows: Vec<WindowDelta>) -> Checkpoint {
    let moved =
        PartitionProgress { partition: P0, epoch, from: Offset(from), to: Offset(to), watermark: Some(to * 1_000) };
    Checkpoint { partitions: vec![moved], windows, ..Checkpoint::default() }
}

pub(crate) async fn sums(store: &Arc<dyn Store>) -> Vec<(Option<String>, i64, Vec<Option<String>>)> {
    let rows = store.windows(1_000, false).await.unwrap();
    let plain = |row: weir::store::StatsRow| {
        (row.group[0].1.clone(), row.records, row.measures.into_iter().map(|(_, value)| value).collect())
    };
    rows.into_iter().map(plain).collect()
}

/// Runs a statement beside the store.
pub(crate) async fn sql(url: &str, statement: &'static str) {
    if url.starts_with("sqlite") {
        let database = sqlx::SqlitePool::connect(url).await.unwrap();
        sqlx::query(statement).execute(&database).await.unwrap();
        database.close().await;
    } else {
        let database = sqlx::MySqlPool::connect(url).await.unwrap();
        sqlx::query(statement).execute(&database).await.unwrap();
        database.close().await;
    }
}
