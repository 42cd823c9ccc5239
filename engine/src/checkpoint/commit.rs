//! Commits a checkpoint: the database transaction, then the Kafka transaction. Each half may be tried again; what is in
//! doubt is asked, never guessed (docs/protocol.md#when-a-checkpoint-fails).

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::backoff::{Awaited, Backoff, Cancelled, TaskHandle};
use super::broker::{Broker, Unpublished};
use super::broker_queries::{committed, resolve_in_doubt};
use super::phases::Phase;
use crate::fault;
use crate::model::checkpoint::Checkpoint;
use crate::model::ids::{Offset, Partition};
use crate::model::store::{CheckpointStore, Outcome, StoreError};

/// Why a checkpoint failed. Whatever it was: all uncommitted state of the worker goes, and its partitions are claimed anew.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Another worker took a partition; nothing of the checkpoint is in the store.
    #[error("fenced: partition {0} was taken by another worker")]
    Fenced(Partition),
    /// The group has no offset of the partition any more, which every claimed partition has: the topic was deleted, or the
    /// group's offsets were. The checkpoint is in the store if the offset went only after its database transaction;
    /// claiming the partitions anew finds out what is left.
    #[error("the group's offset of partition {0} is gone")]
    Forgotten(Partition),
    /// The checkpoint is in the store, its letters stay in the outbox: the group moved on.
    #[error("{0}")]
    Group(String),
    /// The caller gave up; what is in the store is replayed by whoever claims the partitions.
    #[error("given up")]
    Cancelled,
    /// Trying again does not help.
    #[error("{0}")]
    Fatal(String),
}

impl From<Cancelled> for Failed {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// Moves the checkpoint through both sides. `cleared`: what the checkpoint before published, whose outbox rows may go now.
///
/// # Errors
/// [`Failed`]: a partition is another worker's by now, the caller gave up, or trying again does not help. Outages are waited for.
pub async fn commit<B: Broker>(
    store: &dyn CheckpointStore,
    broker: &mut B,
    checkpoint: &Checkpoint,
    cleared: &[(Partition, u64, Offset)],
    metadata: &B::Metadata,
    handle: &TaskHandle,
) -> Result<(), Failed> {
    timed(Phase::Clear, handle, clear(store, cleared, handle)).await?;
    fault::pass("checkpoint.cleared");
    timed(Phase::Offsets, handle, remembered(broker, checkpoint, handle)).await?;
    timed(Phase::Database, handle, commit_to_store(store, checkpoint, handle)).await?;
    fault::pass("checkpoint.committed");
    timed(Phase::Kafka, handle, publish(broker, checkpoint, metadata, handle)).await?;
    fault::pass("checkpoint.published");
    Ok(())
}

/// Waits for a phase, and records how long it took, whatever its outcome: an outage shows as a phase that took its time.
async fn timed<T>(phase: Phase, handle: &TaskHandle, running: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let outcome = running.await;
    let took = began.elapsed();
    metrics::histogram!("weir_checkpoint_phase_seconds", "phase" => phase.word()).record(took.as_secs_f64());
    handle.ended(phase, took);
    outcome
}

async fn clear(
    store: &dyn CheckpointStore,
    cleared: &[(Partition, u64, Offset)],
    handle: &TaskHandle,
) -> Result<(), Failed> {
    let mut backoff = Backoff::new(Awaited::Store, handle);
    while !cleared.is_empty() {
        match store.published(cleared).await {
            Ok(()) => break,
            Err(StoreError::Fatal(why)) => return Err(Failed::Fatal(why)),
            Err(why) => backoff.wait("clearing the outbox", &why).await?,
        }
    }
    Ok(())
}

/// A topic that is deleted and made again under its name is read on by Kafka's client, from the old offset if the new log
/// has it. The broker deletes K with the topic, so what was read since is told by it, before any of it counts.
async fn remembered<B: Broker>(broker: &B, checkpoint: &Checkpoint, handle: &TaskHandle) -> Result<(), Failed> {
    let partitions: Vec<_> = checkpoint.partitions.iter().map(|part| part.partition).collect();
    let known = committed(broker, &partitions, handle).await?;
    match partitions.iter().find(|partition| known.get(partition) == Some(&None)) {
        None => Ok(()),
        Some(partition) => Err(Failed::Forgotten(*partition)),
    }
}

async fn commit_to_store(
    store: &dyn CheckpointStore,
    checkpoint: &Checkpoint,
    handle: &TaskHandle,
) -> Result<(), Failed> {
    let mut backoff = Backoff::new(Awaited::Store, handle);
    loop {
        match store.commit(checkpoint).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Fenced(partition)) => return Err(Failed::Fenced(partition)),
            Err(StoreError::Unknown(why)) => match outcome(store, checkpoint, &why, handle).await? {
                Outcome::Committed => return Ok(()),
                Outcome::NotCommitted => {}
            },
            Err(why @ StoreError::Unavailable(_)) => backoff.wait("committing a checkpoint", &why).await?,
            Err(why) => return Err(Failed::Fatal(why.to_string())),
        }
    }
}

async fn outcome(
    store: &dyn CheckpointStore,
    checkpoint: &Checkpoint,
    why: &str,
    handle: &TaskHandle,
) -> Result<Outcome, Failed> {
    let mut backoff = Backoff::new(Awaited::Store, handle);
    backoff.wait("a COMMIT was not answered", &why).await?;
    loop {
        match store.outcome(checkpoint).await {
            Ok(outcome) => return Ok(outcome),
            Err(StoreError::Fenced(partition)) => return Err(Failed::Fenced(partition)),
            // Fatal too: while it is not known, nobody may act as if the checkpoint were not there.
            Err(why) => backoff.wait("asking what became of a COMMIT", &why).await?,
        }
    }
}

async fn publish<B: Broker>(
    broker: &mut B,
    checkpoint: &Checkpoint,
    metadata: &B::Metadata,
    handle: &TaskHandle,
) -> Result<(), Failed> {
    let from: BTreeMap<_, _> = checkpoint.partitions.iter().map(|p| (p.partition, p.from)).collect();
    let offsets: Vec<_> = checkpoint.partitions.iter().map(|p| (p.partition, p.to)).collect();
    let mut backoff = Backoff::new(Awaited::Producer, handle);
    loop {
        match broker.publish(&checkpoint.outbox, &from, &offsets, metadata).await {
            Ok(()) => return Ok(()),
            Err(Unpublished::Group(why)) => return Err(Failed::Group(why)),
            Err(why @ (Unpublished::Aborted(_) | Unpublished::Refused(_))) => {
                backoff.wait("publishing dead letters and offsets", &why).await?;
                remembered(broker, checkpoint, handle).await?;
            }
            Err(why @ Unpublished::Unknown(_)) => {
                backoff.wait("publishing dead letters and offsets", &why).await?;
                if went_through(broker, &offsets, handle).await? {
                    return Ok(());
                }
                remembered(broker, checkpoint, handle).await?;
            }
        }
    }
}

/// Asks K, after nothing of ours is in doubt. All partitions of a transaction are at the checkpoint's end, or none does.
async fn went_through<B: Broker>(
    broker: &mut B,
    offsets: &[(Partition, Offset)],
    handle: &TaskHandle,
) -> Result<bool, Failed> {
    resolve_in_doubt(broker, handle).await?;
    fault::pass("checkpoint.doubt");
    let partitions: Vec<_> = offsets.iter().map(|(partition, _)| *partition).collect();
    let known = committed(broker, &partitions, handle).await?;
    Ok(offsets.iter().all(|(partition, to)| known.get(partition).copied().flatten() == Some(*to)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_phase_is_timed_by_the_clock_that_a_simulation_moves() {
        let (handle, hour) = (TaskHandle::default(), Duration::from_secs(3_600));
        timed(Phase::Database, &handle, tokio::time::sleep(hour)).await;
        let phases = handle.phases();
        assert_eq!((phases.of(Phase::Database), phases.of(Phase::Kafka)), (hour, Duration::ZERO));
    }
}
