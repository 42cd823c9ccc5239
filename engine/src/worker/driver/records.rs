//! The record loop of a worker: what was fetched is sorted by partition, cut into batches and judged. What is not judged at
//! once, because a checkpoint is full or a lookup has no answer, waits in the backlog while the loop goes around. While
//! Redis answers for one batch the next is decoded and asks for its own: else every batch would wait for a round trip.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Worker;
use super::outcome::Entered;
use crate::clock::now_ms;
use crate::enrich::lookup::Plan;
use crate::enrich::{Answer, Away, PendingAnswer, Query};
use crate::model::ids::Partition;
use crate::model::record::Batch;
use crate::processor::DecodedBatch;
use crate::rules::{LiveSet, Unjudged};
use crate::source::{Event, Fetched, Messages, Source};
use crate::status::{Side, Totals};

/// How often the ends of the logs are asked for.
const LAG_EVERY: Duration = Duration::from_secs(5);

/// How often the group is served while rules judge: they may take long.
const SERVE_EVERY: Duration = Duration::from_millis(100);

/// What one fetch brought and is not judged yet. It goes with everything else that is not in the store: nothing of it may be
/// judged after the partitions were claimed anew.
pub(super) struct Backlog {
    fetched: Fetched,
    /// Index of each record, by partition.
    order: Vec<(Partition, usize)>,
    /// How many of them are judged.
    judged: usize,
    /// The rest of the batch that was judged last: its alerts belong into the next checkpoint.
    rest: Option<Rest>,
    /// The batches that come next, as many as [`Ahead`] says at most.
    open: VecDeque<Open>,
}

/// A batch of which only the first records are in a checkpoint.
struct Rest {
    set: Arc<LiveSet>,
    /// The whole batch.
    rows: Range<usize>,
}

/// A batch that is decoded; its lookups are not answered yet.
struct Open {
    set: Arc<LiveSet>,
    rows: Range<usize>,
    batch: DecodedBatch,
    answer: PendingAnswer<Plan>,
}

impl Backlog {
    /// Rows that are not open yet begin here.
    fn opened(&self) -> usize {
        let rest = self.rest.as_ref().map_or(self.judged, |rest| rest.rows.end);
        self.open.back().map_or(rest, |last| last.rows.end)
    }

    /// The next rows, all of one partition.
    fn next(&self, most: usize) -> Option<Range<usize>> {
        let from = self.opened();
        let rest = &self.order[from..];
        let (partition, _) = rest.first()?;
        let rows = rest.iter().take(most.min(Batch::MAX_ROWS)).take_while(|(other, _)| other == partition).count();
        (rows > 0).then_some(from..from + rows)
    }

    /// All of this batch is in the checkpoint but its last records, so many.
    fn judged_but(&mut self, left: usize, rows: Range<usize>, set: Arc<LiveSet>) {
        self.judged = rows.end - left;
        self.rest = (left > 0).then_some(Rest { set, rows });
    }

    /// Whether it is worth opening one more: none is, or Redis has to be waited for.
    fn wants_more(&self, most: usize) -> bool {
        self.open.back().is_none_or(|last| self.open.len() < most && !last.batch.plan().is_complete())
    }

    fn messages(&self, rows: &Range<usize>) -> Messages<'_> {
        Messages { fetched: &self.fetched, order: &self.order[rows.clone()] }
    }

    /// The lookup for which its next batch is not judged, and why.
    pub(super) fn away(&self) -> Option<&(String, Away)> {
        self.open.front()?.answer.away()
    }
}

/// Whether the batch at hand has to be given up: the worker stops, or its partitions are asked back. Asked between rules, so that
/// the group is served however long these take.
fn given_up(stop: &AtomicBool, source: &mut Source, events: &mut VecDeque<Event>, served: &mut Instant) -> bool {
    if stop.load(Ordering::Relaxed) {
        return true;
    }
    if served.elapsed() > SERVE_EVERY {
        events.extend(source.events());
        *served = Instant::now();
    }
    events.iter().any(|event| matches!(event, Event::Revoke { .. }))
}

impl Worker {
    pub(super) fn take_in(&mut self, fetched: Fetched) {
        // Defense: a partition that is not ours, or a record from before it was taken, is never judged.
        let ours = fetched.places().filter(|(_, partition, offset)| {
            self.machine.pending().position(*partition).is_some_and(|at| *offset >= at.to)
        });
        let mut order = Vec::with_capacity(fetched.len());
        order.extend(ours.map(|(index, partition, _)| (partition, index)));
        if order.is_empty() {
            self.swaps.idle();
        }
        // Stable: within a partition they are in order.
        order.sort_by_key(|(partition, _)| *partition);
        self.backlog = Some(Backlog { fetched, order, judged: 0, rest: None, open: VecDeque::new() });
    }

    /// Judges the backlog until it is empty, a checkpoint's bound is met, or a lookup has no answer yet.
    pub(super) fn judge(&mut self) -> anyhow::Result<()> {
        let Some(mut backlog) = self.backlog.take() else { return Ok(()) };
        while !self.is_full() {
            if let Some(Rest { set, rows }) = backlog.rest.take() {
                self.judge_rest(&mut backlog, set, rows);
                continue;
            }
            while backlog.wants_more(self.ahead.open())
                && let Some(open) = self.open(&backlog)
            {
                backlog.open.push_back(open);
            }
            let Some(mut open) = backlog.open.pop_front() else {
                if backlog.opened() < backlog.order.len() {
                    break; // No room for them yet.
                }
                self.report_errors(&backlog.fetched);
                return self.serve_log(&backlog.fetched);
            };
            let asked = Instant::now();
            let answer = open.answer.poll(&self.parts.tokio, open.batch.plan());
            self.ahead.waited(asked.elapsed());
            let Answer::Ready(answers) = answer else {
                backlog.open.push_front(open);
                break;
            };
            let began = Instant::now();
            let Open { set, rows, batch, .. } = open;
            let messages = backlog.messages(&rows);
            let partition = messages.order[0].0;
            let _batch = tracing::error_span!("batch", %partition, revision = %set.revision).entered();
            let (stop, source, events) = (&self.parts.stop, &mut self.source, &mut self.events);
            let mut until = || given_up(stop, source, events, &mut self.served);
            let judged = self.processor.judge(&set, messages, (batch, answers), self.machine.pending_mut(), &mut until);
            let entered = match judged {
                Ok(entered) => entered,
                // The backlog goes with it: we stop, or the partitions are let go before anything else is judged.
                Err(Unjudged::Interrupted) => return Ok(()),
                Err(Unjudged::Halt(halt)) => return Err(halt).context("halted, as on_failure says"),
            };
            self.swaps.judged(&set);
            self.count(messages, messages.len(), entered, began);
            backlog.judged_but(entered.left, rows, set);
        }
        self.backlog = Some(backlog);
        Ok(())
    }

    /// Of a batch whose first records are in the checkpoint before this one. The rules have judged it.
    fn judge_rest(&mut self, backlog: &mut Backlog, set: Arc<LiveSet>, rows: Range<usize>) {
        let (began, before) = (Instant::now(), rows.end - backlog.judged);
        let messages = backlog.messages(&rows);
        let partition = messages.order[0].0;
        let _batch = tracing::error_span!("batch", %partition, revision = %set.revision).entered();
        let entered = self.processor.go_on(&set, messages, self.machine.pending_mut());
        self.count(messages, before, entered, began);
        backlog.judged_but(entered.left, rows, set);
    }

    /// None: all of it is open or judged, or the checkpoint has no room for more.
    fn open(&mut self, backlog: &Backlog) -> Option<Open> {
        let began = Instant::now();
        // No more than the checkpoint has room for. Its other bounds are known only afterwards: a batch may overshoot them.
        let judged = self.machine.pending().records() + (backlog.opened() - backlog.judged);
        let room = self.parts.config.checkpoint.max_records.saturating_sub(judged);
        let rows = backlog.next(room)?;
        let messages = backlog.messages(&rows);
        let set = self.parts.catalog.live();
        let batch = self.processor.open(&set, messages.order.first()?.0, messages);
        self.counters.slow_path.absolute(self.processor.slow_path());
        let answer = PendingAnswer::new(&self.parts.tokio, batch.plan());
        self.counters.busy(began);
        Some(Open { set, rows, batch, answer })
    }

    /// Of the messages of a batch the last `before` were not in a checkpoint yet, and these went into one.
    fn count(&mut self, messages: Messages<'_>, before: usize, entered: Entered, began: Instant) {
        let (partition, records) = (messages.order[0].0, (before - entered.left) as u64);
        let status = &self.parts.status.partitions;
        status.add_judged(Totals { records, letters: entered.letters as u64, flagged: entered.flagged as u64 });
        self.counters.records.increment(records);
        self.counters.batches.increment(1);
        self.counters.busy(began);
        self.allowed(&[Side::Source]);
        if let Some(at) = self.machine.pending().position(partition) {
            let status = &self.parts.status.partitions;
            status.judged_to(self.parts.index, partition, at.to);
            status.set_watermark(partition, self.processor.windows.watermark(partition));
            if records > 0 {
                status.set_judged_at(partition, messages.get(messages.len() - entered.left - 1).timestamp());
            }
        }
    }

    /// After the records that came before them: librdkafka goes on by itself after most errors, and then the next record
    /// says so.
    fn report_errors(&mut self, fetched: &Fetched) {
        for (partition, offset, why) in fetched.errors() {
            let why = format!("{why} at {}-{partition}@{offset}", self.parts.config.source.topic);
            tracing::error!("{why}");
            self.refuse(&why, Side::Source);
            // Those outside their logs are claimed anew, which says why they stop, if they do.
            if !fetched.outside().any(|outside| outside == partition) {
                self.parts.status.partitions.stopped(self.parts.index, partition, why);
            }
        }
    }

    /// How far partitions are, and how far the ends of their logs: for the lag that operators watch. Asked beside the loop, answers come as they come.
    pub(super) fn ask_bounds_if_due(&mut self) {
        if self.last_bounds.elapsed() < LAG_EVERY {
            return;
        }
        self.last_bounds = Instant::now();
        let asked_at = now_ms();
        let (reader, status) = (self.source.reader(), self.parts.status.clone());
        let positions: BTreeMap<_, _> = self.machine.pending().positions().collect();
        for (partition, at) in &positions {
            metrics::gauge!("weir_partition_position", "partition" => partition.to_string()).set(at.from.0 as f64);
            if let Some(watermark) = self.processor.windows.watermark(*partition) {
                let seconds = watermark as f64 / 1_000.0;
                metrics::gauge!("weir_partition_watermark_timestamp_seconds", "partition" => partition.to_string())
                    .set(seconds);
            }
        }
        self.parts.tokio.spawn(async move {
            let partitions: Vec<_> = positions.keys().copied().collect();
            for (partition, end) in reader.ends(&partitions).await.unwrap_or_default() {
                let lag = (end.0 - positions[&partition].to.0).max(0);
                metrics::gauge!("weir_partition_lag_records", "partition" => partition.to_string()).set(lag as f64);
                status.partitions.set_end(partition, end, asked_at);
            }
        });
    }
}
