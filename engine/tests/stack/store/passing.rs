//! What passes by itself is waited for, and ends nothing: the limits of a server that others share.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, raw_sql};
use weir::model::ids::Offset;
use weir::store::StoreError;

use crate::store::fixture::*;
use weir_testkit::stack::mariadb::MariaDb;

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_others_have_used_up_is_waited_for() {
    let database = MariaDb::start();
    let mut admin = MySqlConnection::connect(&database.url_of_root()).await.unwrap();
    let limits = [
        ("max_prepared_stmt_count", "0", "16382", "1461"),
        ("read_only", "1", "0", "1290"),
        // Only what is begun anew meets it.
        ("tx_read_only", "1", "0", "1792"),
    ];
    for (setting, low, high, number) in limits {
        let (store, epoch) = begun(&database.url(), setting).await;
        let set = |value: &str| AssertSqlSafe(format!("SET GLOBAL {setting} = {value}"));
        admin.execute(raw_sql(set(low))).await.unwrap();
        if number == "1792" {
            // Sessions have it from their start: those of the pool end.
            let others = "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE user = 'weir'";
            let others: Vec<String> = sqlx::query_scalar(others).fetch_all(&mut admin).await.unwrap();
            for id in others {
                admin.execute(raw_sql(AssertSqlSafe(format!("KILL {id}")))).await.unwrap();
            }
            let _ = store.ping().await;
        }
        let next = || checkpoint(epoch, 0, 1, vec![window(Some("x"), 1, 1, amount(1))]);
        match store.commit(&next()).await {
            Err(StoreError::Unavailable(why)) => assert!(why.contains(number), "{setting}: {why}"),
            other => panic!("{setting}: {other:?}"),
        }
        admin.execute(raw_sql(set(high))).await.unwrap();
        let mut went_on = store.commit(&next()).await;
        for _ in 0..20 {
            if went_on.is_ok() {
                break;
            }
            // A session that began while it was read-only ends after 5 s without work.
            assert!(matches!(went_on, Err(StoreError::Unavailable(_))), "{setting}: {went_on:?}");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            went_on = store.commit(&next()).await;
        }
        went_on.unwrap();
        assert_eq!(store.positions().await.unwrap()[0].next_offset, Offset(1), "{setting}");
    }
}
