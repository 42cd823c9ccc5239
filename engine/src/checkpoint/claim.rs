//! Taking partitions: start, rebalance and recovery are this one routine (docs/protocol.md#claiming-partitions). The
//! caller has ended the worker's older checkpoint task before; nothing is consumed before all of it is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backoff::{Backoff, Cancel, Cancelled};
use super::broker::{Broker, Unpublished};
use super::broker_queries::{bounds, committed, settled};
use super::consistency::{contradiction, damaged, outside};
use crate::config::Start;
use crate::fault;
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::step::Taken;
use crate::model::store::{CheckpointStore, StoreError};

/// A partition that is ours and ready to be consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The partition.
    pub partition: Partition,
    /// Epoch: the fencing token under which it was claimed.
    pub owner: u64,
    /// N: where to read on.
    pub next: Offset,
    /// Watermark at N.
    pub watermark: Option<i64>,
    /// The newest activation that is recorded.
    pub revision: Option<Revision>,
    /// Whether the group's offset, committed at an earlier claim, agrees with the store: the partition is the one that the
    /// store knows, and not another cluster's.
    pub agrees: bool,
}

/// A partition that must not be consumed until an operator has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The partition.
    pub partition: Partition,
    /// The figures, and the ways out.
    pub why: String,
}

/// What taking came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClaimResult {
    /// Partitions to be consumed, each from `next`.
    pub stands: Vec<ResumePoint>,
    /// Partitions that must not be consumed.
    pub stopped: Vec<Stopped>,
}

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The caller gave up.
    #[error("given up")]
    Cancelled,
    /// The group moved on: a new assignment is on its way.
    #[error("{0}")]
    Group(String),
    /// Trying again does not help.
    #[error("{0}")]
    Fatal(String),
}

impl From<Cancelled> for ClaimError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// Takes these partitions: our owner number in the store, every letter before N in Kafka, K = N.
///
/// # Errors
/// [`ClaimError`]: the caller gave up, the group moved on, or trying again does not help. Nothing is consumed then. Outages of the
/// store and of Kafka are waited for.
pub async fn claim<B: Broker>(
    store: &dyn CheckpointStore,
    broker: &mut B,
    partitions: &[Partition],
    start: Start,
    metadata: &B::Metadata,
    cancel: &Cancel,
) -> Result<ClaimResult, ClaimError> {
    if partitions.is_empty() {
        return Ok(ClaimResult::default());
    }
    settled(broker, cancel).await?;
    fault::pass("take.settled");
    let mut backoff = Backoff::new(cancel);
    let taken = loop {
        let mut taken = own(store, partitions, cancel).await?;
        fault::pass("take.owned");
        match begin_unseen(store, broker, &mut taken, start, cancel).await? {
            Ok(()) => break taken,
            // At a first start workers join one after the other, and a take for the assignment before may come last. The
            // group gave the partitions to us: waiting for it to move on would be waiting for nothing.
            Err(fenced) => backoff.wait("storing a first position", &fenced).await?,
        }
    };
    fault::pass("take.begun");
    let mut backoff = Backoff::new(cancel);
    loop {
        let known = committed(broker, partitions, cancel).await?;
        let (ready, stopped) = examine(broker, &taken, &known, cancel).await?;
        fault::pass("take.known");
        match replay(broker, &ready, metadata).await {
            Ok(()) => {
                fault::pass("take.replayed");
                found_if_absent(broker, &ready, cancel).await?;
                mark_published(store, &ready, cancel).await?;
                fault::pass("take.marked");
                return Ok(ClaimResult { stands: ready.into_iter().map(|(taken, _)| stand(taken)).collect(), stopped });
            }
            Err(Unpublished::Group(why)) => return Err(ClaimError::Group(why)),
            Err(why) => {
                // K decides what of it went through, so everything is read anew.
                while let Err(why) = broker.settle().await {
                    backoff.wait("settling the producer", &why).await?;
                }
                backoff.wait("publishing what the outbox holds", &why).await?;
            }
        }
    }
}

fn stand(taken: &Taken) -> ResumePoint {
    ResumePoint {
        partition: taken.partition,
        owner: taken.owner,
        next: taken.next_offset.expect("begin_unseen gave every partition a position or an error"),
        watermark: taken.watermark,
        revision: taken.revision,
        // Without an offset in the group, or with one below it, the partition would have been stopped.
        agrees: taken.published.is_some(),
    }
}

async fn own(store: &dyn CheckpointStore, partitions: &[Partition], cancel: &Cancel) -> Result<Vec<Taken>, ClaimError> {
    let mut backoff = Backoff::new(cancel);
    loop {
        match store.take(partitions).await {
            Ok(taken) => return Ok(taken),
            Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
            // A lost answer may have moved `owner` on; taking again only moves it further.
            Err(why) => backoff.wait("taking partitions in the store", &why).await?,
        }
    }
}

/// Gives a partition that the store never saw its position. The position is stored before K is committed, and
/// `published` only after both: a crash in between finds N without `published`, and commits K then. The inner error: another
/// worker took one meanwhile.
async fn begin_unseen<B: Broker>(
    store: &dyn CheckpointStore,
    broker: &B,
    taken: &mut [Taken],
    start: Start,
    cancel: &Cancel,
) -> Result<Result<(), StoreError>, ClaimError> {
    let unseen: Vec<Partition> = taken.iter().filter(|t| t.next_offset.is_none()).map(|t| t.partition).collect();
    if unseen.is_empty() {
        return Ok(Ok(()));
    }
    let known = committed(broker, &unseen, cancel).await?;
    let bounds = bounds(broker, &unseen, cancel).await?;
    for taken in taken.iter_mut().filter(|taken| taken.next_offset.is_none()) {
        // With K > 0 and no position the store lost its data, or another pipeline uses the group: `examine` stops it.
        // K = 0 is none: somebody may have committed the start of an empty log without reading anything.
        if known.get(&taken.partition).copied().flatten().is_some_and(|k| k.0 > 0) {
            continue;
        }
        let (low, high) = bounds[&taken.partition];
        let at = match start {
            Start::Earliest => low,
            Start::Latest => high,
        };
        let mut backoff = Backoff::new(cancel);
        loop {
            match store.begin(taken.partition, taken.owner, at).await {
                Ok(()) => break,
                Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
                Err(fenced @ StoreError::Fenced(_)) => return Ok(Err(fenced)),
                Err(why) => backoff.wait("storing a first position", &why).await?,
            }
        }
        taken.next_offset = Some(at);
    }
    Ok(Ok(()))
}

/// Sorts out the partitions that must stop (docs/protocol.md#what-stops-a-partition); the others come with their K, if
/// there is one.
async fn examine<'t, B: Broker>(
    broker: &B,
    taken: &'t [Taken],
    known: &BTreeMap<Partition, Option<Offset>>,
    cancel: &Cancel,
) -> Result<(Vec<(&'t Taken, Option<Offset>)>, Vec<Stopped>), ClaimError> {
    let (mut ready, mut stopped) = (Vec::new(), Vec::new());
    let partitions: Vec<_> = taken.iter().map(|taken| taken.partition).collect();
    let bounds = bounds(broker, &partitions, cancel).await?;
    for taken in taken {
        let k = known.get(&taken.partition).copied().flatten();
        // What the group says is in Kafka is not read again, damaged or not.
        let unread = || (k < taken.next_offset).then(|| damaged(taken)).flatten();
        let verdict = match (taken.next_offset, contradiction(taken, k).or_else(unread)) {
            (_, Some(why)) => Err(why),
            (None, None) => Err("the store has no position for it".to_owned()),
            (Some(n), None) => {
                let (low, high) = bounds[&taken.partition];
                if n < low || n > high { Err(outside(n, low, high)) } else { Ok(()) }
            }
        };
        match verdict {
            Ok(()) => ready.push((taken, k)),
            Err(why) => stopped.push(Stopped { partition: taken.partition, why }),
        }
    }
    Ok((ready, stopped))
}

/// One Kafka transaction for all letters between K and N. It also commits the first K of a partition: a plain commit
/// carries whatever generation the consumer is in by then, so a zombie's would set back the K of whoever came after it.
async fn replay<B: Broker>(
    broker: &mut B,
    ready: &[(&Taken, Option<Offset>)],
    metadata: &B::Metadata,
) -> Result<(), Unpublished> {
    let behind: Vec<_> = ready.iter().filter(|(taken, k)| *k < taken.next_offset).collect();
    if behind.is_empty() {
        return Ok(());
    }
    let outbox: Arc<[_]> = behind.iter().flat_map(|(taken, _)| taken.outbox.iter().cloned()).collect();
    let from = behind.iter().filter_map(|(taken, k)| Some((taken.partition, (*k)?))).collect();
    let offsets: Vec<_> = behind.iter().filter_map(|(taken, _)| Some((taken.partition, taken.next_offset?))).collect();
    tracing::info!(partitions = offsets.len(), chunks = outbox.len(), "publishing what the outbox holds");
    broker.publish(&outbox, &from, &offsets, metadata).await
}

/// The in-process cluster of `weir demo` keeps no offsets of transactions: there, and nowhere else, K is still absent.
async fn found_if_absent<B: Broker>(
    broker: &B,
    ready: &[(&Taken, Option<Offset>)],
    cancel: &Cancel,
) -> Result<(), ClaimError> {
    let first: Vec<_> = ready.iter().filter(|(_, k)| k.is_none()).map(|(taken, _)| taken.partition).collect();
    if first.is_empty() {
        return Ok(());
    }
    let known = committed(broker, &first, cancel).await?;
    for (taken, _) in ready.iter().filter(|(taken, _)| known.get(&taken.partition) == Some(&None)) {
        let at = taken.next_offset.expect("begin_unseen gave every partition a position or an error");
        let mut backoff = Backoff::new(cancel);
        while let Err(why) = broker.found(&[(taken.partition, at)]).await {
            backoff.wait("committing a first offset", &why).await?;
        }
    }
    Ok(())
}

async fn mark_published(
    store: &dyn CheckpointStore,
    ready: &[(&Taken, Option<Offset>)],
    cancel: &Cancel,
) -> Result<(), ClaimError> {
    let upto: Vec<_> =
        ready.iter().filter_map(|(taken, _)| Some((taken.partition, taken.owner, taken.next_offset?))).collect();
    let mut backoff = Backoff::new(cancel);
    loop {
        match store.published(&upto).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
            Err(why) => backoff.wait("clearing the outbox", &why).await?,
        }
    }
}
