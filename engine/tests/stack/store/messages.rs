//! The messages of the store that docs/errors.md lists and no other test provokes, on SQLite: they are the same on a server.

use weir::model::checkpoint::StatsLayout;
use weir::store::{StoreError, connect};

use crate::store::fixture::{P0, begun, checkpoint, fingerprint, layout, measures, prepared, window};

async fn sql(url: &str, statement: &'static str) {
    let database = sqlx::SqlitePool::connect(url).await.unwrap();
    sqlx::query(statement).execute(&database).await.unwrap();
    database.close().await;
}

fn told<T>(result: Result<T, StoreError>, wanted: &str) {
    match result.err() {
        Some(StoreError::Fatal(why)) => assert!(why.contains(wanted), "{wanted:?} stands not in: {why}"),
        other => panic!("{wanted:?} is not told: {other:?}"),
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("sqlite://{}", folder.path().join("none/weir.db").display());
    told(
        connect(&nowhere, "p", "t").await,
        "SQLite cannot open the file of [sink] url: its folder must exist and be writable",
    );
    told(connect("sqlite://x?mode=never", "p", "t").await, "the sink url is not a valid one: sqlite://PATH is wanted");
    told(connect("postgres://h/d", "p", "t").await, "the sink url must begin with mysql://, mariadb:// or sqlite://");
}

#[tokio::test]
async fn a_table_or_row_that_does_not_fit_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    let prepare = |name: &'static str, layout: StatsLayout| {
        let url = url.clone();
        async move { connect(&url, name, "finance_stream").await.unwrap().prepare(&fingerprint(name), &layout).await }
    };
    let named = |table: &str| StatsLayout { table: table.into(), ..layout("named") };
    told(prepare("named", named("weir_mine")).await, "\"weir_mine\" would be mixed up with the engine's own");
    told(prepare("named", named("a b")).await, "\"a b\" cannot name a table or column: at most 58 of letters, digits");
    let twice = StatsLayout { group_by: vec!["type".into(), "Type".into()], ..layout("named") };
    told(prepare("named", twice).await, "stats_named would have two columns named \"Type\"");

    prepared(&url, "scaled").await;
    let wider = StatsLayout { measures: [measures("amount"), measures("fee")].concat(), ..layout("scaled") };
    told(prepare("scaled", wider).await, "the table stats_scaled does not fit [window]: it lacks the column fee_sum");

    let (store, _) = begun(&url, "lost").await;
    sql(&url, "DELETE FROM weir_pipeline WHERE pipeline = 'lost'").await;
    told(
        store.begin(P0, 1, weir::model::ids::Offset(1)).await,
        "weir_pipeline lacks \"lost\": another pipeline took the table",
    );
    prepared(&url, "changed").await;
    sql(&url, "UPDATE weir_rule_current SET revision = 'none' WHERE pipeline = 'changed'").await;
    let store = connect(&url, "changed", "finance_stream").await.unwrap();
    told(
        store.revision().await,
        "a table of the engine holds text where it wrote an integer: somebody else changed it; restore the row",
    );
}

/// SQLite knows no decimals, so the engine adds.
#[tokio::test]
async fn a_sum_that_cannot_be_or_is_none_is_an_error_that_names_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    let (store, epoch) = begun(&url, "sums").await;
    let most = [Some(i128::MAX), Some(1), Some(1)];
    store.commit(&checkpoint(epoch, 0, 1, vec![window(Some("x"), 1, 1, most)])).await.unwrap();
    let again = checkpoint(epoch, 1, 2, vec![window(Some("x"), 1, 1, most)]);
    told(store.commit(&again).await, "a sum in stats_sums is out of range");
    sql(&url, "UPDATE stats_sums SET amount_sum = 'much'").await;
    told(store.commit(&again).await, "\"much\" in stats_sums is no decimal of scale 2");
}
