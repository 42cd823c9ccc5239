//! What comes of the batches that a worker judges: the processor's verdicts go into the worker's windows and into the
//! checkpoint that is being built. The clock is read here, and letters and alerts are counted here.

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
use crate::processor::{AlertRoom, BatchProcessor, DecodedBatch, Fields, Judged, Now, Record, Reject};
use crate::rules::{Judge, LiveSet, Unjudged};
use crate::source::{Message, Messages};
use crate::status::LookupAway;
use crate::window::{WindowSpec, Windows};

use super::alerts::AlertWriter;
use super::hits::list;
use super::letter_counts::LetterCounts;

/// What of a batch went into a checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entered {
    /// Records that did not, because their alerts had no room: a checkpoint has to be made, and then [`LiveProcessor::go_on`] judges
    /// them.
    pub(super) left: usize,
    /// Dead letters among those that did.
    pub(super) letters: usize,
    /// Valid records among them that a rule flagged.
    pub(super) flagged: usize,
}

/// A worker's processor, its windows and its counts.
pub(super) struct LiveProcessor {
    processor: BatchProcessor,
    /// What each (window, group) gained since the last checkpoint, and the watermarks.
    pub(super) windows: Windows,
    letters: LetterCounts,
    /// None: there is no `[alerts]`.
    alerts: Option<AlertWriter>,
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
        let alerts = AlertWriter::new(config, schema)?;
        let of_alerts = alerts.iter().flat_map(AlertWriter::of_lookups);
        let fields = Fields::ReadAnd(spec.needed().into_iter().chain(of_alerts).collect());
        let mut processor = BatchProcessor::new(schema.clone(), max_record, fields, Some(lookups), judge);
        if let Some(alerts) = &alerts {
            processor = processor.with_alerts(alerts.codes());
        }
        Ok(Self {
            processor,
            windows: Windows::new(spec.clone(), schema.clone()),
            letters: LetterCounts::default(),
            alerts,
        })
    }

    /// See [`BatchProcessor::open`].
    pub(super) fn open(&mut self, set: &Arc<LiveSet>, partition: Partition, messages: Messages<'_>) -> DecodedBatch {
        let records = messages.iter().map(|m| Record { offset: m.offset, key: m.key, value: m.value });
        self.processor.open(set, partition, records, now())
    }

    /// See [`BatchProcessor::judge_part`]. If it is an error, nothing of the batch is pending.
    pub(super) fn judge(
        &mut self,
        set: &Arc<LiveSet>,
        messages: Messages<'_>,
        batch: (DecodedBatch, Option<Answers>),
        pending: &mut CheckpointBuilder,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<Entered, Unjudged> {
        if messages.is_empty() {
            return Ok(Entered::default());
        }
        let room = room(self.alerts.as_ref(), messages, pending);
        let judged = self.processor.judge_part(set, batch, now(), (Some(&mut self.windows), room), until)?;
        Ok(take_up(&judged, set, messages, pending, (&mut self.letters, self.alerts.as_mut())))
    }

    /// See [`BatchProcessor::go_on`]: the same batch, its messages from the beginning, and what is returned, too.
    pub(super) fn go_on(
        &mut self,
        set: &Arc<LiveSet>,
        messages: Messages<'_>,
        pending: &mut CheckpointBuilder,
    ) -> Entered {
        let room = room(self.alerts.as_ref(), messages, pending);
        let judged = self.processor.go_on(set, now(), (Some(&mut self.windows), room));
        take_up(&judged, set, messages, pending, (&mut self.letters, self.alerts.as_mut()))
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

/// How many alerts the next part of this batch may have.
fn room(alerts: Option<&AlertWriter>, messages: Messages<'_>, pending: &CheckpointBuilder) -> AlertRoom {
    alerts.map_or(AlertRoom::Explained(0), |alerts| alerts.room(pending, messages.order[0].0))
}

/// Enters what was judged of a batch into the checkpoint.
fn take_up<O>(
    judged: &Judged<'_, O>,
    set: &LiveSet,
    messages: Messages<'_>,
    pending: &mut CheckpointBuilder,
    (letters, alerts): (&mut LetterCounts, Option<&mut AlertWriter>),
) -> Entered {
    let part = &judged.part;
    let (partition, rest) = (messages.order[0].0, judged.rest());
    if rest > 0 {
        pending.end_before_an_alert();
    }
    let entered = Entered { left: rest, letters: judged.rejected(), flagged: judged.flagged_records() };
    if part.is_empty() {
        return entered;
    }
    // Behind the last record there may be more of the log that is no record: the next one begins where it is.
    let next = match rest {
        0 => Offset(messages.get(part.end - 1).offset.0 + 1),
        _ => messages.get(part.end).offset,
    };
    pending.judged(partition, messages.get(part.start).offset, next, part.len(), judged.revision);
    let mut hits = Vec::new();
    for reject in judged.rejects() {
        hits = letter(pending, partition, &messages.get(reject.record), judged.revision, (&reject, hits));
        letters.count(reject.code());
    }
    letters.tell();
    if let Some(alerts) = alerts.filter(|_| judged.alerts().len() > 0) {
        for alerted in judged.alerts() {
            let message = messages.get(alerted.record);
            let (offset, timestamp) = (message.offset, message.timestamp());
            let source = Source { offset, timestamp, key: message.key, value: message.value, headers: &[] };
            alerts.add(pending, &source, (&alerted, judged.batch), set);
        }
        alerts.tell();
    }
    entered
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
    let more = list(reject.hits, &mut hits);
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
