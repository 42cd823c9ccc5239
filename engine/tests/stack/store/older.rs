//! Databases that older versions left when they were killed: 300 records of `weir generate --seed 7` judged by the rule
//! `negative_amount`, with or without letters in the outbox. Made by those versions with `stack/weir.compose.toml`, dumped
//! by mariadb-dump and sqlite3, packed by gzip. Two instances start on each at once, and one goes on.

use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use sqlx::{AssertSqlSafe, Executor, MySqlPool, SqlitePool, raw_sql};
use weir::model::checkpoint::*;
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::outbox::format;
use weir::store::{Outcome, Store, StoreError, connect};

use crate::store::fixture::layout;

/// A dump, and what is in it.
pub(crate) struct Older {
    /// The commit whose engine made it.
    pub(crate) commit: &'static str,
    dump: &'static [u8],
    pipeline: &'static str,
    group: &'static str,
    /// Whether letters were in the outbox.
    has_letters: bool,
    /// Indexes that it lacks.
    pub(crate) lacks: i64,
}

pub(crate) const MYSQL: [Older; 2] = [
    Older {
        commit: "baac756",
        dump: include_bytes!("older/baac756.mysql.sql.gz"),
        pipeline: "fraud",
        group: "weir-fraud",
        has_letters: false,
        lacks: 2,
    },
    Older {
        commit: "c28ddff",
        dump: include_bytes!("older/c28ddff.mysql.sql.gz"),
        pipeline: "fraud",
        group: "weir-fraud",
        has_letters: true,
        lacks: 0,
    },
];

pub(crate) const SQLITE: [Older; 2] = [
    Older {
        commit: "baac756",
        dump: include_bytes!("older/baac756.sqlite.sql.gz"),
        pipeline: "sqlite",
        group: "weir-sqlite",
        has_letters: true,
        lacks: 2,
    },
    Older {
        commit: "c28ddff",
        dump: include_bytes!("older/c28ddff.sqlite.sql.gz"),
        pipeline: "sqlite",
        group: "weir-sqlite",
        has_letters: true,
        lacks: 0,
    },
];

/// Partitions of `finance_stream`.
const PARTITIONS: [Partition; 4] = [Partition(0), Partition(1), Partition(2), Partition(3)];

/// The database of `url`, without the engine.
enum Plain {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

impl Plain {
    async fn open(url: &str) -> Self {
        match url.starts_with("sqlite") {
            true => Self::Sqlite(SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap()),
            false => Self::MySql(MySqlPool::connect(url).await.unwrap()),
        }
    }

    async fn run(&self, sql: String) {
        let sql = raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(pool) => pool.execute(sql).await.map(drop).unwrap(),
            Self::MySql(pool) => pool.execute(sql).await.map(drop).unwrap(),
        }
    }

    /// The text of the only cell.
    async fn text(&self, sql: &'static str) -> String {
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::MySql(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::MySql(pool) => pool.close().await,
        }
    }
}

impl Older {
    /// Into an empty database.
    pub(crate) async fn load(&self, url: &str) {
        let mut text = String::new();
        GzDecoder::new(self.dump).read_to_string(&mut text).unwrap();
        let database = Plain::open(url).await;
        database.run(text).await;
        database.close().await;
    }

    fn layout() -> StatsLayout {
        StatsLayout { table: "risk_stats".into(), ..layout("older") }
    }

    /// An engine's start on Kafka's cluster of this id.
    async fn start(&self, url: &str, cluster: &str) -> Result<Arc<dyn Store>, String> {
        let layout = Self::layout();
        let fingerprint = Fingerprint {
            topic: "finance_stream".into(),
            group: self.group.into(),
            letter_topic: "dead_letter_queue".into(),
            window_ms: 5_000,
            group_by: layout.group_by.clone(),
            scales: vec![("amount".into(), 2)],
            table: layout.table.clone(),
            cluster: Some(cluster.to_owned()),
        };
        let store = connect(url, self.pipeline, "finance_stream").await.map_err(|why| why.to_string())?;
        store.prepare(&fingerprint, &layout).await.map_err(|why| why.to_string())?;
        Ok(store)
    }

    /// Two instances start at once: each step is done, and its rules, letters and positions are there. Then both take the
    /// partitions, and of what they count only that of the later one is kept, once.
    pub(crate) async fn goes_on(&self, url: &str) {
        let commit = self.commit;
        let database = Plain::open(url).await;
        let fingerprint = database.text("SELECT CAST(fingerprint AS CHAR) FROM weir_pipeline").await;
        let fingerprint: Fingerprint = serde_json::from_str(&fingerprint).unwrap();
        // A version that did not ask for the cluster's id: the first that comes is the pipeline's own.
        let cluster = fingerprint.cluster.unwrap_or_else(|| "one".into());
        let (one, other) = tokio::join!(self.start(url, &cluster), self.start(url, &cluster));
        let (one, other) = (one.expect(commit), other.expect(commit));
        assert_eq!(database.text("SELECT CAST(COUNT(*) AS CHAR) FROM weir_schema").await, "5", "{commit}");
        assert_eq!(other.pending(&Self::layout()).await.unwrap(), [""; 0], "{commit}");
        let refused = self.start(url, "two").await.map(drop).unwrap_err();
        assert!(refused.contains("source.brokers") && refused.contains(&format!("{cluster:?}")), "{refused}");

        self.has_its_rules(&one).await;
        let fenced = one.take(&PARTITIONS).await.unwrap();
        let taken = other.take(&PARTITIONS).await.unwrap();
        assert_eq!(taken.iter().map(|taken| taken.next_offset.unwrap_or(Offset(0)).0).sum::<i64>(), 300, "{commit}");
        let begun = |taken: &&Claimed| taken.next_offset > Some(Offset(0));
        assert!(taken.iter().filter(begun).all(|taken| taken.revision == Some(Revision(1))), "{commit}");
        let chunks = taken.iter().flat_map(|taken| &taken.outbox);
        let letters = chunks.map(|chunk| format::decode(&chunk.letters).expect("its letters are read").len());
        assert_eq!(letters.sum::<usize>() > 0, self.has_letters, "{commit}");

        // Ten records of each partition, into a window that is there already.
        let group = database.text("SELECT HEX(group_id) FROM risk_stats ORDER BY window_start, group_id LIMIT 1").await;
        let start =
            database.text("SELECT CAST(window_start AS CHAR) FROM risk_stats ORDER BY window_start LIMIT 1").await;
        let start = chrono::NaiveDateTime::parse_from_str(&start, "%Y-%m-%d %H:%M:%S%.f").unwrap().and_utc();
        let ten_records = |taken: &[Claimed]| -> Checkpoint {
            let begun: Vec<_> = taken.iter().filter(begun).collect();
            let records = 10 * begun.len() as i64;
            let moved = |taken: &&Claimed| {
                let from = taken.next_offset.unwrap();
                let to = Offset(from.0 + 10);
                PartitionProgress {
                    partition: taken.partition,
                    epoch: taken.epoch,
                    from,
                    to,
                    watermark: taken.watermark,
                }
            };
            let id = hex::decode(&group).unwrap().try_into().unwrap();
            let window = WindowDelta {
                start: start.timestamp_millis(),
                end: start.timestamp_millis() + 5_000,
                group: Arc::new(Group { id, values: vec![Some("a new row".into())] }),
                records,
                flagged: 0,
                late: 0,
                measures: vec![Some(i128::from(records)), Some(1), Some(1)],
            };
            Checkpoint { partitions: begun.iter().map(moved).collect(), windows: vec![window], ..Checkpoint::default() }
        };
        let (rows, records, cents) = total(&other).await;
        assert!((200..300).contains(&records), "{records} of 300 records are summed, the others are letters");
        let (late, checkpoint) = (ten_records(&fenced), ten_records(&taken));
        assert!(matches!(one.commit(&late).await, Err(StoreError::Fenced(_))), "{commit}");
        other.commit(&checkpoint).await.unwrap();
        assert_eq!(other.outcome(&checkpoint).await.unwrap(), Outcome::Committed);
        for (store, again) in [(&one, &late), (&other, &checkpoint)] {
            assert!(matches!(store.commit(again).await, Err(StoreError::Fenced(_))), "{commit}");
        }
        let more = 10 * checkpoint.partitions.len() as i64;
        assert_eq!(total(&one).await, (rows, records + more, cents + i128::from(more)), "{commit}: each once");
        let positions = other.positions().await.unwrap();
        assert_eq!(positions.iter().map(|at| at.next_offset.0).sum::<i64>(), 300 + more, "{commit}");

        let upto: Vec<_> = checkpoint.partitions.iter().map(|part| (part.partition, part.epoch, part.to)).collect();
        other.published(&upto).await.unwrap();
        assert_eq!(database.text("SELECT CAST(COUNT(*) AS CHAR) FROM weir_outbox").await, "0", "{commit}");
        database.close().await;
    }

    async fn has_its_rules(&self, store: &Arc<dyn Store>) {
        let set = store.rule_set().await.unwrap();
        assert_eq!((set.revision, set.entries.len()), (Revision(1), 1));
        let entry = &set.entries[0];
        let version = store.version(entry.sha256).await.unwrap().unwrap();
        assert_eq!((&*entry.name, Sha256::of(&version.wasm)), ("negative_amount", entry.sha256));
        assert_eq!(store.audit(10).await.unwrap().len(), 1);
    }
}

/// Rows, records and the sum of amounts in cents.
async fn total(store: &Arc<dyn Store>) -> (usize, i64, i128) {
    let rows = store.windows(1_000, false).await.unwrap();
    let cents = |row: &weir::store::StatsRow| -> i128 {
        row.measures[0].1.as_deref().map_or(0, |sum| sum.replace('.', "").parse().unwrap())
    };
    (rows.len(), rows.iter().map(|row| row.records).sum(), rows.iter().map(cents).sum())
}
