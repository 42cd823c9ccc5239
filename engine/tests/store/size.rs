//! Steps of many groups: all of them arrive, in statements of few sizes.

use std::time::Duration;

use sqlx::{Connection, MySqlConnection, Row};
use weir::model::step::{Group, WindowDelta};
use weir::store::connect_with;

use crate::common::mariadb::MariaDb;
use crate::fixture::*;

fn groups(count: u16) -> Vec<WindowDelta> {
    let group = |n: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let group = Group { id, values: vec![Some(n.to_string())] };
        WindowDelta { group: group.into(), ..window(None, 0, 1, amount(i64::from(n))) }
    };
    (0..count).map(group).collect()
}

pub(crate) async fn a_step_of_thousands_of_groups_is_added_whole(url: &str) {
    const GROUPS: u16 = 2_777;
    let (store, owner) = begun(url, "many").await;
    store.commit(&step(owner, 0, 1, groups(GROUPS))).await.unwrap();
    store.commit(&step(owner, 1, 2, groups(GROUPS))).await.unwrap();
    let rows = store.windows(10_000, false).await.unwrap();
    assert_eq!(rows.len(), usize::from(GROUPS));
    for (n, row) in (0..GROUPS).zip(rows) {
        let sum = format!("{}.{:02}", 2 * n / 100, 2 * n % 100);
        assert_eq!((row.records, row.measures[0].1.as_deref()), (2, Some(sum.as_str())), "group {n}");
        assert_eq!(row.group[0].1, Some(n.to_string()));
    }
}

async fn status(server: &mut MySqlConnection, name: &str) -> u64 {
    let sql = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = ?";
    sqlx::query(sql).bind(name).fetch_one(server).await.unwrap().get::<String, _>(0).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_few_statements_whatever_the_number_of_groups() {
    let database = MariaDb::start();
    let mut server = MySqlConnection::connect(&database.url()).await.unwrap();
    let (store, owner) = begun(&database.url(), "statements").await;
    store.commit(&step(owner, 0, 1, groups(1))).await.unwrap();
    let before = status(&mut server, "Prepared_stmt_count").await;
    for n in 1..200 {
        store.commit(&step(owner, n, n + 1, groups(n as u16))).await.unwrap();
    }
    let after = status(&mut server, "Prepared_stmt_count").await;
    // Eight sizes on each of the pool's eight connections at most.
    assert!(after <= before + 64, "199 numbers of groups made {} statements", after - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_changes_nothing_leaves_the_view_alone() {
    let database = MariaDb::start();
    let mut server = MySqlConnection::connect(&database.url()).await.unwrap();
    prepared(&database.url(), "view").await;
    let made = status(&mut server, "Com_create_view").await;
    prepared(&database.url(), "view").await;
    assert_eq!(status(&mut server, "Com_create_view").await, made);
    let five = Duration::from_secs(5);
    let other = connect_with(&database.url(), "view", "finance_stream", five).await.unwrap();
    other.prepare(&fingerprint("view"), &layout("view")).await.unwrap();
    assert_eq!(status(&mut server, "Com_create_view").await, made + 1);
}
