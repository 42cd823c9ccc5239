//! Many rows of statistics: a look at them reads no more rows than it shows, and has connections of its own.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, raw_sql};
use weir::model::ids::Offset;
use weir::store::StoreError;

use crate::common::mariadb::MariaDb;
use crate::fixture::*;

/// Rows of the table. With 3,000,000 it is the same, and takes a minute more: what is asserted are the rows that are read.
const ROWS: u32 = 300_000;
/// Of each window, 5 s long.
const GROUPS: u32 = 1_000;

async fn fill(server: &mut MySqlConnection, table: &str, is_mariadb: bool) {
    // 0 to ROWS - 1: by MariaDB's engine of sequences, or by a cross of digits.
    let numbers = if is_mariadb {
        format!("SELECT seq - 1 AS n FROM seq_1_to_{ROWS}")
    } else {
        let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL \
                     SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
        format!(
            "SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d AS n FROM {digit} a, {digit} b, \
             {digit} c, {digit} e, {digit} f, {digit} g WHERE g.d < {} ORDER BY n",
            ROWS / 100_000
        )
    };
    let sql = format!(
        "INSERT INTO `{table}` (window_start, window_end, `type`, group_id, records, flagged, late, amount_sum, amount_min, \
         amount_max, updated_at) SELECT TIMESTAMPADD(SECOND, 5 * (n DIV {GROUPS}), '2026-01-01'), TIMESTAMPADD(SECOND, \
         5 * (n DIV {GROUPS}) + 5, '2026-01-01'), CONCAT('g', n MOD {GROUPS}), UNHEX(MD5(n MOD {GROUPS})), 1, 0, 0, 1, 1, 1, \
         '2026-01-01' FROM ({numbers}) numbers"
    );
    server.execute(raw_sql(AssertSqlSafe(sql))).await.unwrap();
    server.execute(raw_sql(AssertSqlSafe(format!("ANALYZE TABLE `{table}`")))).await.unwrap();
}

/// Rows that the storage engine gave to statements, all sessions together.
async fn read(server: &mut MySqlConnection) -> u64 {
    let rows = server.fetch_all(raw_sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'")).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(1).parse::<u64>().unwrap()).sum()
}

pub(crate) async fn a_look_at_the_windows_costs_what_it_shows(url: &str, is_mariadb: bool) {
    let (store, owner) = begun(url, "large").await;
    let mut server = MySqlConnection::connect(url).await.unwrap();
    fill(&mut server, "stats_large", is_mariadb).await;
    let explained = "EXPLAIN SELECT window_start FROM stats_large ORDER BY window_start DESC, group_id DESC LIMIT 100";
    let plan = server.fetch_one(raw_sql(explained)).await.unwrap();
    let (key, extra): (String, String) = (plan.get("key"), plan.try_get("Extra").unwrap_or_default());
    assert!(key == "PRIMARY" && !extra.contains("filesort") && !extra.contains("temporary"), "{key}: {extra}");

    // Final is what ended by 00:10:00: 120 windows of 300.
    let mut moved = step(owner, 0, 1, vec![]);
    moved.partitions[0].watermark = Some(1_767_225_600_000 + 600_000);
    store.commit(&moved).await.unwrap();
    for (only_final, newest) in [(false, ROWS / GROUPS - 1), (true, 119)] {
        let before = read(&mut server).await;
        let rows = store.windows(100, only_final).await.unwrap();
        let cost = read(&mut server).await - before;
        assert!(cost < 3_000, "100 of {ROWS} rows cost {cost} (final: {only_final})");
        assert_eq!(rows.len(), 100);
        let start = 1_767_225_600_000 + 5_000 * i64::from(newest);
        assert!(rows.iter().all(|row| row.window_start == start), "final: {only_final}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_many_windows_reads_what_it_shows_and_readers_that_hang_hold_no_checkpoint_back() {
    let database = MariaDb::start();
    let url = database.url();
    a_look_at_the_windows_costs_what_it_shows(&url, true).await;

    // Who looks waits for a lock: checkpoints go on, and the look ends by the server's own time.
    let (store, owner) = begun(&url, "held").await;
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
    let begun_at = Instant::now();
    for n in 0..20 {
        store.commit(&step(owner, n, n + 1, vec![window(Some("x"), 1, 1, amount(1))])).await.unwrap();
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
