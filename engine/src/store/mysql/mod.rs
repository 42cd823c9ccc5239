//! MySQL 8.4 and MariaDB 10.11 alike. Sums are exact DECIMALs that the server adds, so workers need not know of one
//! another. Every session is strict, READ COMMITTED and short-lived when idle: a frozen worker must not hold locks.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};

use super::StoreError;
use super::shared::{Dialect, Driver, Tx};
use crate::model::step::{StatsLayout, WindowDelta};

mod errors;
mod tx;
mod windows;

use errors::failed;
use tx::MySqlTx;

type Result<T> = std::result::Result<T, StoreError>;

/// How long one statement may take before its connection counts as lost.
const STATEMENT: Duration = Duration::from_secs(30);
/// How long a connection is tried for.
const ACQUIRE: Duration = Duration::from_secs(5);

/// One statement each, so that a server which lacks a setting names it. Strict mode: else an overflowing sum is clamped.
const SESSION: [&str; 5] = [
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION wait_timeout = 10",
    "SET SESSION innodb_lock_wait_timeout = 5",
    "SET SESSION lock_wait_timeout = 10",
];

const DIALECT: Dialect = Dialect {
    name_type: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    text_type: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    blob_type: "LONGBLOB",
    sha_type: "BINARY(32)",
    group_id_type: "BINARY(16)",
    time_type: "DATETIME(3)",
    group_type: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    decimal_type: "DECIMAL(38,{scale})",
    table_suffix: " ENGINE=InnoDB",
    now_ms: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
    now: "UTC_TIMESTAMP(3)",
    on_conflict: "ON DUPLICATE KEY UPDATE",
    for_update: " FOR UPDATE",
    time_of_ms: "TIMESTAMPADD(MICROSECOND, ({ms}) * 1000, CAST('1970-01-01' AS DATETIME(3)))",
    drop_view: false,
    columns_of: "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    view_of: "SELECT VIEW_DEFINITION FROM information_schema.VIEWS \
              WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
};

/// A database of a MySQL or MariaDB server.
pub(super) struct MySqlDriver {
    options: MySqlConnectOptions,
    pool: MySqlPool,
    /// Whether a connection was ever had.
    reached: AtomicBool,
}

impl MySqlDriver {
    pub(super) fn new(url: &str) -> Result<Self> {
        let wanted = "the sink url is not a valid one: mysql://USER:PASSWORD@HOST:PORT/DATABASE is wanted";
        let url = url.replacen("mariadb://", "mysql://", 1);
        let options = MySqlConnectOptions::from_str(&url).map_err(|_| StoreError::Fatal(wanted.into()))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(StoreError::Fatal(format!("{wanted}; it names no database")));
        }
        let pool = pool().max_connections(8).connect_lazy_with(options.clone());
        Ok(Self { options, pool, reached: AtomicBool::new(false) })
    }

    async fn begin_on(&self, pool: &MySqlPool) -> Result<Box<dyn Tx>> {
        let connection = pool.acquire().await.map_err(|error| self.away(error))?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(Box::new(MySqlTx::begin(connection).await?))
    }

    /// The pool tries again until its time is up, and then tells that and not where it knocked.
    fn away(&self, error: sqlx::Error) -> StoreError {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return match failed(error) {
                // It let us in before: a password that is being changed, a proxy that blocks hosts for a while. Whoever
                // waits says so in the log and in /readyz; ending would only have every instance start over and over.
                StoreError::Fatal(why) if self.reached.load(Ordering::Relaxed) => StoreError::Unavailable(why),
                error => error,
            };
        }
        let (host, port) = (self.options.get_host(), self.options.get_port());
        let mend = "start the database, or mend the address in [sink] url";
        StoreError::Unavailable(format!("no connection to {host}:{port} within {ACQUIRE:?}; {mend}"))
    }
}

/// Idle connections go before the server's `wait_timeout` closes them.
fn pool() -> MySqlPoolOptions {
    MySqlPoolOptions::new().acquire_timeout(ACQUIRE).idle_timeout(Duration::from_secs(5)).after_connect(
        |connection, _| {
            Box::pin(async move {
                for statement in SESSION {
                    sqlx::Executor::execute(&mut *connection, sqlx::raw_sql(statement)).await?;
                }
                Ok(())
            })
        },
    )
}

#[async_trait]
impl Driver for MySqlDriver {
    async fn begin(&self) -> Result<Box<dyn Tx>> {
        self.begin_on(&self.pool).await
    }

    async fn begin_anew(&self) -> Result<Box<dyn Tx>> {
        self.begin_on(&pool().max_connections(1).connect_lazy_with(self.options.clone())).await
    }

    async fn begin_read(&self) -> Result<Box<dyn Tx>> {
        self.begin_on(&self.pool).await
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn add_windows(&self, tx: &mut dyn Tx, layout: &StatsLayout, deltas: &[WindowDelta]) -> Result<()> {
        windows::add(tx, layout, deltas).await
    }
}
