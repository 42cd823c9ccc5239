//! The checkpoints of a worker: one in flight beside the loop, and what its end means. The protocol itself is
//! `checkpoint`'s.

use std::time::Instant;

use anyhow::Context;
use tokio::task::{JoinError, JoinHandle};

use super::Worker;
use super::group::Phase;
use crate::checkpoint::{Cancel, Failed, Pending, advance};
use crate::model::ids::{Offset, Partition};
use crate::pipeline::refused::Side;

pub(super) struct InFlight {
    pub(super) task: JoinHandle<Result<(), Failed>>,
    pub(super) cancel: Cancel,
    /// What may be cleared from the outbox once it is through.
    published: Vec<(Partition, u64, Offset)>,
    pub(super) started: Instant,
}

/// Why the worker drains, and so for how long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// The group waits for us: the try under way is finished, but nothing that fails is tried again. With the store or
    /// Kafka away this ends with that try (a connection that is refused: 5 s at most); `checkpoint.drain` bounds one that
    /// is silent.
    Revoked,
    /// We end: a last checkpoint is worth waiting for.
    Stopping,
}

impl Drain {
    fn cancel(self) -> Cancel {
        match self {
            Self::Revoked => Cancel::cancelled(),
            Self::Stopping => Cancel::default(),
        }
    }
}

impl Worker {
    pub(super) fn is_full(&self) -> bool {
        let bounds = &self.parts.config.checkpoint;
        self.pending.records() >= bounds.max_records
            || self.bench.windows.len() >= bounds.max_groups
            || self.pending.letter_bytes() as u64 >= bounds.max_letter_bytes.as_u64()
    }

    pub(super) fn step_if_due(&mut self) {
        let due = self.last_step.elapsed() >= self.parts.config.checkpoint.interval;
        if matches!(self.phase, Phase::Running) && self.in_flight.is_none() && (due || self.is_full()) {
            self.step(Cancel::default());
        }
    }

    pub(super) fn step(&mut self, cancel: Cancel) {
        let Some(assignment) = &self.assignment else { return };
        if self.pending.is_empty() {
            return;
        }
        let deltas = self.bench.windows.drain();
        self.overflow.drained(&mut self.bench.windows, &self.parts.config, &self.parts.status);
        let windows = &self.bench.windows;
        let Some(step) = self.pending.step(deltas, |partition| windows.watermark(partition)) else { return };
        self.last_step = Instant::now();
        let (store, broker, metadata) = (self.parts.store.clone(), self.broker.clone(), assignment.metadata.clone());
        let cleared = std::mem::take(&mut self.cleared);
        let published = step.partitions.iter().map(|p| (p.partition, p.owner, p.to)).collect();
        let given_up = cancel.clone();
        let task = self.parts.tokio.spawn(async move {
            let mut broker = broker.lock().await;
            advance(&*store, &mut *broker, &step, &cleared, &metadata, &given_up).await
        });
        self.in_flight = Some(InFlight { task, cancel, published, started: Instant::now() });
    }

    pub(super) fn settle_step(&mut self) -> anyhow::Result<()> {
        let Some(in_flight) = self.in_flight.take_if(|step| step.task.is_finished()) else {
            self.tell();
            return Ok(());
        };
        let InFlight { task, published, started, .. } = in_flight;
        let result = self.parts.tokio.block_on(task);
        match self.ended(result, published, started)? {
            _ if matches!(self.phase, Phase::Settling) => self.start_taking(),
            None => {}
            // It was abandoned when the partitions were let go: whoever has them now finishes it.
            Some(_) if self.assignment.is_none() => {}
            Some(Failed::Group(_)) => self.phase = Phase::Overdue { since: Instant::now() },
            Some(_) => self.start_taking(),
        }
        Ok(())
    }

    /// Counts a step's end and remembers what it brought. Some: it failed, and with it went all that is not in the store.
    fn ended(
        &mut self,
        result: Result<Result<(), Failed>, JoinError>,
        published: Vec<(Partition, u64, Offset)>,
        started: Instant,
    ) -> anyhow::Result<Option<Failed>> {
        metrics::histogram!("weir_checkpoint_seconds").record(started.elapsed().as_secs_f64());
        let outcome = match &result {
            Ok(Ok(())) => "committed",
            Ok(Err(Failed::Fenced(_))) => "fenced",
            _ => "failed",
        };
        metrics::counter!("weir_checkpoints_total", "outcome" => outcome).increment(1);
        let result = match result {
            Ok(result) => result,
            Err(why) => {
                self.end();
                return Err(why).context("a checkpoint's task");
            }
        };
        match result {
            // Of partitions that were let go: it says nothing about those that we have now.
            Ok(()) if self.assignment.is_none() || matches!(self.phase, Phase::Settling) => Ok(None),
            Ok(()) => {
                self.allowed(&[Side::Group, Side::Letters]);
                for (partition, _, next) in &published {
                    self.parts.status.committed(self.parts.index, *partition, *next);
                }
                self.cleared = published;
                Ok(None)
            }
            Err(Failed::Fatal(why)) => {
                self.end();
                anyhow::bail!("checkpoint: {why}")
            }
            Err(why) => {
                // Deltas of all partitions are mixed by group, so a step that fails takes everything with it (C6).
                tracing::warn!(worker = self.parts.index, "checkpoint: {why}");
                if matches!(why, Failed::Fenced(_)) {
                    metrics::counter!("weir_fenced_total").increment(1);
                }
                self.forget();
                Ok(Some(why))
            }
        }
    }

    /// All that is not in the store: whoever takes the partitions next, we ourselves maybe, reads it again.
    pub(super) fn forget(&mut self) {
        self.pending = Pending::default();
        self.backlog = None;
        self.bench.windows.clear();
    }

    /// After a step that failed for good nothing may be stepped over any more: if it is in the database after all, a step
    /// from its end would match, and move K past letters that only the outbox holds.
    fn end(&mut self) {
        self.forget();
        self.phase = Phase::Idle;
    }

    /// Finishes the step in flight, takes a last one and clears the outbox, within `checkpoint.drain`. What does not get
    /// through is left to whoever takes the partitions next: the store knows where, so it costs work and no exactness. An
    /// error is one that ends the worker.
    pub(super) fn drain(&mut self, drain: Drain) -> anyhow::Result<()> {
        let asked = match drain {
            Drain::Revoked => None,
            // What the loop was at when it was told counts: the process has one time to stop.
            Drain::Stopping => self.parts.status.stop_asked(),
        };
        let until = asked.unwrap_or_else(Instant::now) + self.parts.config.checkpoint.drain;
        // The first round waits for the step in flight, the second for what was judged since.
        for _ in 0..2 {
            if !self.finish_in_flight(drain, until)? {
                return Ok(());
            }
            if matches!(self.phase, Phase::Running) {
                self.step(drain.cancel());
            }
        }
        self.clear_outbox(until);
        Ok(())
    }

    /// Whether there is nothing in flight any more that did not get through.
    fn finish_in_flight(&mut self, drain: Drain, until: Instant) -> anyhow::Result<bool> {
        let Some(InFlight { mut task, cancel, published, started }) = self.in_flight.take() else { return Ok(true) };
        if drain == Drain::Revoked {
            cancel.cancel();
        }
        let left = until.saturating_duration_since(Instant::now());
        match self.parts.tokio.block_on(async { tokio::time::timeout(left, &mut task).await }) {
            Ok(result) => Ok(self.ended(result, published, started)?.is_none()),
            Err(_) => {
                tracing::warn!(worker = self.parts.index, "a checkpoint was abandoned: not through in time");
                cancel.cancel();
                self.in_flight = Some(InFlight { task, cancel, published, started });
                Ok(false)
            }
        }
    }

    /// After a clean stop nothing is left in the outbox; if it fails, whoever takes the partitions clears it.
    pub(super) fn clear_outbox(&mut self, until: Instant) {
        let cleared = std::mem::take(&mut self.cleared);
        if cleared.is_empty() {
            return;
        }
        let (store, left) = (self.parts.store.clone(), until.saturating_duration_since(Instant::now()));
        let _ = self.parts.tokio.block_on(async { tokio::time::timeout(left, store.published(&cleared)).await });
    }
}
