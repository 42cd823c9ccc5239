//! The newest dead letters for the admin API, read from their topic, each with the fields of its record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::admin::ports::LetterTail;
use crate::admin::views::{HeaderView, LetterView, LettersView};
use crate::config::Config;
use crate::decode::Decoder;
use crate::model::ids::Offset;
use crate::model::record::{Batch, Schema};
use crate::outbox;

/// Within the time that the API gives a request.
const READ_LETTERS: Duration = Duration::from_secs(5);
/// Bytes of the texts of one answer, and so of what a read holds.
const LETTERS: usize = 8 << 20;
/// Reads of the topic at once. Each has a consumer of its own, with its connections and its buffers.
const READS: usize = 2;
/// For one of those to end.
const WAIT_TO_READ: Duration = Duration::from_secs(4);

pub(super) struct Letters {
    config: Arc<Config>,
    schema: Arc<Schema>,
    reads: Arc<Semaphore>,
}

impl Letters {
    pub(super) fn new(config: Arc<Config>, schema: Arc<Schema>) -> Self {
        Self { config, schema, reads: Arc::new(Semaphore::new(READS)) }
    }
}

#[async_trait]
impl LetterTail for Letters {
    async fn tail(&self, limit: usize, code: Option<String>, text: usize) -> Result<LettersView, String> {
        let (config, schema) = (self.config.clone(), self.schema.clone());
        // Taken here, or callers that gave up would still fill the blocking threads; held to the end of the read, which
        // outlives its caller.
        let place = tokio::time::timeout(WAIT_TO_READ, self.reads.clone().acquire_owned()).await;
        let place = place.map_err(|_| format!("{READS} reads of it are under way"))?.map_err(|why| why.to_string())?;
        let read = tokio::task::spawn_blocking(move || {
            let _place = place;
            let (source, topic) = (&config.source, &config.dead_letters.topic);
            let (code, within) = (code.as_deref(), READ_LETTERS);
            let wanted = outbox::Wanted { topic, limit, code, within, text, bytes: LETTERS };
            let tail = outbox::tail(&source.brokers, &source.properties, &wanted).map_err(|why| why.to_string())?;
            let mut fields = Fields::new(schema, &config);
            let letters = tail.letters.into_iter().rev().map(|letter| letter_view(letter, &mut fields)).collect();
            Ok(LettersView { complete: tail.complete, letters, hidden: None })
        });
        read.await.map_err(|why| why.to_string())?
    }
}

fn letter_view(letter: outbox::Shown, fields: &mut Fields) -> LetterView {
    let header = |name: &str| Some(letter.header(name).to_owned()).filter(|text| !text.is_empty());
    let is_whole = letter.value.as_ref().map(String::len) == letter.value_bytes;
    LetterView {
        code: header("weir.code"),
        message: header("__dlq.errors.message"),
        rule: header("weir.rule"),
        sha256: header("weir.rule.sha256"),
        source_partition: header("__dlq.errors.partition").and_then(|number| number.parse().ok()),
        source_offset: header("__dlq.errors.offset").and_then(|number| number.parse().ok()),
        fields: letter.value.as_deref().filter(|_| is_whole).map(|value| fields.of(value)).unwrap_or_default(),
        partition: letter.partition,
        offset: letter.offset,
        key: letter.key,
        value: letter.value,
        value_bytes: letter.value_bytes.map(|bytes| bytes as u64),
        truncated: letter.truncated,
        headers: letter.headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
    }
}

/// Decodes records that are shown, as the workers do.
struct Fields {
    schema: Arc<Schema>,
    decoder: Decoder,
    batch: Batch,
}

impl Fields {
    fn new(schema: Arc<Schema>, config: &Config) -> Self {
        let most = usize::try_from(config.source.max_record.as_u64()).unwrap_or(usize::MAX);
        Self { decoder: Decoder::new(schema.clone(), most), batch: Batch::new(&schema), schema }
    }

    /// The text of each field of the record; empty if it can't be decoded, as then nothing says what its fields are. Fields of
    /// lookups are in no record.
    fn of(&mut self, value: &str) -> BTreeMap<String, Option<String>> {
        self.batch.clear(self.batch.partition);
        if self.decoder.decode(None, Some(value.as_bytes()), Offset(0), &mut self.batch).is_err() {
            return BTreeMap::new();
        }
        let columns = self.schema.fields.iter().zip(&self.batch.columns);
        let in_record = columns.filter(|(field, _)| field.is_in_record());
        in_record
            .map(|(field, column)| (field.name.clone(), column.get(0).map(|value| value.to_text(field.scale))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_letter_are_those_that_the_workers_saw() {
        let config = Config::parse(include_str!("../../../../weir.toml"), &|_| None).unwrap();
        let mut fields = Fields::new(Arc::new(config.schema().unwrap()), &config);
        let seen = fields.of(r#"{"event_time": 0, "type": "DEBIT", "amount": "-1.50", "name_orig": "a", "other": 1}"#);
        let text = |name: &str| seen[name].as_deref();
        assert_eq!(
            (text("amount"), text("type"), text("event_time")),
            (Some("-1.50"), Some("DEBIT"), Some("1970-01-01T00:00:00.000Z"))
        );
        assert_eq!(
            (text("name_dest"), seen.contains_key("other"), seen.contains_key("customer.segment")),
            (None, false, false)
        );
        assert!(fields.of("{\"amount\": \"x\"}").is_empty() && fields.of("no JSON").is_empty());
        assert_eq!(fields.of(r#"{"event_time": 0, "type": "CASH", "amount": 2}"#)["type"].as_deref(), Some("CASH"));
    }
}
