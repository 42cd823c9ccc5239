//! What both databases share: a transaction that takes SQL with binds and gives back plain cells, so that every method
//! of the store is written once. It must not know sqlx; where the two dialects differ it asks the [`Dialect`].

use async_trait::async_trait;

use super::StoreError;
use crate::model::step::{StatsLayout, WindowDelta};

mod catalog;
mod fingerprint;
mod positions;
mod retention;
pub(super) mod schema;
pub(super) mod stats;
mod store;
pub(super) mod text;
mod whole;

pub(super) use store::SqlStore;

type Result<T> = std::result::Result<T, StoreError>;

/// A value on its way in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bind<'a> {
    /// Also booleans, as 0 and 1.
    Int(i64),
    /// Also decimals and times, in the form that both databases take exactly.
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

/// One transaction. Dropped without commit or rollback its connection is closed, so nothing half done returns to a pool.
#[async_trait]
pub(super) trait Tx: Send {
    /// Rows matched.
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64>;
    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>>;
    /// `Unknown` if the answer is lost.
    async fn commit(self: Box<Self>) -> Result<()>;
    async fn rollback(self: Box<Self>);
}

/// A database.
#[async_trait]
pub(super) trait Driver: Send + Sync + 'static {
    /// Whether the server's settings let the engine work; asked once.
    async fn suits(&self) -> Result<()>;
    /// A transaction that will write.
    async fn begin(&self) -> Result<Box<dyn Tx>>;
    /// The same on a connection that nothing used before.
    async fn begin_anew(&self) -> Result<Box<dyn Tx>>;
    /// A transaction that only reads.
    async fn begin_read(&self) -> Result<Box<dyn Tx>>;
    /// The same for somebody who only looks, the API: on connections of its own, and within a time of the server's.
    async fn begin_look(&self) -> Result<Box<dyn Tx>>;
    fn dialect(&self) -> &'static Dialect;
    /// Adds windows to their rows.
    async fn add_windows(&self, tx: &mut dyn Tx, layout: &StatsLayout, windows: &[WindowDelta]) -> Result<()>;
}

/// Where the two differ in words.
pub(super) struct Dialect {
    /// Name in VARCHAR keys: case and accents count.
    pub name_type: &'static str,
    pub text_type: &'static str,
    pub blob_type: &'static str,
    pub sha_type: &'static str,
    pub group_id_type: &'static str,
    pub time_type: &'static str,
    /// A readable group column.
    pub group_type: &'static str,
    /// Sums, least and greatest: `{scale}` is replaced.
    pub decimal_type: &'static str,
    pub table_suffix: &'static str,
    /// Epoch milliseconds by the database's clock.
    pub now_ms: &'static str,
    /// The same as a value of `time_type`.
    pub now: &'static str,
    /// Begins the part of an upsert after VALUES; `{key}` is replaced by the key columns.
    pub on_conflict: &'static str,
    /// Ends a SELECT that must wait for undecided writers.
    pub for_update: &'static str,
    /// An expression over `ms` giving a value comparable with `time_type`.
    pub time_of_ms: &'static str,
    /// Whether a view cannot be replaced, only dropped and made.
    pub drop_view: bool,
    /// The names of the engine's own tables that are there.
    pub own_tables: &'static str,
    /// The same of its indexes.
    pub own_indexes: &'static str,
    /// Of a CREATE INDEX that leaves one alone that is there, if the database knows such.
    pub index_if: &'static str,
    /// Name and lower-case type of each column of the table bound as `?`.
    pub columns_of: &'static str,
    /// The text of the view bound as `?`.
    pub view_of: &'static str,
}

impl Dialect {
    /// `ON CONFLICT (key) DO UPDATE SET` or `ON DUPLICATE KEY UPDATE`.
    pub(super) fn upsert(&self, key: &str) -> String {
        self.on_conflict.replace("{key}", key)
    }
}

/// Commits what went well and rolls back what did not.
async fn finish<T>(tx: Box<dyn Tx>, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => tx.commit().await.map(|()| value),
        Err(error) => {
            tx.rollback().await;
            Err(error)
        }
    }
}
