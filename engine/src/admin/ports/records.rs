//! What the API asks about dead letters and the records behind them.

use async_trait::async_trait;

use super::super::views::{LetterGroupsView, LetterView, LettersView, RecordView};
use crate::model::ids::RecordPosition;

/// Which dead letters are asked for: those that meet all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// The code.
    pub code: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// How the digest of that rule's module begins, in hex.
    pub sha256: Option<String>,
    /// The record that was rejected, in the source topic.
    pub source: Option<RecordPosition>,
    /// The record's key.
    pub key: Option<String>,
    /// Written to the dead-letter topic at this time or later, in epoch milliseconds.
    pub from: Option<i64>,
    /// Written before this time, in epoch milliseconds.
    pub to: Option<i64>,
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// As many reads as there may be are under way.
    #[error("{0} reads of Kafka are under way already")]
    Busy(usize),
    /// There is nothing at this position.
    #[error("{0}")]
    NotFound(String),
    /// Kafka does not answer, or the topic can't be read.
    #[error("{0}")]
    Away(String),
}

/// A record or a dead letter that was found at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<V> {
    /// As it is shown.
    pub view: V,
    /// Its value as it is.
    pub value: Bytes,
}

/// The bytes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// It has none: a tombstone.
    None,
    /// All of them.
    Whole(Vec<u8>),
    /// More than are held for an answer.
    TooMany {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
}

/// Reads dead letters from their topic, and records from theirs. Few reads are under way at once, whoever asks.
#[async_trait]
pub trait RecordReader: Send + Sync {
    /// What is kept in memory of the newest dead letters, and so many of them. Begins to read where nobody looked before, and waits
    /// for that for a moment; else it answers at once, and never reads by itself.
    async fn groups(&self, letters: usize) -> LetterGroupsView;
    /// Newest first. Of a key, a value and each header at most `text` bytes.
    ///
    /// # Errors
    /// [`ReadError`]
    async fn tail(&self, filter: LetterFilter, limit: usize, text: usize) -> Result<LettersView, ReadError>;
    /// The dead letter at a position of the dead-letter topic.
    ///
    /// # Errors
    /// [`ReadError`]
    async fn letter(&self, at: RecordPosition, text: usize) -> Result<Found<LetterView>, ReadError>;
    /// The record at a position of the source topic.
    ///
    /// # Errors
    /// [`ReadError`]
    async fn record(&self, at: RecordPosition, text: usize) -> Result<Found<RecordView>, ReadError>;
}
