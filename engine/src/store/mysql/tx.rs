//! A transaction on a pooled connection. One that fails or is cancelled midway closes the socket, which frees its locks
//! at once; only a connection that ended in order goes back.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Column, Executor, MySql, Row as _, TypeInfo, ValueRef};

use super::{Result, STATEMENT, Unknown, failed};
use crate::store::StoreError;
use crate::store::shared::{Bind, Cell, Row, Tx};

pub(super) struct MySqlTx {
    connection: Option<PoolConnection<MySql>>,
    unknown: Arc<Unknown>,
    /// A session may be what is wrong (one that began while the server was read-only stays so): the next try has another.
    has_failed: bool,
}

impl Drop for MySqlTx {
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl MySqlTx {
    pub(super) async fn begin(connection: PoolConnection<MySql>, unknown: Arc<Unknown>) -> Result<Self> {
        let mut tx = Self { connection: Some(connection), unknown: unknown.clone(), has_failed: false };
        bounded(&unknown, tx.connection().execute(sqlx::raw_sql("START TRANSACTION"))).await?;
        Ok(tx)
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
        let done = bounded(&unknown, query(sql, binds).execute(&mut **self.connection())).await;
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
        let unknown = self.unknown.clone();
        match bounded(&unknown, self.connection().execute(sqlx::raw_sql("COMMIT"))).await {
            Ok(_) => {
                drop(self.connection.take());
                Ok(())
            }
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    async fn rollback(mut self: Box<Self>) {
        let unknown = self.unknown.clone();
        if bounded(&unknown, self.connection().execute(sqlx::raw_sql("ROLLBACK"))).await.is_ok() && !self.has_failed {
            drop(self.connection.take());
        }
    }
}
