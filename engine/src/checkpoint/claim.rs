//! Claims partitions: start, rebalance and recovery are this one routine (docs/protocol.md#claiming-partitions). The
//! caller has ended the worker's older checkpoint task before; nothing is consumed before all of it is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backoff::{Awaited, Backoff, Cancelled, TaskHandle};
use super::broker::{Broker, Unpublished};
use super::broker_queries::{bounds, committed, resolve_in_doubt};
use super::consistency::{contradiction, damaged, outside};
use crate::config::Start;
use crate::fault;
use crate::model::checkpoint::Claimed;
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::store::{CheckpointStore, StoreError};

/// A partition that is ours and ready to be consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The partition.
    pub partition: Partition,
    /// Epoch: the fencing token under which it was claimed.
    pub epoch: u64,
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

/// What a claim yields.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClaimResult {
    /// Partitions to be consumed, each from `next`.
    pub resume_points: Vec<ResumePoint>,
    /// Partitions that must not be consumed.
    pub stopped: Vec<Stopped>,
}

/// Why nothing was claimed.
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

/// Claims these partitions: their epoch in the store is ours, every letter before N is in Kafka, and K = N.
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
    handle: &TaskHandle,
) -> Result<ClaimResult, ClaimError> {
    if partitions.is_empty() {
        return Ok(ClaimResult::default());
    }
    resolve_in_doubt(broker, handle).await?;
    fault::pass("take.settled");
    let mut backoff = Backoff::new(Awaited::Store, handle);
    let claimed = loop {
        let mut claimed = own(store, partitions, handle).await?;
        fault::pass("take.owned");
        match begin_unseen(store, broker, &mut claimed, start, handle).await? {
            Ok(()) => break claimed,
            // At a first start workers join one after the other, and a claim for the assignment before may come last. The
            // group gave the partitions to us: waiting for it to move on would be waiting for nothing.
            Err(fenced) => backoff.wait("storing a first position", &fenced).await?,
        }
    };
    fault::pass("take.begun");
    let mut backoff = Backoff::new(Awaited::Producer, handle);
    loop {
        let known = committed(broker, partitions, handle).await?;
        let (ready, stopped) = examine(broker, &claimed, &known, handle).await?;
        fault::pass("take.known");
        match replay(broker, &ready, metadata).await {
            Ok(()) => {
                fault::pass("take.replayed");
                commit_initial_if_absent(broker, &ready, handle).await?;
                mark_published(store, &ready, handle).await?;
                fault::pass("take.marked");
                return Ok(ClaimResult {
                    resume_points: ready.into_iter().map(|(claimed, _)| resume_point(claimed)).collect(),
                    stopped,
                });
            }
            Err(Unpublished::Group(why)) => return Err(ClaimError::Group(why)),
            Err(why) => {
                // K decides what of it went through, so everything is read anew.
                while let Err(why) = broker.resolve_in_doubt().await {
                    backoff.wait("ending the producer's open transaction", &why).await?;
                }
                backoff.wait("publishing what the outbox holds", &why).await?;
            }
        }
    }
}

fn resume_point(claimed: &Claimed) -> ResumePoint {
    ResumePoint {
        partition: claimed.partition,
        epoch: claimed.epoch,
        next: claimed.next_offset.expect("begin_unseen gave every partition a position or an error"),
        watermark: claimed.watermark,
        revision: claimed.revision,
        // Without an offset in the group, or with one below it, the partition would have been stopped.
        agrees: claimed.published.is_some(),
    }
}

async fn own(
    store: &dyn CheckpointStore,
    partitions: &[Partition],
    handle: &TaskHandle,
) -> Result<Vec<Claimed>, ClaimError> {
    let mut backoff = Backoff::new(Awaited::Store, handle);
    loop {
        match store.take(partitions).await {
            Ok(claimed) => return Ok(claimed),
            Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
            // A lost answer may have raised the epoch; claiming again only raises it further.
            Err(why) => backoff.wait("claiming partitions in the store", &why).await?,
        }
    }
}

/// Gives a partition that the store never saw its position. The position is stored before K is committed, and
/// `published` only after both: a crash in between finds N without `published`, and commits K then. The inner error: another
/// worker took one meanwhile.
async fn begin_unseen<B: Broker>(
    store: &dyn CheckpointStore,
    broker: &B,
    claimed: &mut [Claimed],
    start: Start,
    handle: &TaskHandle,
) -> Result<Result<(), StoreError>, ClaimError> {
    let unseen: Vec<Partition> =
        claimed.iter().filter(|claimed| claimed.next_offset.is_none()).map(|claimed| claimed.partition).collect();
    if unseen.is_empty() {
        return Ok(Ok(()));
    }
    let known = committed(broker, &unseen, handle).await?;
    let bounds = bounds(broker, &unseen, handle).await?;
    for claimed in claimed.iter_mut().filter(|claimed| claimed.next_offset.is_none()) {
        // With K > 0 and no position the store lost its data, or another pipeline uses the group: `examine` stops it.
        // K = 0 is none: somebody may have committed the start of an empty log without reading anything.
        if known.get(&claimed.partition).copied().flatten().is_some_and(|k| k.0 > 0) {
            continue;
        }
        let (low, high) = bounds[&claimed.partition];
        let at = match start {
            Start::Earliest => low,
            Start::Latest => high,
        };
        let mut backoff = Backoff::new(Awaited::Store, handle);
        loop {
            match store.begin(claimed.partition, claimed.epoch, at).await {
                Ok(()) => break,
                Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
                Err(fenced @ StoreError::Fenced(_)) => return Ok(Err(fenced)),
                Err(why) => backoff.wait("storing a first position", &why).await?,
            }
        }
        claimed.next_offset = Some(at);
    }
    Ok(Ok(()))
}

/// Sorts out the partitions that must stop (docs/protocol.md#what-stops-a-partition); the others come with their K, if
/// there is one.
async fn examine<'t, B: Broker>(
    broker: &B,
    claimed: &'t [Claimed],
    known: &BTreeMap<Partition, Option<Offset>>,
    handle: &TaskHandle,
) -> Result<(Vec<(&'t Claimed, Option<Offset>)>, Vec<Stopped>), ClaimError> {
    let (mut ready, mut stopped) = (Vec::new(), Vec::new());
    let partitions: Vec<_> = claimed.iter().map(|claimed| claimed.partition).collect();
    let bounds = bounds(broker, &partitions, handle).await?;
    for claimed in claimed {
        let k = known.get(&claimed.partition).copied().flatten();
        // What the group says is in Kafka is not read again, damaged or not.
        let unread = || (k < claimed.next_offset).then(|| damaged(claimed)).flatten();
        let verdict = match (claimed.next_offset, contradiction(claimed, k).or_else(unread)) {
            (_, Some(why)) => Err(why),
            (None, None) => Err("the store has no position for it".to_owned()),
            (Some(n), None) => {
                let (low, high) = bounds[&claimed.partition];
                if n < low || n > high { Err(outside(n, low, high)) } else { Ok(()) }
            }
        };
        match verdict {
            Ok(()) => ready.push((claimed, k)),
            Err(why) => stopped.push(Stopped { partition: claimed.partition, why }),
        }
    }
    Ok((ready, stopped))
}

/// One Kafka transaction for all letters between K and N. It also commits the first K of a partition: a plain commit
/// carries whatever generation the consumer is in by then, so a zombie's would set back the K of whoever came after it.
async fn replay<B: Broker>(
    broker: &mut B,
    ready: &[(&Claimed, Option<Offset>)],
    metadata: &B::Metadata,
) -> Result<(), Unpublished> {
    let behind: Vec<_> = ready.iter().filter(|(claimed, k)| *k < claimed.next_offset).collect();
    if behind.is_empty() {
        return Ok(());
    }
    let outbox: Arc<[_]> = behind.iter().flat_map(|(claimed, _)| claimed.outbox.iter().cloned()).collect();
    let from = behind.iter().filter_map(|(claimed, k)| Some((claimed.partition, (*k)?))).collect();
    let offsets: Vec<_> =
        behind.iter().filter_map(|(claimed, _)| Some((claimed.partition, claimed.next_offset?))).collect();
    tracing::info!(partitions = offsets.len(), chunks = outbox.len(), "publishing what the outbox holds");
    broker.publish(&outbox, &from, &offsets, metadata).await
}

/// The in-process cluster of `weir demo` keeps no offsets of transactions: there, and nowhere else, K is still absent.
async fn commit_initial_if_absent<B: Broker>(
    broker: &B,
    ready: &[(&Claimed, Option<Offset>)],
    handle: &TaskHandle,
) -> Result<(), ClaimError> {
    let first: Vec<_> = ready.iter().filter(|(_, k)| k.is_none()).map(|(claimed, _)| claimed.partition).collect();
    if first.is_empty() {
        return Ok(());
    }
    let known = committed(broker, &first, handle).await?;
    for (claimed, _) in ready.iter().filter(|(claimed, _)| known.get(&claimed.partition) == Some(&None)) {
        let at = claimed.next_offset.expect("begin_unseen gave every partition a position or an error");
        let mut backoff = Backoff::new(Awaited::Consumer, handle);
        while let Err(why) = broker.commit_initial(&[(claimed.partition, at)]).await {
            backoff.wait("committing a first offset", &why).await?;
        }
    }
    Ok(())
}

async fn mark_published(
    store: &dyn CheckpointStore,
    ready: &[(&Claimed, Option<Offset>)],
    handle: &TaskHandle,
) -> Result<(), ClaimError> {
    let upto: Vec<_> = ready
        .iter()
        .filter_map(|(claimed, _)| Some((claimed.partition, claimed.epoch, claimed.next_offset?)))
        .collect();
    let mut backoff = Backoff::new(Awaited::Store, handle);
    loop {
        match store.published(&upto).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Fatal(why)) => return Err(ClaimError::Fatal(why)),
            Err(why) => backoff.wait("clearing the outbox", &why).await?,
        }
    }
}
