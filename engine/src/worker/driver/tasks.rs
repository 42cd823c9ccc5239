//! What the machine asks for and what takes time: claims and checkpoints run beside the loop on tokio, one of either at most,
//! and their ends are events. Letting the partitions go waits for them.

use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument, Span};

use super::{Worker, numbers};
use crate::checkpoint::{ClaimError, ClaimResult, Failed, Phase, TaskHandle, commit};
use crate::clock::now_ms;
use crate::model::checkpoint::Checkpoint;
use crate::model::ids::Partition;
use crate::source;
use crate::status::{EndedCheckpoint, Side};
use crate::worker::machine::{Action, Event, Panicked, PublishedRows, Token};

use super::Metadata;

/// Longest sleep of a drain between two looks when there is no task to wait for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A claim that is under way.
pub(super) struct ClaimTask {
    claim: Token,
    task: JoinHandle<Result<ClaimResult, ClaimError>>,
    pub(super) handle: TaskHandle,
}

/// A checkpoint that is under way.
pub(super) struct CheckpointTask {
    checkpoint: Token,
    task: JoinHandle<Result<(), Failed>>,
    pub(super) handle: TaskHandle,
    pub(super) started: Instant,
    /// Partitions that it moves, and by how many offsets together.
    moves: (usize, i64),
    /// What its lines in the log have in common.
    span: Span,
}

impl Worker {
    /// Tells the machine, and does what it asks for.
    pub(super) fn feed(&mut self, event: Event<Metadata>) -> anyhow::Result<()> {
        let mut actions = std::mem::take(&mut self.actions);
        self.machine.on(event, Instant::now(), &mut actions);
        let result = actions.drain(..).try_for_each(|action| self.perform(action));
        self.actions = actions;
        result
    }

    fn perform(&mut self, action: Action<Metadata>) -> anyhow::Result<()> {
        let index = self.parts.index;
        match action {
            Action::Claiming(partitions) => self.parts.status.partitions.claiming(index, &partitions),
            Action::Claim { claim, partitions, metadata } => self.start_claim(claim, partitions, metadata),
            // Its task ends by itself; whoever claims next waits for the broker that it holds.
            Action::AbandonClaim => {
                if let Some(claim) = self.claim.take() {
                    claim.handle.cancel();
                }
            }
            Action::NotClaimed(why) => tracing::warn!("partitions not taken: {why}"),
            Action::Resume(claimed) => self.resume(claimed)?,
            Action::Checkpoint { checkpoint, content, cleared, metadata, once } => {
                let handle = if once { TaskHandle::cancelled() } else { TaskHandle::default() };
                self.start_checkpoint(checkpoint, content, cleared, metadata, handle);
            }
            Action::CancelCheckpoint => self.cancel_checkpoint(),
            Action::AbandonCheckpoint => {
                if let Some(checkpoint) = &self.checkpoint {
                    checkpoint.span.in_scope(|| tracing::warn!("a checkpoint was abandoned: not through in time"));
                }
                self.cancel_checkpoint();
            }
            Action::Committed(rows) => {
                self.allowed(&[Side::Group, Side::Letters]);
                for (partition, _, next) in rows {
                    self.parts.status.partitions.committed(index, partition, next);
                }
            }
            Action::ClearOutbox { rows, .. } => self.clearing = Some(rows),
            Action::ClearWindows => self.processor.windows.clear(),
            Action::DropBacklog => self.backlog = None,
            Action::LetGo(then) => self.let_go(then)?,
            Action::Probe => {
                let config = self.parts.config.clone();
                let probe = move || source::answers(&config.source).map_err(|why| why.to_string());
                self.probe = Some(self.parts.tokio.spawn_blocking(probe));
            }
            Action::Away(why) => self.parts.status.members.outside_for(index, format!("Kafka does not answer: {why}")),
            Action::Fail(why) => anyhow::bail!(why),
        }
        Ok(())
    }

    /// Tells the machine of the tasks that are over. To be called in every round of the loop.
    pub(super) fn serve_tasks(&mut self) -> anyhow::Result<()> {
        if let Some(probe) = self.probe.take_if(|probe| probe.is_finished()) {
            let answer = self.parts.tokio.block_on(probe).unwrap_or_else(|why| Err(why.to_string()));
            self.feed(Event::Probed(answer))?;
        }
        if let Some(ClaimTask { claim, task, .. }) = self.claim.take_if(|claim| claim.task.is_finished()) {
            let result = self.parts.tokio.block_on(task).map_err(|why| Panicked(why.to_string()));
            self.feed(Event::ClaimEnded { claim, result })?;
        }
        if let Some(mut checkpoint) = self.checkpoint.take_if(|checkpoint| checkpoint.task.is_finished()) {
            let result = self.parts.tokio.block_on(&mut checkpoint.task);
            self.checkpoint_ended(&checkpoint, result)?;
        }
        Ok(())
    }

    /// Waits for the checkpoints of a revoke or a stop, until the machine has let the partitions go.
    pub(super) fn drain(&mut self) -> anyhow::Result<()> {
        while let Some(until) = self.machine.draining() {
            let left = until.saturating_duration_since(Instant::now());
            if let Some(rows) = self.clearing.take() {
                let store = self.parts.store.clone();
                let _ = self.parts.tokio.block_on(async { tokio::time::timeout(left, store.published(&rows)).await });
                self.feed(Event::OutboxCleared)?;
            } else if let Some(mut checkpoint) = self.checkpoint.take() {
                let task = &mut checkpoint.task;
                match self.parts.tokio.block_on(async { tokio::time::timeout(left, task).await }) {
                    Ok(result) => self.checkpoint_ended(&checkpoint, result)?,
                    Err(_) => {
                        self.checkpoint = Some(checkpoint);
                        self.tick()?;
                    }
                }
            } else {
                std::thread::sleep(left.min(LOOK_EVERY));
                self.tick()?;
            }
        }
        Ok(())
    }

    /// Tells the machine the time.
    pub(super) fn tick(&mut self) -> anyhow::Result<()> {
        self.feed(Event::Tick { groups: self.processor.windows.len() })
    }

    fn start_claim(&mut self, claim: Token, partitions: Vec<Partition>, metadata: Metadata) {
        let (store, broker) = (self.parts.store.clone(), self.broker.clone());
        let (start, handle) = (self.parts.config.source.start, TaskHandle::default());
        let given_up = handle.clone();
        let span = tracing::error_span!("claim", partitions = ?numbers(&partitions));
        let claiming = async move {
            let mut broker = broker.lock().await;
            let result =
                crate::checkpoint::claim(&*store, &mut *broker, &partitions, start, &metadata, &given_up).await;
            // An empty share that is the last word.
            if partitions.is_empty() && !given_up.is_cancelled() {
                broker.publisher.close_idle().await;
            }
            result
        };
        let task = self.parts.tokio.spawn(claiming.instrument(span));
        self.claim = Some(ClaimTask { claim, task, handle });
    }

    fn start_checkpoint(
        &mut self,
        checkpoint: Token,
        mut content: Checkpoint,
        cleared: Vec<PublishedRows>,
        metadata: Metadata,
        handle: TaskHandle,
    ) {
        let windows = &mut self.processor.windows;
        content.windows = windows.drain();
        self.overflow.drained(windows, &self.parts.config, &self.parts.status);
        for part in &mut content.partitions {
            part.watermark = windows.watermark(part.partition);
        }
        let (store, broker, given_up) = (self.parts.store.clone(), self.broker.clone(), handle.clone());
        let partitions: Vec<_> = content.partitions.iter().map(|part| part.partition).collect();
        let moves = (partitions.len(), content.partitions.iter().map(|part| part.to.0 - part.from.0).sum());
        let span = tracing::error_span!("checkpoint", partitions = ?numbers(&partitions));
        let committing = async move {
            let mut broker = broker.lock().await;
            commit(&*store, &mut *broker, &content, &cleared, &metadata, &given_up).await
        };
        let task = self.parts.tokio.spawn(committing.instrument(span.clone()));
        self.checkpoint = Some(CheckpointTask { checkpoint, task, handle, started: Instant::now(), moves, span });
    }

    fn cancel_checkpoint(&self) {
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.handle.cancel();
        }
    }

    /// Counts a checkpoint's end and tells the machine.
    fn checkpoint_ended(
        &mut self,
        ended: &CheckpointTask,
        result: Result<Result<(), Failed>, JoinError>,
    ) -> anyhow::Result<()> {
        let took = ended.started.elapsed();
        metrics::histogram!("weir_checkpoint_seconds").record(took.as_secs_f64());
        let outcome = match &result {
            Ok(Ok(())) => "committed",
            Ok(Err(Failed::Fenced(_))) => "fenced",
            _ => "failed",
        };
        metrics::counter!("weir_checkpoints_total", "outcome" => outcome).increment(1);
        if outcome == "fenced" {
            metrics::counter!("weir_fenced_checkpoints_total").increment(1);
        }
        let (phases, (partitions, offsets)) = (ended.handle.phases(), ended.moves);
        let [clear, group_offsets, database, kafka] =
            [Phase::Clear, Phase::Offsets, Phase::Database, Phase::Kafka].map(|phase| phases.of(phase));
        self.parts.status.checkpoints.add(EndedCheckpoint {
            id: 0,
            at: now_ms(),
            worker: self.parts.index,
            outcome,
            took,
            clear,
            group_offsets,
            database,
            kafka,
            partitions,
            offsets,
        });
        match &result {
            // The machine ends the worker with it.
            Ok(Ok(()) | Err(Failed::Fatal(_))) | Err(_) => {}
            Ok(Err(why)) => ended.span.in_scope(|| tracing::warn!("{why}")),
        }
        let result = result.map_err(|why| Panicked(why.to_string()));
        self.feed(Event::CheckpointEnded { checkpoint: ended.checkpoint, result })
    }
}
