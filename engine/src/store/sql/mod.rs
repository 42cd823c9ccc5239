//! What all databases share: a transaction that takes SQL with binds and gives back plain cells, so that every method
//! of the store is written once. It must not know sqlx; where databases differ in words it asks the [`Dialect`].

use async_trait::async_trait;

use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::StoreError;

mod catalog;
pub(super) mod columns;
mod dialect;
mod fingerprint;
mod instances;
mod migrations;
mod positions;
mod retention;
pub(super) mod revision;
mod rule_changes;
pub(super) mod schema;
pub(super) mod stats;
mod store;
#[cfg(test)]
mod tests;
pub(super) mod text;
pub(super) mod whole;

pub(super) use dialect::Dialect;
pub(super) use store::SqlStore;

type Result<T> = std::result::Result<T, StoreError>;

/// A value on its way in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bind<'a> {
    /// An integer, or a boolean as 0 and 1.
    Int(i64),
    /// Text, or a decimal or time in the form that every database takes exactly.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
    /// SQL NULL.
    Null,
}

impl Bind<'_> {
    pub(super) fn int(value: Option<i64>) -> Self {
        value.map_or(Bind::Null, Bind::Int)
    }
}

impl<'a> Bind<'a> {
    pub(super) fn text(value: Option<&'a str>) -> Self {
        value.map_or(Bind::Null, Bind::Text)
    }
}

/// A value on its way out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

/// A row of an answer, taken from left to right.
pub(super) struct Row(pub std::vec::IntoIter<Cell>);

impl Row {
    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>> {
        match self.0.next() {
            Some(Cell::Int(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(unexpected("an integer", &other)),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        self.maybe_int()?.ok_or_else(|| unexpected("an integer", &None))
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>> {
        match self.0.next() {
            Some(Cell::Text(value)) => Ok(Some(value)),
            // A server may answer text of a binary collation as bytes.
            Some(Cell::Blob(value)) => match String::from_utf8(value) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(unexpected("text", &Some(Cell::Blob(Vec::new())))),
            },
            Some(Cell::Null) => Ok(None),
            other => Err(unexpected("text", &other)),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        self.maybe_text()?.ok_or_else(|| unexpected("text", &None))
    }

    pub(super) fn blob(&mut self) -> Result<Vec<u8>> {
        match self.0.next() {
            Some(Cell::Blob(value)) => Ok(value),
            other => Err(unexpected("bytes", &other)),
        }
    }
}

fn unexpected(wanted: &str, found: &Option<Cell>) -> StoreError {
    let found = match found {
        Some(Cell::Int(_)) => "an integer",
        Some(Cell::Text(_)) => "text",
        Some(Cell::Blob(_)) => "bytes",
        Some(Cell::Null) | None => "nothing",
    };
    StoreError::Fatal(format!(
        "a table of the engine holds {found} where it wrote {wanted}: somebody else changed it; restore the row"
    ))
}

/// One transaction, as a driver has it. Dropped without commit or rollback its connection is closed, so nothing half done
/// returns to a pool.
#[async_trait]
pub(super) trait Tx: Send {
    /// Runs a statement in the database's own words: rows matched.
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64>;
    /// Runs a query in the database's own words.
    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>>;
    /// `Unknown` if the answer is lost.
    async fn commit(self: Box<Self>) -> Result<()>;
    async fn rollback(self: Box<Self>);
}

/// One transaction that takes statements in the notation of this folder ([`Dialect`]).
pub(super) struct Transaction {
    tx: Box<dyn Tx>,
    dialect: &'static Dialect,
}

impl Transaction {
    pub(super) fn new(tx: Box<dyn Tx>, dialect: &'static Dialect) -> Self {
        Self { tx, dialect }
    }

    /// The words of the database that it is of.
    pub(super) fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// Rows matched.
    pub(super) async fn execute(&mut self, statement: &str, binds: &[Bind<'_>]) -> Result<u64> {
        self.tx.execute(&self.dialect.render(statement), binds).await
    }

    /// Rows of a query.
    pub(super) async fn rows(&mut self, statement: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>> {
        self.tx.rows(&self.dialect.render(statement), binds).await
    }

    /// Commits if all went well, else rolls back. `Unknown` if the answer to COMMIT is lost.
    async fn finish<T>(self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => self.tx.commit().await.map(|()| value),
            Err(error) => {
                self.tx.rollback().await;
                Err(error)
            }
        }
    }
}

/// A database.
#[async_trait]
pub(super) trait Driver: Send + Sync + 'static {
    /// Whether the server's settings let the engine work; asked once.
    async fn suits(&self) -> Result<()>;
    /// A transaction that will write.
    async fn begin(&self) -> Result<Box<dyn Tx>>;
    /// A transaction that will write, on a connection that nothing used before.
    async fn begin_anew(&self) -> Result<Box<dyn Tx>>;
    /// A transaction that only reads.
    async fn begin_read(&self) -> Result<Box<dyn Tx>>;
    /// A transaction that only reads, for the admin API: on connections of its own, and with a bound on the server's time.
    async fn begin_look(&self) -> Result<Box<dyn Tx>>;
    /// The same, for a transaction that writes as well.
    async fn begin_note(&self) -> Result<Box<dyn Tx>>;
    fn dialect(&self) -> &'static Dialect;
    /// Adds windows to their rows.
    async fn add_windows(&self, tx: &mut Transaction, layout: &StatsLayout, windows: &[WindowDelta]) -> Result<()>;
}
