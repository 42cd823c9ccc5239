//! What only a server has of an upgrade: the lock, and users who may not make tables.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, raw_sql};
use weir::store::{StoreError, connect};

use crate::store::fixture::{fingerprint, layout, prepared};
use crate::store::older;

/// The lock that instances take before they make anything.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('weir.', SHA1(DATABASE())), 0)";

/// `admin`: of somebody who may do anything; `url`: of a user who has a database of this name.
pub(crate) async fn an_older_database_is_brought_up_once(admin: &str, url: impl Fn(&str) -> String) {
    let mut admin = MySqlConnection::connect(admin).await.unwrap();
    for name in older::MYSQL.map(|older| older.commit).into_iter().chain(["locked"]) {
        let all = format!("CREATE DATABASE {name}; GRANT ALL ON {name}.* TO weir@'%'");
        admin.execute(raw_sql(AssertSqlSafe(all))).await.unwrap();
    }
    let locked = url("locked");
    let (other, ()) = tokio::join!(whoever_waits_too_long_says_for_what(&locked), async {
        for older in older::MYSQL {
            let url = url(older.commit);
            older.load(&url).await;
            let before = indexes_made(&mut admin).await;
            older.goes_on(&url).await;
            // Without the lock both would try.
            assert_eq!(indexes_made(&mut admin).await - before, older.lacks, "{}", older.commit);
        }
    });
    the_lock_is_given_back(&locked, other).await;
}

/// Statements that made one or tried, since the server runs.
async fn indexes_made(admin: &mut MySqlConnection) -> i64 {
    let (_, made): (String, String) =
        sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Com_create_index'").fetch_one(admin).await.unwrap();
    made.parse().unwrap()
}

/// Who has the lock.
async fn whoever_waits_too_long_says_for_what(url: &str) -> MySqlConnection {
    let mut other = MySqlConnection::connect(url).await.unwrap();
    let locked: i64 = sqlx::query_scalar(LOCK).fetch_one(&mut other).await.unwrap();
    assert_eq!(locked, 1);
    let store = connect(url, "locked", "finance_stream").await.unwrap();
    match store.prepare(&fingerprint("locked"), &layout("locked")).await {
        Err(StoreError::Unavailable(why)) => {
            assert!(why.contains("another instance has been changing the tables of [sink] for 20 s"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    other
}

/// By one that dies, and by one that made everything; where nothing lacks, nobody takes it.
async fn the_lock_is_given_back(url: &str, dies: MySqlConnection) {
    drop(dies);
    let soon = tokio::time::timeout(Duration::from_secs(15), prepared(url, "locked")).await;
    soon.expect("the lock is free");
    let mut other = MySqlConnection::connect(url).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(LOCK).fetch_one(&mut other).await.unwrap(), 1);
    prepared(url, "locked").await;
}
