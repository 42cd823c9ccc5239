//! What comes of the batches that a worker judges: the processor's verdicts go into the worker's windows and into the
//! checkpoint that is being built. The clock is read here, and letters are counted here.

use std::sync::Arc;
use std::time::Instant;

use crate::checkpoint::CheckpointBuilder;
use crate::clock::now_ms;
use crate::config::Config;
use crate::enrich::Away;
use crate::enrich::lookup::{Answers, Lookups};
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::letter::{Hit, Reason, Source};
use crate::model::record::Schema;
use crate::processor::{BatchProcessor, DecodedBatch, Fields, Now, Record, Reject};
use crate::rules::{Judge, LiveSet, Unjudged};
use crate::source::{Message, Messages};
use crate::status::LookupAway;
use crate::window::{WindowSpec, Windows};

use super::hits::list;
use super::letter_counts::LetterCounts;

/// A worker's processor, its windows and its counts.
pub(super) struct LiveProcessor {
    processor: BatchProcessor,
    /// What each (window, group) gained since the last checkpoint, and the watermarks.
    pub(super) windows: Windows,
    letters: LetterCounts,
}

impl LiveProcessor {
    pub(super) fn new(
        config: &Config,
        schema: &Arc<Schema>,
        spec: &Arc<WindowSpec>,
        judge: Judge,
    ) -> anyhow::Result<Self> {
        let max_record = usize::try_from(config.source.max_record.as_u64())?;
        let lookups = Lookups::new(&config.lookup, schema.clone())?;
        let fields = Fields::ReadAnd(spec.needed());
        Ok(Self {
            processor: BatchProcessor::new(schema.clone(), max_record, fields, Some(lookups), judge),
            windows: Windows::new(spec.clone(), schema.clone()),
            letters: LetterCounts::default(),
        })
    }

    /// See [`BatchProcessor::open`].
    pub(super) fn open(&mut self, set: &Arc<LiveSet>, partition: Partition, messages: Messages<'_>) -> DecodedBatch {
        let records = messages.iter().map(|m| Record { offset: m.offset, key: m.key, value: m.value });
        self.processor.open(set, partition, records, now())
    }

    /// See [`BatchProcessor::judge`]. If it is an error, nothing of the batch is pending.
    pub(super) fn judge(
        &mut self,
        set: &Arc<LiveSet>,
        messages: Messages<'_>,
        (decoded, answers): (DecodedBatch, Option<Answers>),
        pending: &mut CheckpointBuilder,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        if messages.is_empty() {
            return Ok(());
        }
        let judged = self.processor.judge(set, decoded, answers, now(), Some(&mut self.windows), until)?;
        let (first, last) = (messages.get(0), messages.get(messages.len() - 1));
        let partition = first.partition;
        pending.judged(partition, first.offset, Offset(last.offset.0 + 1), messages.len(), judged.revision);
        let mut hits = Vec::new();
        for reject in judged.rejects() {
            hits = letter(pending, partition, &messages.get(reject.record), judged.revision, (&reject, hits));
            self.letters.count(reject.code());
        }
        self.letters.tell();
        Ok(())
    }

    /// Records so far that decode had to look at closely.
    pub(super) fn slow_path(&self) -> u64 {
        self.processor.slow_path()
    }

    /// The lookups that did not answer when they were last asked.
    pub(super) fn lookups_away(&self) -> Vec<LookupAway> {
        let away = self.processor.lookups_away();
        let view = |(name, missing, at, Away { why, refused }): (&str, _, _, _)| LookupAway {
            name: name.to_owned(),
            missing,
            refused,
            at,
            why,
        };
        away.map(view).collect()
    }
}

/// What time it is for a batch.
fn now() -> Now {
    Now { instant: Instant::now(), epoch_ms: now_ms() }
}

/// Writes a rejected record as a dead letter. `hits` gives its room, and it is what comes back.
fn letter<'a>(
    pending: &mut CheckpointBuilder,
    partition: Partition,
    message: &Message<'_>,
    revision: Revision,
    (reject, mut hits): (&Reject<'a>, Vec<Hit<'a>>),
) -> Vec<Hit<'a>> {
    let more = list(reject.hits.iter(), &mut hits);
    let headers = message.headers();
    let source = Source {
        offset: message.offset,
        timestamp: message.timestamp(),
        key: message.key,
        value: message.value,
        headers: &headers,
    };
    let reason = Reason {
        stage: reject.stage(),
        code: reject.code(),
        message: reject.message(),
        rule: reject.rule().map(|rule| (&*rule.name, rule.sha256)),
        revision,
        hits,
        more,
    };
    pending.letter(partition, &source, &reason);
    hits = reason.hits;
    hits.clear();
    hits
}
