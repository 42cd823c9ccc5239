//! Many rows of statistics: a look at them reads no more rows than it shows, and has connections of its own.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, raw_sql};
use weir::model::catalog::Audit;
use weir::model::ids::{Offset, Revision};
use weir::store::StoreError;

use crate::store::fixture::*;
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::wait::Fair;

/// Rows of the table. What is asserted are the rows that are read, so they may be few; `WEIR_STORE_ROWS=3000000` was measured by
/// hand (bench/reliability.md).
fn rows() -> u32 {
    std::env::var("WEIR_STORE_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(300_000)
}

/// Of each window, 5 s long.
const GROUPS: u32 = 1_000;

async fn run(server: &mut MySqlConnection, sql: String) {
    server.execute(raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

/// A first window, then as many more as are there already, until all are. The server does it, in the order of the key.
async fn fill(server: &mut MySqlConnection, table: &str) {
    let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let columns = "window_start, window_end, `type`, group_id, records, flagged, late, amount_sum, amount_min, amount_max, updated_at";
    let first = format!(
        "INSERT INTO `{table}` ({columns}) SELECT '2026-01-01', '2026-01-01 00:00:05', CONCAT('g', n), UNHEX(MD5(n)), 1, 0, 0, 1, \
         1, 1, '2026-01-01' FROM (SELECT a.d + 10 * b.d + 100 * c.d AS n FROM {digit} a, {digit} b, {digit} c) n"
    );
    run(server, first).await;
    let (mut there, wanted) = (1, rows() / GROUPS);
    while there < wanted {
        let more = there.min(wanted - there);
        let later = format!(
            "INSERT INTO `{table}` ({columns}) SELECT TIMESTAMPADD(SECOND, {0}, window_start), TIMESTAMPADD(SECOND, {0}, window_end), \
             `type`, group_id, records, flagged, late, amount_sum, amount_min, amount_max, updated_at FROM `{table}` WHERE \
             window_start < TIMESTAMPADD(SECOND, {1}, '2026-01-01') ORDER BY window_start, group_id",
            5 * there,
            5 * more
        );
        run(server, later).await;
        there += more;
    }
    run(server, format!("ANALYZE TABLE `{table}`")).await;
}

/// 65,536 swaps of a partition and 1,024 versions of a rule.
async fn fill_history(server: &mut MySqlConnection, pipeline: &str) {
    let first = "INSERT INTO weir_activation (pipeline, topic, `partition`, first_offset, revision) VALUES";
    run(server, format!("{first} ('{pipeline}', 'finance_stream', 0, 0, 1)")).await;
    for there in (0..16).map(|power| 1 << power) {
        let sql = format!(
            "INSERT INTO weir_activation (pipeline, topic, `partition`, first_offset, revision) SELECT pipeline, topic, \
             `partition`, first_offset + {there}, revision + {there} FROM weir_activation WHERE pipeline = '{pipeline}'"
        );
        run(server, sql).await;
    }
    for there in (0..10).map(|power| 1 << power) {
        let sql = format!(
            "INSERT INTO weir_rule_version (pipeline, sha256, rule, wasm, manifest, origin, source, published_at, published_by) \
             SELECT pipeline, UNHEX(SHA2(published_at + {there}, 256)), rule, wasm, manifest, origin, source, published_at + \
             {there}, published_by FROM weir_rule_version WHERE pipeline = '{pipeline}'"
        );
        run(server, sql).await;
    }
    run(server, "ANALYZE TABLE weir_activation, weir_rule_version".into()).await;
}

/// Rows that the storage engine gave to statements, all sessions together.
async fn read(server: &mut MySqlConnection) -> u64 {
    let rows = server.fetch_all(raw_sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'")).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(1).parse::<u64>().unwrap()).sum()
}

pub(crate) async fn a_look_costs_what_it_shows(url: &str) {
    let (store, epoch) = begun(url, "large").await;
    let mut server = MySqlConnection::connect(url).await.unwrap();
    let (rows, filling) = (rows(), Fair::start());
    fill(&mut server, "stats_large").await;
    println!("{rows} rows made in {:?}", filling.elapsed());
    let explained = "EXPLAIN SELECT window_start FROM stats_large ORDER BY window_start DESC, group_id DESC LIMIT 100";
    let plan = server.fetch_one(raw_sql(explained)).await.unwrap();
    let (key, extra): (String, String) = (plan.get("key"), plan.try_get("Extra").unwrap_or_default());
    assert!(key == "PRIMARY" && !extra.contains("filesort") && !extra.contains("temporary"), "{key}: {extra}");

    // Final is what ended by 00:10:00: 120 windows of 300.
    let mut moved = checkpoint(epoch, 0, 1, vec![]);
    moved.partitions[0].watermark = Some(1_767_225_600_000 + 600_000);
    store.commit(&moved).await.unwrap();
    for (only_final, newest) in [(false, rows / GROUPS - 1), (true, 119)] {
        let (before, asked) = (read(&mut server).await, Fair::start());
        let shown = store.windows(100, only_final).await.unwrap();
        let took = asked.elapsed();
        let cost = read(&mut server).await - before;
        println!("100 of {rows} rows: {cost} read in {took:?} (final: {only_final})");
        assert!(cost < 3_000, "100 of {rows} rows cost {cost} (final: {only_final})");
        assert_eq!(shown.len(), 100);
        let start = 1_767_225_600_000 + 5_000 * i64::from(newest);
        assert!(shown.iter().all(|row| row.window_start == start), "final: {only_final}");
    }

    // Who judged, and what was published.
    let version = crate::store::retention::version(1);
    let audit = Audit {
        at: 1,
        who: "test".into(),
        action: "publish".into(),
        rule: "steady".into(),
        revision: 1,
        detail: String::new(),
        reason: None,
    };
    store.advance(Revision(0), Some(&version), &[], &audit).await.unwrap();
    fill_history(&mut server, "large").await;
    // The first of each reads the server's own dictionary, too.
    store.activations(1).await.unwrap();
    // MySQL reads some hundred rows to tell the status itself.
    let status = read(&mut server).await;
    let status = read(&mut server).await - status;
    let before = read(&mut server).await;
    let newest = store.activations(100).await.unwrap();
    let cost = (read(&mut server).await - before).saturating_sub(status);
    assert!(cost < 300, "100 of 65,536 activations cost {cost}");
    assert_eq!((newest.len(), newest[99].first_offset), (100, Offset(65_535)));
    store.versions(None, 1).await.unwrap();
    let before = read(&mut server).await;
    let newest = store.versions(None, 20).await.unwrap();
    let cost = (read(&mut server).await - before).saturating_sub(status);
    assert!(cost < 200, "20 of 1,024 versions cost {cost}");
    assert_eq!((newest.len(), newest[0].published_at), (20, 1_024));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_many_windows_reads_what_it_shows_and_readers_that_hang_hold_no_checkpoint_back() {
    let database = MariaDb::start();
    let url = database.url();
    a_look_costs_what_it_shows(&url).await;

    // Who looks waits for a lock: checkpoints go on, and the look ends by the server's own time.
    let (store, epoch) = begun(&url, "held").await;
    let large = prepared(&url, "large").await;
    let mut other = MySqlConnection::connect(&url).await.unwrap();
    other.execute(raw_sql("LOCK TABLES stats_large WRITE")).await.unwrap();
    let looks: Vec<_> = (0..30)
        .map(|_| {
            let large = large.clone();
            tokio::spawn(async move { large.windows(100, false).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun_at = Fair::start();
    for n in 0..20 {
        store.commit(&checkpoint(epoch, n, n + 1, vec![window(Some("x"), 1, 1, amount(1))])).await.unwrap();
        large.take(&[P0]).await.unwrap();
    }
    assert!(begun_at.elapsed() < Duration::from_secs(3), "20 checkpoints beside 30 readers: {:?}", begun_at.elapsed());
    assert_eq!(store.positions().await.unwrap()[0].next_offset, Offset(20));
    for look in looks {
        let answer = tokio::time::timeout(Duration::from_secs(15), look).await.expect("a look has a bound").unwrap();
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    drop(other);
}
