//! SQLite: one file, one writer at a time (BEGIN IMMEDIATE). It has no exact decimal, so sums are kept as text and are
//! added in Rust inside the transaction. Window times are text (`2026-01-31 12:00:00.000`, UTC), as MySQL shows them.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ConstantBuilder, Retryable};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Column, Executor, Row as _, Sqlite, TypeInfo, ValueRef};

use super::sql::{Bind, Cell, Dialect, Driver, Row, Transaction, Tx};
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::StoreError;

mod windows;

type Result<T> = std::result::Result<T, StoreError>;

/// How long an operation waits for others of the file.
const BUSY: Duration = Duration::from_secs(5);
/// Pauses between tries to open the file, for [`BUSY`] at most. SQLite does not wait by itself where several open a file of an older
/// journal mode at once, and so change it to WAL: all but one are refused at once.
const OPENING: ConstantBuilder = ConstantBuilder::new().with_delay(Duration::from_millis(50)).with_max_times(100);

pub(super) const DIALECT: Dialect = Dialect {
    quote: '`',
    bind: |_| Cow::Borrowed("?"),
    name_type: "TEXT",
    text_type: "TEXT",
    blob_type: "BLOB",
    sha_type: "BLOB",
    group_id_type: "BLOB",
    time_type: "TEXT",
    group_type: "TEXT",
    decimal_type: "TEXT",
    cast_text: "CHAR",
    table_suffix: "",
    now_ms: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    now: "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    on_conflict: "ON CONFLICT ({key}) DO UPDATE SET",
    for_update: "",
    // The remainder is made positive first, so that times before 1970 are right too.
    time_of_ms: "strftime('%Y-%m-%d %H:%M:%S', (({ms}) - ((({ms}) % 1000) + 1000) % 1000) / 1000, 'unixepoch') \
                 || printf('.%03d', ((({ms}) % 1000) + 1000) % 1000)",
    drop_view: true,
    lock: None,
    own_tables: "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'weir\\_%' ESCAPE '\\'",
    own_indexes: "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'weir\\_%' ESCAPE '\\'",
    index_if: "IF NOT EXISTS ",
    columns_of: "SELECT name, type FROM pragma_table_info(?)",
    view_of: "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ? COLLATE NOCASE",
};

/// Options to open the file of the URL. Makes no pool, for which tokio has to run.
///
/// # Errors
/// The URL is not a valid one.
pub(super) fn options(url: &str) -> Result<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| StoreError::Fatal("the sink url is not a valid one: sqlite://PATH is wanted".into()))?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // WAL with NORMAL may lose the last commits when power fails, and then K is past N.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY);
    Ok(options)
}

/// A SQLite file.
pub(super) struct SqliteDriver {
    options: SqliteConnectOptions,
    pool: SqlitePool,
}

impl SqliteDriver {
    pub(super) fn new(url: &str) -> Result<Self> {
        let options = options(url)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options.clone());
        Ok(Self { options, pool })
    }

    async fn begin_with(&self, pool: &SqlitePool, how: &'static str) -> Result<Box<dyn Tx>> {
        // Made before BEGIN: a caller that gives up in between must not hand the pool a connection inside a transaction.
        let until = Instant::now() + BUSY;
        let may_pass = |error: &sqlx::Error| is_busy(error) && Instant::now() < until;
        let connection = (|| pool.acquire()).retry(OPENING).when(may_pass).await.map_err(failed)?;
        let mut tx = SqliteTx { connection: Some(connection) };
        tx.connection().execute(sqlx::raw_sql(how)).await.map_err(failed)?;
        Ok(Box::new(tx))
    }
}

#[async_trait]
impl Driver for SqliteDriver {
    async fn begin(&self) -> Result<Box<dyn Tx>> {
        self.begin_with(&self.pool, "BEGIN IMMEDIATE").await
    }

    async fn begin_anew(&self) -> Result<Box<dyn Tx>> {
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(self.options.clone());
        self.begin_with(&pool, "BEGIN IMMEDIATE").await
    }

    async fn begin_read(&self) -> Result<Box<dyn Tx>> {
        self.begin_with(&self.pool, "BEGIN").await
    }

    async fn begin_look(&self) -> Result<Box<dyn Tx>> {
        self.begin_read().await
    }

    async fn begin_note(&self) -> Result<Box<dyn Tx>> {
        self.begin().await
    }

    async fn suits(&self) -> Result<()> {
        Ok(())
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn add_windows(&self, tx: &mut Transaction, layout: &StatsLayout, deltas: &[WindowDelta]) -> Result<()> {
        windows::add(tx, layout, deltas).await
    }
}

struct SqliteTx {
    connection: Option<PoolConnection<Sqlite>>,
}

impl Drop for SqliteTx {
    /// Neither committed nor rolled back: closed, which rolls back, and never pooled.
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl SqliteTx {
    fn connection(&mut self) -> &mut PoolConnection<Sqlite> {
        self.connection.as_mut().expect("only commit, rollback and drop take it")
    }
}

fn query<'q>(sql: &str, binds: &[Bind<'_>]) -> sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for bind in binds {
        query = match *bind {
            Bind::Int(value) => query.bind(value),
            Bind::Text(value) => query.bind(value.to_owned()),
            Bind::Blob(value) => query.bind(value.to_vec()),
            Bind::Null => query.bind(None::<i64>),
        };
    }
    query
}

fn cells(row: &SqliteRow) -> Result<Row> {
    let mut cells = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at).map_err(failed)?;
        let kind = raw.type_info().name().to_owned();
        cells.push(match kind.as_str() {
            _ if raw.is_null() => Cell::Null,
            "INTEGER" => Cell::Int(row.try_get_unchecked(at).map_err(failed)?),
            "BLOB" => Cell::Blob(row.try_get_unchecked(at).map_err(failed)?),
            _ => Cell::Text(row.try_get_unchecked(at).map_err(failed)?),
        });
    }
    Ok(Row(cells.into_iter()))
}

#[async_trait]
impl Tx for SqliteTx {
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64> {
        let done = query(sql, binds).execute(&mut **self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>> {
        let rows = query(sql, binds).fetch_all(&mut **self.connection()).await.map_err(failed)?;
        rows.iter().map(cells).collect()
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        match self.connection().execute(sqlx::raw_sql("COMMIT")).await {
            Ok(_) => {
                drop(self.connection.take());
                Ok(())
            }
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    async fn rollback(mut self: Box<Self>) {
        if self.connection().execute(sqlx::raw_sql("ROLLBACK")).await.is_ok() {
            drop(self.connection.take());
        }
    }
}

/// SQLite's code for an error. The low byte is the primary one: 261 (SQLITE_BUSY_RECOVERY) is a 5.
fn code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?.parse::<i64>().ok()?;
    Some(code & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    code(error) == Some(5)
}

/// Busy, locked, interrupted, out of space and the like pass; everything else is for a person.
fn failed(error: sqlx::Error) -> StoreError {
    const PASSING: [i64; 6] = [5, 6, 9, 10, 13, 15];
    if matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed) {
        return StoreError::Unavailable(error.to_string());
    }
    match code(&error) {
        Some(code) if PASSING.contains(&code) => StoreError::Unavailable(error.to_string()),
        Some(14) => StoreError::Fatal(
            "SQLite cannot open the file of [sink] url: its folder must exist and be writable".to_owned(),
        ),
        _ => StoreError::Fatal(format!("SQLite refused: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn instances_that_start_at_once_on_a_file_of_the_older_journal_mode_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..40 {
            let url = format!("sqlite://{}", folder.path().join(format!("{round}.db")).display());
            let rollback = options(&url).unwrap().journal_mode(SqliteJournalMode::Delete);
            let before = SqlitePoolOptions::new().max_connections(1).connect_with(rollback).await.unwrap();
            before.execute("CREATE TABLE t (a)").await.unwrap();
            before.close().await;
            let starts = (0..4).map(|_| {
                let driver = SqliteDriver::new(&url).unwrap();
                tokio::spawn(async move {
                    driver.begin().await?.rollback().await;
                    Ok::<_, StoreError>(())
                })
            });
            for start in starts.collect::<Vec<_>>() {
                start.await.unwrap().unwrap_or_else(|why| panic!("round {round}: {why}"));
            }
        }
    }
}
