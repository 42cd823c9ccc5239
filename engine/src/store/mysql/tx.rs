//! A transaction on a pooled connection, or reads on one. One that fails or is cancelled midway closes the socket, which frees its locks
//! at once; only a connection that ended in order goes back.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Column, Executor, MySql, Row as _, TypeInfo, ValueRef};

use super::at_hand::AtHand;
use super::{Result, STATEMENT, Unknown, failed};
use crate::model::store::StoreError;
use crate::store::sql::{Bind, Cell, Row, Tx};

pub(super) struct MySqlTx {
    connection: Option<PoolConnection<MySql>>,
    /// Where the connection goes when it ended in order; none: back to its pool.
    at_hand: Option<AtHand>,
    /// False: it only reads. READ COMMITTED gives each statement a view of its own anyway, so BEGIN and COMMIT would be
    /// two round trips for nothing.
    begun: bool,
    unknown: Arc<Unknown>,
    /// A session may be what is wrong (one that began while the server was read-only stays so): the next try has another.
    has_failed: bool,
}

impl Drop for MySqlTx {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        drop(connection.detach());
        if let Some(at_hand) = &self.at_hand {
            at_hand.mistrust();
        }
    }
}

impl MySqlTx {
    pub(super) fn read(connection: PoolConnection<MySql>, at_hand: Option<AtHand>, unknown: Arc<Unknown>) -> Self {
        Self { connection: Some(connection), at_hand, begun: false, unknown, has_failed: false }
    }

    pub(super) async fn begin(
        connection: PoolConnection<MySql>,
        at_hand: Option<AtHand>,
        unknown: Arc<Unknown>,
    ) -> Result<Self> {
        let mut tx = Self::read(connection, at_hand, unknown.clone());
        tx.begun = true;
        bounded(&unknown, tx.connection().execute(sqlx::raw_sql("START TRANSACTION"))).await?;
        Ok(tx)
    }

    /// Gives the connection back after a transaction that ended in order.
    fn end(&mut self) {
        match (self.connection.take(), &self.at_hand) {
            (Some(connection), Some(at_hand)) => at_hand.put(connection),
            (connection, _) => drop(connection),
        }
    }

    fn connection(&mut self) -> &mut PoolConnection<MySql> {
        self.connection.as_mut().expect("only commit, rollback and drop take it")
    }
}

/// Without a bound a server that froze would hold the worker for as long as TCP believes in it.
async fn bounded<T>(unknown: &Unknown, call: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT, call).await {
        Ok(answer) => answer.map_err(|error| failed(error, unknown)),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", STATEMENT.as_secs()))),
    }
}

fn query<'q>(sql: &str, binds: &[Bind<'_>]) -> sqlx::query::Query<'q, MySql, MySqlArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for bind in binds {
        query = match *bind {
            Bind::Int(value) => query.bind(value),
            Bind::Text(value) => query.bind(value),
            Bind::Blob(value) => query.bind(value),
            Bind::Null => query.bind(None::<&str>),
        };
    }
    query
}

fn cells(row: &MySqlRow) -> std::result::Result<Row, sqlx::Error> {
    let mut cells = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at)?;
        let kind = raw.type_info().name().to_owned();
        cells.push(match kind.as_str() {
            _ if raw.is_null() => Cell::Null,
            "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => Cell::Int(row.try_get_unchecked(at)?),
            "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
                Cell::Blob(row.try_get_unchecked(at)?)
            }
            _ => Cell::Text(row.try_get_unchecked(at)?),
        });
    }
    Ok(Row(cells.into_iter()))
}

#[async_trait]
impl Tx for MySqlTx {
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64> {
        let unknown = self.unknown.clone();
        // Without binds there is nothing to prepare for: a round trip less.
        let done = match binds {
            [] => bounded(&unknown, sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **self.connection())).await,
            _ => bounded(&unknown, query(sql, binds).execute(&mut **self.connection())).await,
        };
        self.has_failed |= done.is_err();
        done.map(|done| done.rows_affected())
    }

    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>> {
        let unknown = self.unknown.clone();
        let rows = bounded(&unknown, query(sql, binds).fetch_all(&mut **self.connection())).await;
        self.has_failed |= rows.is_err();
        rows?.iter().map(cells).collect::<std::result::Result<_, _>>().map_err(|error| failed(error, &unknown))
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        if !self.begun {
            self.end();
            return Ok(());
        }
        let unknown = self.unknown.clone();
        match bounded(&unknown, self.connection().execute(sqlx::raw_sql("COMMIT"))).await {
            Ok(_) => {
                self.end();
                Ok(())
            }
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    async fn rollback(mut self: Box<Self>) {
        let unknown = self.unknown.clone();
        let rolled_back =
            !self.begun || bounded(&unknown, self.connection().execute(sqlx::raw_sql("ROLLBACK"))).await.is_ok();
        if rolled_back && !self.has_failed {
            self.end();
        }
    }
}
