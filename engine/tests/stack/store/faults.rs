//! Connections that break: a COMMIT whose answer is lost, a database that is away. Whatever breaks, records are counted
//! once and letters sent once.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection};
use weir::checkpoint::{CheckpointBuilder, Failed, ResumePoint, TaskHandle, claim, commit};
use weir::config::Start;
use weir::model::catalog::Audit;
use weir::model::checkpoint::Checkpoint;
use weir::model::ids::{Offset, Revision};
use weir::model::letter::Source;
use weir::store::{Store, StoreError};

use crate::store::fixture::*;
use crate::store::proxy::{Cut, Proxy};
use weir_testkit::fakes::kafka::{Model, P};
use weir_testkit::fakes::reason::reason;
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::wait::Fair;

pub(crate) async fn resume_point(store: &Arc<dyn Store>, kafka: &mut Model) -> ResumePoint {
    claim(&**store, kafka, &[P], Start::Earliest, &(), &TaskHandle::default()).await.unwrap().resume_points.remove(0)
}

/// Ten records, of which nine are valid and the fourth is a letter.
pub(crate) fn ten_records(pending: &mut CheckpointBuilder) -> Checkpoint {
    let from = pending.position(P).unwrap().to;
    let fourth = Source { offset: Offset(from.0 + 3), timestamp: 0, key: None, value: Some(b"{}"), headers: &[] };
    pending.judged(P, from, Offset(from.0 + 10), 10, Revision(1));
    pending.letter(P, &fourth, &reason());
    pending.finish(vec![window(Some("x"), 1, 4, amount(10)), window(Some("y"), 2, 5, amount(10))], |_| Some(0)).unwrap()
}

/// Takes the partition and moves two checkpoints: twenty records.
async fn two_checkpoints(store: &Arc<dyn Store>, kafka: &mut Model) {
    let point = resume_point(store, kafka).await;
    let (epoch, handle) = (point.epoch, TaskHandle::default());
    let mut pending = CheckpointBuilder::default();
    pending.restart(&[point]);
    commit(&**store, kafka, &ten_records(&mut pending), &[], &(), &handle).await.unwrap();
    let cleared = [(P, epoch, Offset(10))];
    commit(&**store, kafka, &ten_records(&mut pending), &cleared, &(), &handle).await.unwrap();
}

async fn twenty_records_count_once(store: &Arc<dyn Store>, kafka: &Model, when: &str) {
    let rows = sums(store).await;
    let plain: Vec<_> = rows.iter().map(|row| (row.1, row.2[0].as_deref())).collect();
    assert_eq!(plain, [(8, Some("0.20")), (10, Some("0.20"))], "{when}");
    assert_eq!((kafka.letters(), kafka.k()), (vec![3, 13], Some(Offset(20))), "{when}");
    let position = &store.positions().await.unwrap()[0];
    assert_eq!((position.next_offset, position.checkpoint), (Offset(20), 2), "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_commit_is_lost_or_its_answer_everything_counts_once() {
    let database = MariaDb::start();
    let proxy = Proxy::before(&database).await;
    let mut cuts = 0;
    for cut in [Cut::Before, Cut::After, Cut::AtOnce] {
        for number in 0.. {
            let when = format!("COMMIT {number} cut {cut:?}");
            let store = prepared(&proxy.url(), &format!("cut_{number}_{cut:?}")).await;
            let mut kafka = Model::with_log(0, 50);
            proxy.cuts_commit(number, cut);
            two_checkpoints(&store, &mut kafka).await;
            proxy.cuts_commit(-1, cut);
            twenty_records_count_once(&store, &kafka, &when).await;
            if proxy.cuts() == cuts {
                assert!(number >= 6, "taking and two checkpoints are {number} transactions only");
                break;
            }
            cuts += 1;
        }
    }
}

fn retirement() -> Audit {
    let (who, action, rule) = ("publisher".into(), "retire".into(), "high_amount".into());
    Audit { at: 1, who, action, rule, revision: 1, detail: String::new(), reason: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rules_whose_answer_is_lost_is_asked_after() {
    let database = MariaDb::start();
    let proxy = Proxy::before(&database).await;
    for (cut, made) in [(Cut::Before, 0), (Cut::After, 1)] {
        let store = prepared(&proxy.url(), &format!("change_{cut:?}")).await;
        proxy.cuts_commit(0, cut);
        match store.advance(Revision(0), None, &[], &retirement()).await {
            Ok(revision) => assert_eq!((cut, revision), (Cut::After, Revision(1))),
            Err(why) => assert!(cut == Cut::Before && matches!(why, StoreError::Unavailable(_)), "{cut:?}: {why:?}"),
        }
        proxy.cuts_commit(-1, cut);
        assert_eq!(store.revision().await.unwrap(), Revision(made), "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rules_that_cannot_be_asked_after_is_not_known_to_be_made_or_not() {
    let database = MariaDb::start();
    let proxy = Proxy::before(&database).await;
    let store = prepared(&proxy.url(), "change_unknown").await;
    proxy.cuts_commit(0, Cut::Frozen);
    let of_task = store.clone();
    let change = tokio::spawn(async move { of_task.advance(Revision(0), None, &[], &retirement()).await });
    while proxy.cuts() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.is_open(false);
    let changed = change.await.unwrap();
    assert!(matches!(changed, Err(StoreError::Unknown(_))), "{changed:?}");
    proxy.is_open(true);
    assert_eq!(store.revision().await.unwrap(), Revision(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_waits_for_the_database_is_given_up_at_once_and_costs_nothing_but_work() {
    let database = MariaDb::start();
    let proxy = Proxy::before(&database).await;
    let store = prepared(&proxy.url(), "away").await;
    let mut kafka = Model::with_log(0, 50);
    let mut pending = CheckpointBuilder::default();
    pending.restart(&[resume_point(&store, &mut kafka).await]);
    let (checkpoint, handle) = (ten_records(&mut pending), TaskHandle::default());
    proxy.is_open(false);
    let (of_task, mut broker, given_up) = (store.clone(), kafka.clone(), handle.clone());
    let task = tokio::spawn(async move { commit(&*of_task, &mut broker, &checkpoint, &[], &(), &given_up).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!task.is_finished(), "a database that is away is waited for");
    let told = Fair::start();
    handle.cancel();
    assert!(matches!(task.await.unwrap(), Err(Failed::Cancelled)));
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());

    proxy.is_open(true);
    two_checkpoints(&store, &mut kafka).await;
    twenty_records_count_once(&store, &kafka, "after it was back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_while_it_runs_is_waited_for() {
    let database = MariaDb::start();
    let store = prepared(&database.url(), "changed").await;
    let mut admin = MySqlConnection::connect(&database.url()).await.unwrap();
    admin.execute(sqlx::raw_sql("SET PASSWORD = PASSWORD('another')")).await.unwrap();
    let others = "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE id <> CONNECTION_ID()";
    let others: Vec<String> = sqlx::query_scalar(others).fetch_all(&mut admin).await.unwrap();
    assert!(!others.is_empty(), "the store has a connection");
    for id in others {
        admin.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("KILL {id}")))).await.unwrap();
    }
    // The first may still find out that its connection is gone.
    let _ = store.ping().await;
    let error = store.ping().await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("refused the user")), "{error:?}");
    admin.execute(sqlx::raw_sql("SET PASSWORD = PASSWORD('secret')")).await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_sqlite_that_is_given_up_while_it_begins_leaves_the_next_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&format!("sqlite://{}", folder.path().join("weir.db").display()), "given_up").await;
    for micros in 0..400 {
        let _ = tokio::time::timeout(Duration::from_micros(micros), store.ping()).await;
        store.ping().await.unwrap_or_else(|why| panic!("after {micros} us: {why}"));
    }
}

/// On a server that begins a transaction with whatever is asked first.
pub(crate) async fn what_only_reads_leaves_no_transaction_open(url: &str, root: &str) {
    let server = sqlx::MySqlPool::connect(root).await.unwrap();
    sqlx::query("SET GLOBAL autocommit = 0").execute(&server).await.unwrap();
    let store = prepared(url, "reads").await;
    store.rule_set().await.unwrap();
    let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p \
                ON p.ID = t.trx_mysql_thread_id WHERE p.USER = 'weir'";
    let count: i64 = sqlx::query_scalar(open).fetch_one(&server).await.unwrap();
    sqlx::query("SET GLOBAL autocommit = 1").execute(&server).await.unwrap();
    assert_eq!(count, 0);
    server.close().await;
}
