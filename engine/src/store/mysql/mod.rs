//! MySQL 8.4 and MariaDB 10.11 alike. Sums are exact DECIMALs that the server adds, so workers need not know of one
//! another. Every session is strict, READ COMMITTED and short-lived when idle: a frozen worker must not hold locks.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlSslMode};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, MySql};

use super::sql::{Dialect, Driver, Row, Transaction, Tx};
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::StoreError;

mod address;
mod at_hand;
mod codes;
mod errors;
mod tx;
mod windows;

use at_hand::AtHand;
use errors::{Unknown, failed};
use tx::MySqlTx;

type Result<T> = std::result::Result<T, StoreError>;

/// Time-out of one statement; after it the connection counts as lost.
const STATEMENT: Duration = Duration::from_secs(30);
/// Time-out of getting a connection from a pool.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Connections for the admin API's reads, of which two may run at once, and for the instance's own row, which waits for neither.
/// Checkpoints have a pool of their own, so that none of it delays one.
const READERS: u32 = 3;
/// Bounds a read of the admin API to 5 s of the server's time. MariaDB and MySQL have different settings for it, and each
/// takes the other's for a comment.
const READING: &str = "; SET SESSION /*M! max_statement_time = 5 */ /*!50708 max_execution_time = 5000 */";
/// The largest row of the outbox has 12 MiB (a letter's value, key and headers), and its statement some bytes more.
const PACKET: i64 = 16 << 20;

/// Asked at once; a server that lacks a setting names it. Strict mode: else an overflowing sum is clamped. Autocommit: else what only
/// reads would leave a transaction open, and its locks on the tables.
const SESSION: &str = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'); \
                       SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                       SET SESSION wait_timeout = 10, innodb_lock_wait_timeout = 5, lock_wait_timeout = 10, autocommit = 1";

pub(super) const DIALECT: Dialect = Dialect {
    quote: '`',
    bind: |_| Cow::Borrowed("?"),
    name_type: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    text_type: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    blob_type: "LONGBLOB",
    sha_type: "BINARY(32)",
    group_id_type: "BINARY(16)",
    time_type: "DATETIME(3)",
    group_type: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    decimal_type: "DECIMAL(38,{scale})",
    cast_text: "CHAR",
    table_suffix: " ENGINE=InnoDB",
    now_ms: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
    now: "UTC_TIMESTAMP(3)",
    on_conflict: "ON DUPLICATE KEY UPDATE",
    for_update: " FOR UPDATE",
    time_of_ms: "TIMESTAMPADD(MICROSECOND, ({ms}) * 1000, CAST('1970-01-01' AS DATETIME(3)))",
    drop_view: false,
    // The name counts for the whole server and has 64 characters at most. A session that goes gives the lock back.
    lock: Some((
        "SELECT GET_LOCK(CONCAT('weir.', SHA1(DATABASE())), 20)",
        "SELECT RELEASE_LOCK(CONCAT('weir.', SHA1(DATABASE())))",
    )),
    own_tables: "SELECT TABLE_NAME FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'weir\\_%'",
    own_indexes: "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS \
                  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'weir\\_%'",
    index_if: "",
    columns_of: "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    view_of: "SELECT VIEW_DEFINITION FROM information_schema.VIEWS \
              WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
};

/// A database of a MySQL or MariaDB server.
pub(super) struct MySqlDriver {
    options: MySqlConnectOptions,
    pool: MySqlPool,
    at_hand: AtHand,
    readers: MySqlPool,
    /// Whether a connection was ever made: errors of login count as passing from then on.
    reached: AtomicBool,
    unknown: Arc<Unknown>,
}

/// Whether the URL is one; else what is wrong and what to write, without the password.
pub(super) fn validate_url(url: &str) -> std::result::Result<(), String> {
    address::options(url).map(drop)
}

impl MySqlDriver {
    pub(super) fn new(url: &str) -> Result<Self> {
        let options = address::options(url).map_err(|why| StoreError::Fatal(format!("the sink url {why}")))?;
        let readers = pool(READING).max_connections(READERS).connect_lazy_with(options.clone());
        let pool = pool("").max_connections(8).connect_lazy_with(options.clone());
        Ok(Self {
            options,
            pool,
            at_hand: AtHand::default(),
            readers,
            reached: AtomicBool::new(false),
            unknown: Arc::default(),
        })
    }

    /// A connection of the pool.
    async fn connection(&self, pool: &MySqlPool) -> Result<PoolConnection<MySql>> {
        let connection = pool.acquire().await.map_err(|error| self.away(error))?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(connection)
    }

    /// The pool tries again until its time is up, and then tells that and not where it knocked.
    fn away(&self, error: sqlx::Error) -> StoreError {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            // MariaDB says no more of an account that wants TLS, or of a server that does.
            let plain = matches!(self.options.get_ssl_mode(), MySqlSslMode::Disabled);
            let refused = error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("28000"));
            return match failed(error, &self.unknown) {
                StoreError::Fatal(why) if plain && refused && !self.reached.load(Ordering::Relaxed) => {
                    StoreError::Fatal(format!(
                        "{why}; or it is TLS that is asked for: write ssl-mode=REQUIRED in sink.url"
                    ))
                }
                // It let us in before: a password that is being changed, a proxy that blocks hosts for a while. Whoever
                // waits says so in the log and in /readyz; ending would only have every instance start over and over.
                StoreError::Fatal(why) if self.reached.load(Ordering::Relaxed) => StoreError::Unavailable(why),
                error => error,
            };
        }
        let (host, port) = (self.options.get_host(), self.options.get_port());
        let hint = "start the database, or fix the address in [sink] url";
        StoreError::Unavailable(format!("no connection to {host}:{port} within {ACQUIRE:?}; {hint}"))
    }
}

/// Idle connections go before the server's `wait_timeout` closes them.
fn pool(more: &'static str) -> MySqlPoolOptions {
    MySqlPoolOptions::new().acquire_timeout(ACQUIRE).idle_timeout(Duration::from_secs(5)).after_connect(
        move |connection, _| {
            let session = sqlx::raw_sql(AssertSqlSafe(format!("{SESSION}{more}")));
            Box::pin(async move { sqlx::Executor::execute(&mut *connection, session).await.map(drop) })
        },
    )
}

#[async_trait]
impl Driver for MySqlDriver {
    async fn suits(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        let mut rows = tx.rows("SELECT CAST(@@max_allowed_packet AS SIGNED)", &[]).await?;
        tx.rollback().await;
        match rows.first_mut().map(Row::int).transpose()? {
            Some(packet) if packet < PACKET => Err(StoreError::Fatal(format!(
                "max_allowed_packet of the database server is {packet} bytes, and a dead letter may need {PACKET}: set \
                 max_allowed_packet = {PACKET} under [mysqld] in its configuration, and SET GLOBAL max_allowed_packet = \
                 {PACKET} where it runs"
            ))),
            _ => Ok(()),
        }
    }

    async fn begin(&self) -> Result<Box<dyn Tx>> {
        // One that the server has closed meanwhile says so at once, and the pool is asked instead; so if the server is silent for as
        // long as the pool would wait.
        if let Some(connection) = self.at_hand.take() {
            let begun = MySqlTx::begin(connection, Some(self.at_hand.clone()), self.unknown.clone());
            if let Ok(Ok(tx)) = tokio::time::timeout(ACQUIRE, begun).await {
                return Ok(Box::new(tx));
            }
        }
        let connection = self.connection(&self.pool).await?;
        Ok(Box::new(MySqlTx::begin(connection, Some(self.at_hand.clone()), self.unknown.clone()).await?))
    }

    async fn begin_anew(&self) -> Result<Box<dyn Tx>> {
        let one = pool("").max_connections(1).connect_lazy_with(self.options.clone());
        Ok(Box::new(MySqlTx::begin(self.connection(&one).await?, None, self.unknown.clone()).await?))
    }

    async fn begin_read(&self) -> Result<Box<dyn Tx>> {
        let connection = match self.at_hand.take() {
            Some(connection) => connection,
            None => self.connection(&self.pool).await?,
        };
        Ok(Box::new(MySqlTx::read(connection, Some(self.at_hand.clone()), self.unknown.clone())))
    }

    async fn begin_look(&self) -> Result<Box<dyn Tx>> {
        Ok(Box::new(MySqlTx::read(self.connection(&self.readers).await?, None, self.unknown.clone())))
    }

    async fn begin_note(&self) -> Result<Box<dyn Tx>> {
        Ok(Box::new(MySqlTx::begin(self.connection(&self.readers).await?, None, self.unknown.clone()).await?))
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn add_windows(&self, tx: &mut Transaction, layout: &StatsLayout, deltas: &[WindowDelta]) -> Result<()> {
        windows::add(tx, layout, deltas).await
    }
}
