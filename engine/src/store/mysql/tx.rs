//! A transaction on a pooled connection. One that fails or is cancelled midway closes the socket, which frees its locks
//! at once; only a connection that ended in order goes back.

use std::future::Future;

use async_trait::async_trait;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Column, Executor, MySql, Row as _, TypeInfo, ValueRef};

use super::{Result, STATEMENT, failed};
use crate::store::StoreError;
use crate::store::shared::{Bind, Cell, Row, Tx};

pub(super) struct MySqlTx {
    connection: Option<PoolConnection<MySql>>,
}

impl Drop for MySqlTx {
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl MySqlTx {
    pub(super) async fn begin(connection: PoolConnection<MySql>) -> Result<Self> {
        let mut tx = Self { connection: Some(connection) };
        bounded(tx.connection().execute(sqlx::raw_sql("START TRANSACTION"))).await?;
        Ok(tx)
    }

    fn connection(&mut self) -> &mut PoolConnection<MySql> {
        self.connection.as_mut().expect("only commit, rollback and drop take it")
    }
}

/// Without a bound a server that froze would hold the worker for as long as TCP believes in it.
async fn bounded<T>(call: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT, call).await {
        Ok(answer) => answer.map_err(failed),
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

fn cells(row: &MySqlRow) -> Result<Row> {
    let mut cells = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at).map_err(failed)?;
        let kind = raw.type_info().name().to_owned();
        cells.push(match kind.as_str() {
            _ if raw.is_null() => Cell::Null,
            "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => {
                Cell::Int(row.try_get_unchecked(at).map_err(failed)?)
            }
            "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
                Cell::Blob(row.try_get_unchecked(at).map_err(failed)?)
            }
            _ => Cell::Text(row.try_get_unchecked(at).map_err(failed)?),
        });
    }
    Ok(Row(cells.into_iter()))
}

#[async_trait]
impl Tx for MySqlTx {
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64> {
        let done = bounded(query(sql, binds).execute(&mut **self.connection())).await?;
        Ok(done.rows_affected())
    }

    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>> {
        let rows = bounded(query(sql, binds).fetch_all(&mut **self.connection())).await?;
        rows.iter().map(cells).collect()
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        match bounded(self.connection().execute(sqlx::raw_sql("COMMIT"))).await {
            Ok(_) => {
                drop(self.connection.take());
                Ok(())
            }
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    async fn rollback(mut self: Box<Self>) {
        if bounded(self.connection().execute(sqlx::raw_sql("ROLLBACK"))).await.is_ok() {
            drop(self.connection.take());
        }
    }
}
