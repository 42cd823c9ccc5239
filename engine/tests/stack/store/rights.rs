//! The rights that docs/operations.md names are enough, each for what it says, and what lacks is told with what gives it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, raw_sql};
use weir::model::ids::{Offset, Revision};
use weir::store::{StoreError, connect_with, ddl};

use crate::store::fixture::*;

/// `admin`: of somebody who may do anything; `url`: of a user, with his name as password, in a database.
pub(crate) async fn the_documented_rights_are_enough(admin: &str, url: impl Fn(&str, &str) -> String) {
    let mut admin = MySqlConnection::connect(admin).await.unwrap();
    let mut run = async |sql: String| {
        admin.execute(raw_sql(AssertSqlSafe(sql.clone()))).await.unwrap_or_else(|why| panic!("{sql}: {why}"));
    };
    for sql in [
        "CREATE DATABASE rights",
        "CREATE DATABASE alone",
        "CREATE USER `rows`@'%' IDENTIFIED BY 'rows'",
        "CREATE USER `tables`@'%' IDENTIFIED BY 'tables'",
        // These two lines are in docs/operations.md.
        "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW ON rights.* TO `rows`@'%'",
        "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, CREATE, CREATE VIEW, DROP, INDEX ON alone.* TO `tables`@'%'",
    ] {
        run(sql.to_owned()).await;
    }

    // Nothing is there, and this user may make nothing.
    let rows = url("rows", "rights");
    let prepare = async |url: &str, idle| {
        let store = connect_with(url, "rights", "finance_stream", Duration::from_secs(idle)).await.unwrap();
        store.prepare(&fingerprint("rights"), &layout("rights")).await.map(|_| store)
    };
    match prepare(&rows, 60).await.err() {
        Some(StoreError::Fatal(why)) => {
            for part in [
                "weir_schema, weir_partition, ",
                "stats_rights, ",
                "the view stats_rights_final",
                "GRANT CREATE",
                "weir schema",
            ] {
                assert!(why.contains(part), "{part}: {why}");
            }
            assert!(why.contains("CREATE command denied"), "the server's own words: {why}");
        }
        other => panic!("{other:?}"),
    }

    // Somebody else runs what is printed.
    run("USE rights".into()).await;
    for statement in ddl(&rows, &layout("rights"), Duration::from_secs(60)).unwrap() {
        run(statement).await;
    }
    works(prepare(&rows, 60).await.unwrap()).await;
    match prepare(&rows, 61).await.err() {
        Some(StoreError::Fatal(why)) => assert!(why.contains("lacks the present view stats_rights_final"), "{why}"),
        other => panic!("{other:?}"),
    }
    // Without the right to see the view's text nobody can tell whether it is the wanted one.
    run("REVOKE SHOW VIEW ON rights.* FROM `rows`@'%'".into()).await;
    prepare(&rows, 61).await.unwrap();

    // Whoever may make tables needs nobody, and replaces a view of another configuration.
    let tables = url("tables", "alone");
    works(prepare(&tables, 60).await.unwrap()).await;
    prepare(&tables, 61).await.unwrap();
    let indexes = "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'alone' AND \
                   INDEX_NAME LIKE 'weir%'";
    let made: i64 = admin.fetch_one(raw_sql(indexes)).await.unwrap().get(0);
    assert_eq!(made, 2);
}

/// Every kind of statement that a running engine has.
async fn works(store: std::sync::Arc<dyn weir::store::Store>) {
    let epoch = store.take(&[P0]).await.unwrap()[0].epoch;
    store.begin(P0, epoch, Offset(0)).await.unwrap();
    store.commit(&checkpoint(epoch, 0, 1, vec![window(Some("a"), 1, 1, amount(1))])).await.unwrap();
    store.published(&[(P0, epoch, Offset(1))]).await.unwrap();
    assert_eq!(store.windows(9, true).await.unwrap().len(), 0);
    assert_eq!(sums(&store).await.len(), 1);
    assert_eq!(store.repair_rules(1, "test").await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap(), Revision(0));
    store.set_directory_seen("a.wasm", Some(weir::model::ids::Sha256::of(b"a"))).await.unwrap();
    store.set_directory_seen("a.wasm", None).await.unwrap();
}

#[tokio::test]
async fn a_database_made_by_the_printed_statements_is_the_one_that_the_engine_makes() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());
    let made = async |url: &str| -> Vec<(String, Option<String>)> {
        let database = sqlx::SqlitePool::connect(url).await.unwrap();
        let all = sqlx::query("SELECT name, sql FROM sqlite_master ORDER BY name").fetch_all(&database).await.unwrap();
        database.close().await;
        all.into_iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    prepared(&url("engine.db"), "printed").await;
    let printed = sqlx::SqlitePool::connect(&url("printed.db")).await.unwrap();
    for statement in ddl(&url("printed.db"), &layout("printed"), Duration::from_secs(60)).unwrap() {
        printed.execute(raw_sql(AssertSqlSafe(statement))).await.unwrap();
    }
    printed.close().await;
    assert_eq!(made(&url("engine.db")).await, made(&url("printed.db")).await);
    let before = made(&url("printed.db")).await;
    prepared(&url("printed.db"), "printed").await;
    assert_eq!(made(&url("printed.db")).await, before, "nothing is made that is there");
}
