//! The way of one batch, without consequences: bytes of one partition in, verdicts out. It joins `decode`, `enrich`,
//! `rules` and `window`, and knows no broker, no store, no checkpoint, no catalog and no clock; rules report to the observer that
//! its judge was made with. Workers, `POST /evaluate` and whatever else wants to know what a rule set says of records call
//! this one.
//!
//! Two halves, so that the caller stays in charge while a lookup is answered: [`BatchProcessor::open`] decodes and says what
//! the lookups ask, [`BatchProcessor::judge`] does the rest. What a field is made of that depends on the records before it
//! belongs at the beginning of the second half: batches are judged in order of offset, and may be opened ahead.

mod alerts;
mod decoded;
mod rejects;
mod verdicts;

use std::sync::Arc;
use std::time::Instant;

use crate::decode::Decoder;
use crate::enrich::Away;
use crate::enrich::lookup::{Answers, Lookups, Plan};
use crate::model::finding::{Fault, Finding};
use crate::model::ids::Partition;
use crate::model::record::{Batch, FieldId, Schema};
use crate::rules::{Judge, LiveObserver, LiveSet, Observer, Unjudged};
use crate::window::{RowVerdict, Windows};

pub use alerts::{AlertCodes, AlertRoom, Alerted};
use alerts::{Flagged, end, flagged, is_late, late};
use decoded::Buffers;
pub use decoded::{DecodedBatch, Record};
use rejects::Rejected;
pub use rejects::{Cause, Reject};
pub use verdicts::Judged;

/// The time that a batch is judged at. The caller reads it, once a half.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For what caches of lookups still hold.
    pub instant: Instant,
    /// The wall clock in epoch milliseconds, for event times that lie ahead.
    pub epoch_ms: i64,
}

/// Which fields of the schema are decoded. The others are skipped, not built.
#[derive(Clone, Debug)]
pub enum Fields {
    /// All of them: a fault in a field is found whether anything reads it or not.
    All,
    /// These, the required ones (their absence is dirt by the configuration), and those that rules and the keys of lookups
    /// read.
    ReadAnd(Vec<FieldId>),
}

/// Everything that the way of a batch needs and reuses from batch to batch; one per thread.
pub struct BatchProcessor<O = LiveObserver> {
    schema: Arc<Schema>,
    decoder: Decoder,
    fields: Fields,
    lookups: Option<Lookups>,
    judge: Judge<O>,
    /// What the decoder is set to, and by which set.
    needed: (Option<Arc<LiveSet>>, Vec<FieldId>),
    /// For the batches to come.
    spare: Vec<Buffers>,
    /// The batch that was judged last.
    judged: Buffers,
    findings: Vec<Finding>,
    verdicts: Vec<RowVerdict>,
    /// Rows without a window, ascending, and why.
    late: Vec<(u32, Fault)>,
    rejected: Vec<Rejected>,
    /// None: no record gets an alert.
    codes: Option<Arc<AlertCodes>>,
    /// Rows of the batch that get one unless they are late, ascending.
    flagged: Vec<Flagged>,
    /// Places in `flagged` of those of the part that was judged last.
    alerted: Vec<usize>,
    /// Rows whose flags are explained, ascending.
    explained: Vec<u32>,
    /// How far the batch is judged.
    at: Place,
}

/// A place within a batch.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The next row.
    row: usize,
    /// Index of the next record.
    record: usize,
    /// Place of the next one in `flagged`.
    flagged: usize,
}

impl<O: Observer> BatchProcessor<O> {
    /// Without lookups their fields are missing in every row. `max_record`: bytes of key and value together that a record may
    /// have.
    pub fn new(
        schema: Arc<Schema>,
        max_record: usize,
        fields: Fields,
        lookups: Option<Lookups>,
        judge: Judge<O>,
    ) -> Self {
        Self {
            decoder: Decoder::new(schema.clone(), max_record),
            fields,
            lookups,
            judge,
            needed: (None, Vec::new()),
            spare: Vec::new(),
            judged: Buffers::new(&schema),
            findings: Vec::new(),
            verdicts: Vec::new(),
            late: Vec::new(),
            rejected: Vec::new(),
            codes: None,
            flagged: Vec::new(),
            alerted: Vec::new(),
            explained: Vec::new(),
            at: Place::default(),
            schema,
        }
    }

    /// The same, and a valid record that one of these codes hits is among [`Judged::alerts`].
    #[must_use]
    pub fn with_alerts(self, codes: Arc<AlertCodes>) -> Self {
        Self { codes: Some(codes), ..self }
    }

    /// The first half: decodes consecutive records of one partition, at most [`Batch::MAX_ROWS`], and says what the lookups
    /// ask ([`DecodedBatch::plan`]). Other batches may be opened before this one is judged.
    pub fn open<'r>(
        &mut self,
        rules: &Arc<LiveSet>,
        partition: Partition,
        records: impl Iterator<Item = Record<'r>>,
        now: Now,
    ) -> DecodedBatch {
        self.set_needed(rules);
        let mut buffers = self.spare.pop().unwrap_or_else(|| Buffers::new(&self.schema));
        buffers.decode(&mut self.decoder, partition, records);
        let plan = match &mut self.lookups {
            Some(lookups) => lookups.plan(&buffers.batch, &self.needed.1, now.instant),
            None => Plan::default(),
        };
        DecodedBatch { buffers, plan }
    }

    /// The second half: judges a batch by the rule set that it was opened with. Without answers what the lookups lack is
    /// missing. `windows` take the rows that are valid, and find those that have none; None: nobody sums them, and no row is
    /// too late. `until` is asked before each rule, and between the rows of a batch that failed.
    ///
    /// # Errors
    /// A rule stops the pipeline, or `until` says that the batch is given up. Then it is as if it had never been judged: the
    /// windows are as before, and its records have to be opened again.
    pub fn judge(
        &mut self,
        rules: &Arc<LiveSet>,
        decoded: DecodedBatch,
        answers: Option<Answers>,
        now: Now,
        windows: Option<&mut Windows>,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<Judged<'_, O>, Unjudged> {
        self.judge_part(rules, (decoded, answers), now, (windows, AlertRoom::Explained(0)), until)
    }

    /// The same of the first records of the batch, as far as their alerts have room: see [`Judged::rest`], and
    /// [`BatchProcessor::go_on`] for the others.
    ///
    /// # Errors
    /// As [`BatchProcessor::judge`].
    pub fn judge_part(
        &mut self,
        rules: &Arc<LiveSet>,
        (decoded, answers): (DecodedBatch, Option<Answers>),
        now: Now,
        (windows, room): (Option<&mut Windows>, AlertRoom),
        until: &mut dyn FnMut() -> bool,
    ) -> Result<Judged<'_, O>, Unjudged> {
        let DecodedBatch { buffers, plan } = decoded;
        self.spare.push(std::mem::replace(&mut self.judged, buffers));
        let batch = &mut self.judged.batch;
        match &mut self.lookups {
            Some(lookups) => lookups.apply(plan, answers, batch, now.instant),
            None => without_lookups(&self.schema, batch),
        }
        self.findings.clear();
        self.judge.judge_until(rules, batch, &mut self.findings, until)?;
        verdicts::weigh(&self.findings, batch.rows(), &mut self.verdicts);
        if let Some(codes) = &self.codes {
            flagged(&self.findings, &self.verdicts, codes, &mut self.flagged);
        }
        self.at = Place::default();
        Ok(self.go_on(rules, now, (windows, room)))
    }

    /// The next records of the batch that was judged last, by the rules that have judged them. No other batch may have been judged
    /// since.
    pub fn go_on(
        &mut self,
        rules: &LiveSet,
        now: Now,
        (windows, room): (Option<&mut Windows>, AlertRoom),
    ) -> Judged<'_, O> {
        let from = self.at;
        self.late.clear();
        let to = self.sum(from, now, windows, room);
        let records = from.record..to.record;
        rejects::collect(&self.judged, &self.findings, &self.late, (from.row..to.row, records), &mut self.rejected);
        // What becomes of a record that is rejected or gets an alert tells all that was seen in it, as far as the rules say it.
        self.explained.clear();
        self.explained.extend(self.rejected.iter().filter_map(|rejected| rejected.row(&self.findings, &self.late)));
        self.alerted.clear();
        let alerts = (from.flagged..to.flagged).filter(|at| !is_late(self.flagged[*at].row, &self.late));
        self.alerted.extend(alerts);
        if !self.alerted.is_empty() {
            let some = self.alerted.iter().take(room.explained());
            self.explained.extend(some.map(|at| self.flagged[*at].row));
            self.explained.sort_unstable();
        }
        self.judge.explain(rules, &self.judged.batch, &self.explained, &mut self.findings);
        self.at = to;
        Judged {
            revision: rules.revision,
            batch: &self.judged.batch,
            records: self.judged.records,
            part: from.record..to.record,
            rows: &self.judged.rows,
            verdicts: &self.verdicts,
            findings: &self.findings,
            observer: self.judge.observer(),
            undecoded: &self.judged.undecoded,
            late: &self.late,
            rejected: &self.rejected,
            flagged: &self.flagged,
            alerted: &self.alerted,
        }
    }

    /// Gives the windows the rows from here on, as far as the alerts of the records have room, and says how far that is. That a
    /// row is late, and so gets none, is known only then.
    fn sum(&mut self, from: Place, now: Now, mut windows: Option<&mut Windows>, room: AlertRoom) -> Place {
        let (batch, rows) = (&self.judged.batch, self.judged.batch.rows());
        let candidates = &self.flagged[from.flagged..];
        let (mut to, mut without_window) = (from.row, 0);
        loop {
            let end = end(candidates, room, without_window).map_or(rows, |row| row as usize);
            if let Some(windows) = &mut windows {
                windows.add_rows(batch, &self.verdicts, to..end, now.epoch_ms, &mut self.late);
            }
            to = end;
            let passed = candidates.partition_point(|flagged| (flagged.row as usize) < to);
            let found = late(&candidates[..passed], &self.late);
            if to == rows || found == without_window {
                let record = if to == rows { self.judged.records } else { self.judged.rows[to] };
                return Place { row: to, record, flagged: from.flagged + passed };
            }
            without_window = found;
        }
    }

    /// Records so far that decode had to look at closely.
    pub fn slow_path(&self) -> u64 {
        self.decoder.slow_path()
    }

    /// The lookups that did not answer when they were last asked: see [`Lookups::away`].
    pub fn lookups_away(&self) -> impl Iterator<Item = (&str, bool, i64, Away)> {
        self.lookups.iter().flat_map(Lookups::away)
    }

    fn set_needed(&mut self, rules: &Arc<LiveSet>) {
        if self.needed.0.as_ref().is_some_and(|set| Arc::ptr_eq(set, rules)) {
            return;
        }
        let all = (0..self.schema.fields.len()).map(FieldId);
        let needed = match &self.fields {
            Fields::All => all.collect(),
            Fields::ReadAnd(always) => {
                let mut needed: Vec<FieldId> = always.iter().chain(&rules.needed).copied().collect();
                let inputs = self.lookups.as_ref().map(|lookups| lookups.inputs(&needed));
                needed.extend(inputs.into_iter().flatten());
                needed.extend(all.filter(|id| self.schema.field(*id).required));
                needed.sort_unstable();
                needed.dedup();
                needed
            }
        };
        self.decoder.set_needed(&needed);
        self.needed = (Some(rules.clone()), needed);
    }
}

/// A rule that reads a lookup's field sees rows that lack it.
fn without_lookups(schema: &Schema, batch: &mut Batch) {
    let rows = batch.rows();
    let columns = schema.fields.iter().zip(&mut batch.columns);
    for (_, column) in columns.filter(|(field, _)| !field.is_in_record()) {
        (0..rows).for_each(|_| column.push(None));
    }
}
