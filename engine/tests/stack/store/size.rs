//! Checkpoints of many groups: all of them arrive, in statements of few sizes. And what is too large: letters, a sum.

use std::time::Duration;

use sqlx::{Connection, MySqlConnection, Row};
use weir::checkpoint::{CheckpointBuilder, TaskHandle, commit};
use weir::model::checkpoint::{Group, WindowDelta};
use weir::model::ids::{Offset, Revision};
use weir::model::letter::Source;
use weir::store::{StoreError, connect_with};

use crate::store::faults::resume_point;
use crate::store::fixture::*;
use weir_testkit::fakes::kafka::{Model, P};
use weir_testkit::fakes::reason::reason;
use weir_testkit::stack::mariadb::MariaDb;

fn groups(count: u16) -> Vec<WindowDelta> {
    let group = |n: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let group = Group { id, values: vec![Some(n.to_string())] };
        WindowDelta { group: group.into(), ..window(None, 0, 1, amount(i64::from(n))) }
    };
    (0..count).map(group).collect()
}

pub(crate) async fn a_checkpoint_of_thousands_of_groups_is_added_whole(url: &str) {
    const GROUPS: u16 = 2_777;
    let (store, epoch) = begun(url, "many").await;
    store.commit(&checkpoint(epoch, 0, 1, groups(GROUPS))).await.unwrap();
    store.commit(&checkpoint(epoch, 1, 2, groups(GROUPS))).await.unwrap();
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
    let (store, epoch) = begun(&database.url(), "statements").await;
    store.commit(&checkpoint(epoch, 0, 1, groups(1))).await.unwrap();
    let before = status(&mut server, "Prepared_stmt_count").await;
    for n in 1..200 {
        store.commit(&checkpoint(epoch, n, n + 1, groups(n as u16))).await.unwrap();
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

/// MariaDB refuses a packet of more than 16 MiB unless told otherwise, and a record may have 64.
#[tokio::test(flavor = "multi_thread")]
async fn letters_larger_than_the_server_s_packet_get_through_and_so_do_the_small_ones_around_them() {
    let database = MariaDb::start();
    let store = prepared(&database.url(), "large").await;
    let mut kafka = Model::with_log(0, 50);
    let mut pending = CheckpointBuilder::default();
    pending.restart(&[resume_point(&store, &mut kafka).await]);
    let large = vec![b'x'; 20 << 20];
    for offset in 0..6 {
        let value: &[u8] = if offset % 2 == 1 { &large } else { b"{}" };
        let source =
            Source { offset: Offset(offset), timestamp: 0, key: Some(value), value: Some(value), headers: &[] };
        pending.letter(P, &source, &reason());
    }
    pending.judged(P, Offset(0), Offset(6), 6, Revision(1));
    let checkpoint = pending.finish(vec![], |_| Some(0)).unwrap();
    let sizes: Vec<_> = checkpoint.outbox.iter().map(|chunk| chunk.letters.len() >> 20).collect();
    assert!(sizes.iter().all(|mib| *mib < 12), "{sizes:?} MiB");
    commit(&*store, &mut kafka, &checkpoint, &[], &(), &TaskHandle::default()).await.unwrap();
    assert_eq!((kafka.letters(), kafka.k()), ((0..6).collect(), Some(Offset(6))));
    // And what is read back from the outbox, as after a crash, is published whole too.
    assert_eq!(store.take(&[P]).await.unwrap()[0].outbox, checkpoint.outbox.to_vec());
}

/// A server that is not strict of itself puts the largest number there instead, with a warning that nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_does_not_fit_is_an_error_and_is_not_clamped() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = MariaDb::start_on(folder, &data, &["--sql-mode=NO_ENGINE_SUBSTITUTION"]);
    let (store, epoch) = begun(&database.url(), "clamped").await;
    // 38 digits, as many as the column has.
    let nearly = [Some(99 * 10_i128.pow(36)), Some(1), Some(1)];
    let window = || vec![window(Some("x"), 1, 1, nearly)];
    store.commit(&checkpoint(epoch, 0, 1, window())).await.unwrap();
    match store.commit(&checkpoint(epoch, 1, 2, window())).await {
        Err(StoreError::Fatal(why)) => assert!(why.contains("1264") && why.contains("amount_sum"), "{why}"),
        other => panic!("no error: {other:?}, and the sums are {:?}", sums(&store).await),
    }
    assert_eq!(store.positions().await.unwrap()[0].next_offset, Offset(1));
    let sum = sums(&store).await.remove(0).2.remove(0);
    assert_eq!(sum, Some(format!("99{}.00", "0".repeat(34))));
}
