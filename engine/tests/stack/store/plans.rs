//! Reads of the admin API go by an index on each database, however many rows there are.

use sqlx::{Connection, Executor, MySqlConnection, SqliteConnection, raw_sql};
use weir::model::catalog::Audit;
use weir::model::checkpoint::{Activation, WindowDelta};
use weir::model::ids::{Offset, Partition, Revision};
use weir::store::WindowsWanted;
use weir_testkit::plans::{self, How};
use weir_testkit::process::alone;
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::stack::mysql8::Mysql8;

use crate::store::fixture::*;
use crate::store::instances::beat;
use crate::store::retention::{entry, version};

/// Of each kind of row: enough that reading all of them is more than finding a few.
const ROWS: u16 = 600;

/// A store with so many windows, swaps, changes and versions.
async fn filled(url: &str) -> std::sync::Arc<dyn weir::store::Store> {
    // Partitions of others, so that finding one's own is not the same as reading all.
    for name in ["plans_a", "plans_b", "plans_c"] {
        let partitions: Vec<_> = (0..200).map(Partition).collect();
        let store = prepared(url, name).await;
        store.take(&partitions).await.unwrap();
        for number in 0..200 {
            store.beat(&beat(&format!("{name}-{number}"), "{}"), 0).await.unwrap();
        }
    }
    let (store, epoch) = begun(url, "plans").await;
    let rows = i64::from(ROWS);
    let windows = (0..rows).map(|at| WindowDelta {
        start: at * 5_000,
        end: (at + 1) * 5_000,
        ..window(Some("g"), (at % 200) as u8, 1, amount(1))
    });
    let mut all = checkpoint(epoch, 0, rows, windows.collect());
    let activation = |at| Activation { partition: P0, first_offset: Offset(at), revision: Revision(at as u64 + 1) };
    all.activations = (0..rows).map(activation).collect();
    store.commit(&all).await.unwrap();
    for base in 0..u64::from(ROWS) {
        let version = (base < 200).then(|| version(base as u8));
        let steady = entry("steady", &self::version(0), 0);
        let audit = Audit {
            at: 1,
            who: "publisher".into(),
            action: "publish".into(),
            rule: "steady".into(),
            revision: base + 1,
            detail: String::new(),
            reason: Some("because".into()),
        };
        store.advance(Revision(base), version.as_ref(), &[steady], &audit).await.unwrap();
    }
    store
}

/// `url`: of a user who may set what counts for everybody, on MariaDB and MySQL.
async fn every_look_goes_by_an_index(url: &str, store: &dyn weir::store::Store) {
    assert_eq!(plans::by_index(url, store.windows(10, false)).await.unwrap().len(), 10);
    plans::by_index(url, store.windows(10, true)).await.unwrap();
    let between = WindowsWanted { limit: 10, final_only: false, from: Some(1_000_000), to: Some(2_000_000) };
    assert_eq!(plans::by_index(url, store.windows_of(between)).await.unwrap().rows.len(), 10);
    let late = WindowsWanted { final_only: true, ..between };
    plans::by_index(url, store.windows_of(late)).await.unwrap();
    assert_eq!(plans::by_index(url, store.activations(10)).await.unwrap().len(), 10);
    assert_eq!(plans::by_index(url, store.audit(10)).await.unwrap().len(), 10);
    assert_eq!(plans::by_index(url, store.versions(None, 10)).await.unwrap().len(), 10);
    let changes = plans::by_index(url, store.rule_changes("steady", 10)).await.unwrap();
    assert_eq!(changes.iter().filter(|change| change.entry.is_some() && change.manifest.is_some()).count(), 10);
    assert!(plans::by_index(url, store.version_info(version(0).sha256)).await.unwrap().is_some());
    plans::by_index(url, store.revision()).await.unwrap();
    assert_eq!(plans::by_index(url, store.positions()).await.unwrap().len(), 1);
    assert_eq!(plans::by_index(url, store.beat(&beat("own", "{}"), 10_000)).await.unwrap().len(), 1);
    // And one that does not is told.
    for (statement, how) in [
        ("SELECT records FROM stats_plans WHERE flagged = 7", How::All),
        ("SELECT records FROM stats_plans ORDER BY records LIMIT 3", How::All),
        ("SELECT window_start FROM stats_plans ORDER BY window_start DESC, group_id DESC LIMIT 3", How::Walk),
        ("SELECT records FROM stats_plans WHERE window_start = '1970-01-01 00:00:05.000' LIMIT 3", How::Search),
    ] {
        let plan = plans::explain(url, statement).await;
        assert_eq!(plan.steps.iter().map(|step| step.how).collect::<Vec<_>>(), [how], "{plan}");
    }
}

async fn on_a_server(url: &str, admin: &str) {
    let store = filled(url).await;
    let tables = "ANALYZE TABLE stats_plans, weir_partition, weir_activation, weir_audit, weir_rule_version, weir_rule_set, \
         weir_audit_reason, weir_instance";
    MySqlConnection::connect(url).await.unwrap().execute(raw_sql(tables)).await.unwrap();
    every_look_goes_by_an_index(admin, &*store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_at_a_mariadb_goes_by_an_index() {
    let database = MariaDb::start();
    on_a_server(&database.url(), &database.url_of_root()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_at_a_mysql_8_goes_by_an_index() {
    let database = Mysql8::start();
    on_a_server(&database.url(), &database.url()).await;
}

#[test]
fn every_look_at_a_sqlite_goes_by_an_index() {
    if !alone() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = filled(&url).await;
        SqliteConnection::connect(&url).await.unwrap().execute(raw_sql("ANALYZE")).await.unwrap();
        every_look_goes_by_an_index(&url, &*store).await;
    });
}
