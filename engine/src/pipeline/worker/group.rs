//! The group's part of a worker: partitions are assigned, taken, revoked and let go. Between an assignment and the end of
//! taking nothing is judged; after a revoke nothing of them is left in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinHandle;

use super::Worker;
use super::steps::Drain;
use crate::checkpoint::{Cancel, TakeError, TakenOver, take};
use crate::fault;
use crate::model::ids::Partition;
use crate::pipeline::clock::now_ms;
use crate::pipeline::refused::Side;
use crate::source::{Event, GroupMetadata};

/// After the group moved on without a rebalance in sight, the partitions are taken again anyway.
const REBALANCE_OVERDUE: Duration = Duration::from_secs(15);

/// How long after partitions were taken the first step is due, if the interval is not shorter.
const FIRST_STEP: Duration = Duration::from_millis(100);

/// What the group gave.
pub(super) struct Assignment {
    partitions: Vec<Partition>,
    pub(super) metadata: Arc<GroupMetadata>,
}

pub(super) enum Phase {
    /// Nothing is ours.
    Idle,
    /// A checkpoint from before is not over. It shares the producer with us, so it has to be before anything is taken (C3).
    Settling,
    /// The one routine of FACTS C3 is under way.
    Taking { task: JoinHandle<Result<TakenOver, TakeError>>, cancel: Cancel },
    /// Records flow.
    Running,
    /// The group no longer takes our metadata: the next assignment is on its way.
    Overdue { since: Instant },
}

impl Worker {
    pub(super) fn serve_group(&mut self) -> anyhow::Result<()> {
        self.events.extend(self.source.events());
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::Assign { partitions, metadata } => {
                    tracing::info!(worker = self.parts.index, ?partitions, "assigned");
                    self.parts.status.joined(self.parts.index);
                    self.membership.joined();
                    self.allowed(&[Side::Group]);
                    fault::pass("worker.assigned");
                    self.assignment = Some(Assignment { partitions, metadata });
                    self.start_taking();
                }
                Event::Revoke { lost } => {
                    tracing::info!(worker = self.parts.index, lost, "revoked");
                    fault::pass("worker.revoked");
                    let drained = if lost { Ok(()) } else { self.drain(Drain::Revoked) };
                    fault::pass("worker.drained");
                    self.let_go();
                    self.source.unassign()?;
                    fault::pass("worker.released");
                    // Only now: the group need not wait for our end.
                    drained?;
                }
                Event::Stray { partition, offset } => {
                    let topic = &self.parts.config.source.topic;
                    tracing::error!(
                        worker = self.parts.index,
                        "{topic}-{partition}@{offset} came where no record is judged; all partitions are taken anew"
                    );
                    // While they are being taken already, one more would only begin it again.
                    if matches!(self.phase, Phase::Running) {
                        self.start_taking();
                    }
                }
                Event::Error(why) => {
                    tracing::warn!(worker = self.parts.index, "Kafka: {why}");
                    self.refuse(&why, Side::Source);
                }
                Event::Fatal(why) => anyhow::bail!("Kafka: {why}"),
            }
        }
        Ok(())
    }

    /// Takes what was assigned, now or as soon as the checkpoint in flight is over.
    pub(super) fn start_taking(&mut self) {
        if self.assignment.is_none() {
            return;
        }
        self.forget();
        self.cleared.clear();
        if let Phase::Taking { cancel, .. } = std::mem::replace(&mut self.phase, Phase::Settling) {
            cancel.cancel();
        }
        let Some(assignment) = &self.assignment else { return };
        self.parts.status.taking(self.parts.index, &assignment.partitions);
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
            return;
        }
        let (store, broker) = (self.parts.store.clone(), self.broker.clone());
        let (partitions, metadata) = (assignment.partitions.clone(), assignment.metadata.clone());
        let (start, cancel) = (self.parts.config.source.start, Cancel::default());
        let given_up = cancel.clone();
        let task = self.parts.tokio.spawn(async move {
            let mut broker = broker.lock().await;
            let taken = take(&*store, &mut *broker, &partitions, start, &metadata, &given_up).await;
            // An empty share that is the last word.
            if partitions.is_empty() && !given_up.is_cancelled() {
                broker.publisher.rest().await;
            }
            taken
        });
        self.phase = Phase::Taking { task, cancel };
    }

    pub(super) fn settle_taking(&mut self) -> anyhow::Result<()> {
        match &mut self.phase {
            Phase::Taking { task, .. } if task.is_finished() => {
                let result = self.parts.tokio.block_on(task).context("taking partitions")?;
                self.taken(result)
            }
            Phase::Overdue { since } if since.elapsed() > REBALANCE_OVERDUE => {
                self.start_taking();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn taken(&mut self, result: Result<TakenOver, TakeError>) -> anyhow::Result<()> {
        let taken = match result {
            Ok(taken) => taken,
            Err(TakeError::Fatal(why)) => anyhow::bail!(why),
            Err(why) => {
                tracing::warn!(worker = self.parts.index, "partitions not taken: {why}");
                self.phase = Phase::Overdue { since: Instant::now() };
                return Ok(());
            }
        };
        if self.assignment.is_none() {
            self.phase = Phase::Idle;
            return Ok(());
        }
        for stopped in taken.stopped {
            let pipeline = &self.parts.config.pipeline.name;
            tracing::error!(pipeline, partition = %stopped.partition, "stopped: {}", stopped.why);
            self.parts.catalog.hold_directory(stopped.partition, &stopped.why);
            self.parts.status.stopped(self.parts.index, stopped.partition, stopped.why);
        }
        self.allowed(&[Side::Group, Side::Letters]);
        self.pending.restart(&taken.stands);
        let mut at = Vec::new();
        for stand in &taken.stands {
            self.bench.windows.take_watermark(stand.partition, stand.watermark, now_ms());
            self.parts.catalog.release_directory(stand.partition);
            self.parts.status.taken(self.parts.index, stand.partition, stand.next);
            self.parts.status.watermark(stand.partition, self.bench.windows.watermark(stand.partition));
            at.push((stand.partition, stand.next));
        }
        fault::pass("worker.taken");
        self.source.assign(&at)?;
        fault::pass("worker.reading");
        self.phase = Phase::Running;
        // The first step comes early: at a start, and after a crash, people wait for it.
        let interval = self.parts.config.checkpoint.interval;
        let now = Instant::now();
        self.last_step = now.checked_sub(interval.saturating_sub(FIRST_STEP)).unwrap_or(now);
        Ok(())
    }

    /// Forgets the partitions and everything about them that is not in the store.
    pub(super) fn let_go(&mut self) {
        if let Phase::Taking { cancel, .. } = &self.phase {
            cancel.cancel();
        }
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
        }
        self.phase = Phase::Idle;
        for partition in self.assignment.take().into_iter().flat_map(|assignment| assignment.partitions) {
            self.parts.catalog.release_directory(partition);
        }
        self.forget();
        self.parts.status.let_go(self.parts.index);
        self.overflow.let_go(&self.parts.status);
        self.membership.left(Instant::now());
        self.parts.status.waits(self.parts.index, None);
    }
}
