//! Dead letters and records for the admin API, read from their topics, each with the fields of its record. What pages refresh comes out
//! of memory ([`LiveTail`]); every other read has a consumer of its own, few at once.

mod fields;
mod views;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::fields::Fields;
use self::views::{groups_view, letter_view, record_view};
use crate::admin::ports::{Bytes, Found, LetterFilter, ReadError, RecordReader};
use crate::admin::views::{LetterGroupsView, LetterView, LettersView, RecordView};
use crate::clock::now_ms;
use crate::config::Config;
use crate::kafka::{AtPosition, Cluster, StoredRecord, record_at};
use crate::model::ids::RecordPosition;
use crate::model::record::Schema;
use crate::outbox::{self, Filter, HeldLetters, LiveTail, Shown, Topic};

/// Within the time that the API gives a request.
const READ: Duration = Duration::from_secs(5);
/// Bytes of the texts of one answer, and so of what a read holds.
const LETTERS: usize = 8 << 20;
/// Bytes of a value that are held for an answer.
const VALUE: usize = 8 << 20;
/// Reads at once, of whatever topic. Each has a consumer of its own, with its connections and its buffers.
const READS: usize = 2;
/// For one of those to end.
const TURN: Duration = Duration::from_secs(1);
/// How long the first look of all may wait for what is read.
const BEGIN: Duration = Duration::from_secs(2);

pub(super) struct Records {
    config: Arc<Config>,
    schema: Arc<Schema>,
    reads: Arc<Semaphore>,
    held: LiveTail<HeldLetters>,
}

impl Records {
    pub(super) fn new(config: Arc<Config>, schema: Arc<Schema>) -> Self {
        let held = LiveTail::new(Topic {
            brokers: config.source.brokers.clone(),
            properties: config.source.properties.clone(),
            name: config.dead_letters.topic.clone(),
        });
        Self { config, schema, reads: Arc::new(Semaphore::new(READS)), held }
    }

    /// Does this on a blocking thread, in its turn.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Config, &mut Fields) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        // Taken here, or callers that gave up would still fill the blocking threads; held to the end of the read, which
        // outlives its caller.
        let Ok(Ok(turn)) = tokio::time::timeout(TURN, self.reads.clone().acquire_owned()).await else {
            return Err(ReadError::Busy(READS));
        };
        let (config, schema) = (self.config.clone(), self.schema.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read(&config, &mut Fields::new(schema, &config))
        });
        reading.await.map_err(|why| ReadError::Away(why.to_string()))?
    }
}

#[async_trait]
impl RecordReader for Records {
    async fn groups(&self, letters: usize) -> LetterGroupsView {
        self.held.begin(BEGIN).await;
        let mut fields = Fields::new(self.schema.clone(), &self.config);
        self.held.look(|held, progress| groups_view(held, progress, (letters, now_ms()), &mut fields))
    }

    async fn tail(&self, filter: LetterFilter, limit: usize, text: usize) -> Result<LettersView, ReadError> {
        let LetterFilter { code, rule, sha256, source, key, from, to } = filter;
        let filter = Filter { rule, sha256, source, key, from, to };
        self.reading(move |config, fields| {
            let (source, topic) = (&config.source, &config.dead_letters.topic);
            let wanted = outbox::Wanted { topic, limit, code: code.as_deref(), within: READ, text, bytes: LETTERS };
            let tail = outbox::tail_filtered(&source.brokers, &source.properties, &wanted, &filter);
            let tail = tail.map_err(|why| ReadError::Away(format!("the dead-letter topic: {why}")))?;
            let letters = tail.letters.into_iter().rev().map(|letter| letter_view(letter, fields)).collect();
            Ok(LettersView { complete: tail.complete, letters, hidden: None })
        })
        .await
    }

    async fn letter(&self, at: RecordPosition, text: usize) -> Result<Found<LetterView>, ReadError> {
        self.reading(move |config, fields| {
            let record = at_position(config, &config.dead_letters.topic, at)?;
            let view = letter_view(Shown::of_stored(&record, text), fields);
            Ok(Found { view, value: bytes(record.value) })
        })
        .await
    }

    async fn record(&self, at: RecordPosition, text: usize) -> Result<Found<RecordView>, ReadError> {
        self.reading(move |config, fields| {
            let record = at_position(config, &config.source.topic, at)?;
            let view = record_view(Shown::of_stored(&record, text), fields);
            Ok(Found { view, value: bytes(record.value) })
        })
        .await
    }
}

fn bytes(value: Option<Vec<u8>>) -> Bytes {
    match value {
        None => Bytes::None,
        Some(value) if value.len() > VALUE => Bytes::TooMany { bytes: value.len(), most: VALUE },
        Some(value) => Bytes::Whole(value),
    }
}

/// The record there, or in words why there is none.
fn at_position(config: &Config, topic: &str, at: RecordPosition) -> Result<StoredRecord, ReadError> {
    let (brokers, properties) = (&config.source.brokers, &config.source.properties);
    let cluster = Cluster { brokers, properties, keys: ("source.brokers", "source.properties") };
    let found = record_at(cluster, topic, at, READ);
    let found = found.map_err(|why| ReadError::Away(format!("the topic {topic}: {why}")))?;
    let place = format!("{topic}-{at}");
    let (partition, not_found) = (at.partition, |why: String| Err(ReadError::NotFound(why)));
    match found {
        AtPosition::Record(record) => Ok(record),
        AtPosition::NoPartition { partitions } => {
            not_found(format!("{topic} has no partition {partition}: it has {partitions}, counted from 0"))
        }
        AtPosition::Deleted { first } => {
            not_found(format!("{place} is not held any more: partition {partition} begins at {first}"))
        }
        AtPosition::NotWritten { next } => {
            not_found(format!("{place} is not written yet: the next offset of partition {partition} is {next}"))
        }
        AtPosition::NoRecord => not_found(format!(
            "{place} is no record: the mark of a transaction, a record of one that was aborted, or one that was compacted away"
        )),
        AtPosition::TooLate => Err(ReadError::Away(format!("{place} was not read within {READ:?}"))),
    }
}
