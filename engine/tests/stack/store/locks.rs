//! Locks that others hold: a deadlock and a lock wait time-out end a try, not the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection};
use weir::checkpoint::{CheckpointBuilder, Failed, TaskHandle, commit};
use weir::model::checkpoint::Checkpoint;
use weir::model::ids::Offset;
use weir::store::{Outcome, Store, StoreError};

use crate::store::faults::{resume_point, ten_records};
use crate::store::fixture::*;
use crate::store::proxy::{Cut, Proxy};
use weir_testkit::fakes::kafka::Model;
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::wait::{Fair, Progress};

/// A store with a checkpoint of ten records in it, the next one, another session of the server, and one that looks on.
struct Scene {
    store: Arc<dyn Store>,
    kafka: Model,
    next: Checkpoint,
    rival: MySqlConnection,
    /// The server's root: whoever waits for a lock is shown to nobody else.
    witness: MySqlConnection,
    table: String,
    _database: MariaDb,
}

async fn scene(name: &str) -> Scene {
    let database = MariaDb::start();
    let store = prepared(&database.url(), name).await;
    let mut kafka = Model::with_log(0, 50);
    let mut pending = CheckpointBuilder::default();
    pending.restart(&[resume_point(&store, &mut kafka).await]);
    commit(&*store, &mut kafka, &ten_records(&mut pending), &[], &(), &TaskHandle::default()).await.unwrap();
    let next = ten_records(&mut pending);
    let rival = MySqlConnection::connect(&database.url()).await.unwrap();
    let witness = MySqlConnection::connect(&format!("mysql://root@127.0.0.1:{}/weir", database.port)).await.unwrap();
    Scene { store, kafka, next, rival, witness, table: format!("stats_{name}"), _database: database }
}

impl Scene {
    /// The rival locks the row of the group with this id; waits if somebody has it.
    async fn locks(&mut self, id: u8) {
        let (table, key) = (&self.table, format!("{id:02x}").repeat(16));
        let sql = format!(
            "SELECT late FROM {table} WHERE window_start = '1970-01-01 00:00:05' AND group_id = x'{key}' FOR UPDATE"
        );
        assert_eq!(self.rival.fetch_all(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap().len(), 1);
    }

    async fn runs(&mut self, sql: &'static str) {
        self.rival.execute(sqlx::raw_sql(sql)).await.unwrap();
    }

    async fn locks_before_the_step(&mut self) {
        self.runs("START TRANSACTION").await;
        // Of a circle the server takes back whoever changed less, and that must not be the rival.
        self.runs("INSERT INTO ballast SELECT seq FROM seq_1_to_5000").await;
        self.locks(2).await;
    }

    async fn until_the_checkpoint_waits(&mut self) {
        let waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
        // What the checkpoint has done on its way there.
        let done = "SELECT COALESCE(CAST(SUM(trx_rows_locked + trx_rows_modified) AS SIGNED), 0) \
                    FROM information_schema.innodb_trx";
        let mut progress = Progress::default();
        loop {
            // Asked more often than every 100 ms the server goes on showing what it showed before: a wait that is over, maybe.
            tokio::time::sleep(Duration::from_millis(150)).await;
            if self.number(waiting).await > 0 {
                return;
            }
            progress.saw("the checkpoint waits for the rival's row", self.number(done).await);
        }
    }

    /// The checkpoint has the first row and waits for the second; now the rival wants the first.
    async fn closes_the_circle(&mut self) {
        self.until_the_checkpoint_waits().await;
        let deadlocks = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
                         WHERE variable_name = 'Innodb_deadlocks'";
        let before = self.number(deadlocks).await;
        self.locks(1).await;
        assert_eq!(self.number(deadlocks).await, before + 1, "a deadlock, and no lock wait that timed out");
    }

    async fn number(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.witness).await.unwrap()
    }

    fn advances(&self) -> tokio::task::JoinHandle<Result<(), Failed>> {
        let (store, mut kafka, next) = (self.store.clone(), self.kafka.clone(), self.next.clone());
        tokio::spawn(async move { commit(&*store, &mut kafka, &next, &[], &(), &TaskHandle::default()).await })
    }

    async fn both_checkpoints_count_once(&self) {
        let plain: Vec<_> = sums(&self.store).await.into_iter().map(|row| (row.1, row.2[0].clone())).collect();
        assert_eq!(plain, [(8, Some("0.20".into())), (10, Some("0.20".into()))]);
        assert_eq!((self.kafka.letters(), self.kafka.k()), (vec![3, 13], Some(Offset(20))));
        assert_eq!(self.store.positions().await.unwrap()[0].checkpoint, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_takes_back_the_try_and_the_checkpoint_is_done_again_whole() {
    let mut scene = scene("deadlock").await;
    scene.runs("CREATE TABLE ballast (n INT) ENGINE=InnoDB").await;
    let (store, next) = (scene.store.clone(), scene.next.clone());
    scene.locks_before_the_step().await;
    let once = tokio::spawn(async move { store.commit(&next).await });
    scene.closes_the_circle().await;
    match once.await.unwrap() {
        Err(StoreError::Unavailable(why)) => assert!(why.contains("1213"), "{why}"),
        other => panic!("no deadlock: {other:?}"),
    }
    scene.runs("ROLLBACK").await;

    scene.locks_before_the_step().await;
    let checkpoint = scene.advances();
    scene.closes_the_circle().await;
    scene.runs("ROLLBACK").await;
    checkpoint.await.unwrap().unwrap();
    scene.both_checkpoints_count_once().await;
}

/// Under REPEATABLE READ, the server's own, an upsert would lock the gaps beside its rows too, and with them those of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_read_committed() {
    let mut scene = scene("isolation").await;
    let (store, next) = (scene.store.clone(), scene.next.clone());
    scene.runs("START TRANSACTION").await;
    scene.locks(2).await;
    let checkpoint = tokio::spawn(async move { store.commit(&next).await });
    scene.until_the_checkpoint_waits().await;
    let level = "SELECT COUNT(*) FROM information_schema.innodb_trx \
                 WHERE trx_state = 'LOCK WAIT' AND trx_isolation_level = 'READ COMMITTED'";
    assert_eq!(scene.number(level).await, 1);
    scene.runs("ROLLBACK").await;
    checkpoint.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_wait_that_times_out_takes_back_the_try_and_the_checkpoint_is_done_again_whole() {
    let mut scene = scene("waited").await;
    scene.runs("START TRANSACTION").await;
    scene.locks(2).await;
    match scene.store.commit(&scene.next).await {
        Err(StoreError::Unavailable(why)) => assert!(why.contains("1205"), "{why}"),
        other => panic!("no time-out: {other:?}"),
    }
    let checkpoint = scene.advances();
    // Longer than the server lets a statement wait.
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert!(!checkpoint.is_finished());
    scene.runs("ROLLBACK").await;
    checkpoint.await.unwrap().unwrap();
    scene.both_checkpoints_count_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_freezes_before_its_commit_holds_its_locks_for_ten_seconds_at_most() {
    let database = MariaDb::start();
    let proxy = Proxy::before(&database).await;
    let (zombie, heir) = (prepared(&proxy.url(), "frozen").await, prepared(&database.url(), "frozen").await);
    let mut kafka = Model::with_log(0, 50);
    let mut pending = CheckpointBuilder::default();
    pending.restart(&[resume_point(&zombie, &mut kafka).await]);
    proxy.cuts_commit(0, Cut::Frozen);
    let (checkpoint, mut of_zombie) = (ten_records(&mut pending), kafka.clone());
    let frozen =
        tokio::spawn(
            async move { commit(&*zombie, &mut of_zombie, &checkpoint, &[], &(), &TaskHandle::default()).await },
        );
    while proxy.cuts() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The server's `wait_timeout` and one lock wait that timed out meanwhile; the zombie itself gives up after 30 s.
    let asked = Fair::start();
    let point = resume_point(&heir, &mut kafka).await;
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    pending.restart(&[point]);
    commit(&*heir, &mut kafka, &ten_records(&mut pending), &[], &(), &TaskHandle::default()).await.unwrap();
    assert!(matches!(frozen.await.unwrap(), Err(Failed::Fenced(_))), "it wakes, asks, and learns that it has an heir");
    let plain: Vec<_> = sums(&heir).await.into_iter().map(|row| (row.1, row.2[0].clone())).collect();
    assert_eq!(plain, [(4, Some("0.10".into())), (5, Some("0.10".into()))]);
    assert_eq!((kafka.letters(), kafka.k()), (vec![3], Some(Offset(10))));
}

/// The rival stands for our own connection: its COMMIT was sent, the answer is lost, and the server has not come to it yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_commit_is_not_told_before_the_server_has_decided() {
    let mut scene = scene("undecided").await;
    for (decision, wanted) in [("ROLLBACK", Outcome::NotCommitted), ("COMMIT", Outcome::Committed)] {
        scene.runs("START TRANSACTION").await;
        scene.runs("UPDATE weir_partition SET next_offset = 20 WHERE pipeline = 'undecided' AND `partition` = 0").await;
        let (store, next) = (scene.store.clone(), scene.next.clone());
        let asked = tokio::spawn(async move { store.outcome(&next).await });
        // Whoever reads past the lock answers in a moment, and wrongly.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!asked.is_finished(), "before {decision} it is {:?}", asked.await);
        scene.runs(decision).await;
        assert_eq!(asked.await.unwrap().unwrap(), wanted, "after {decision}");
    }
}
