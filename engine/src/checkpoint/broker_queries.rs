//! What Kafka is asked until it answers, or until the caller gives up.

use std::collections::BTreeMap;

use super::backoff::{Awaited, Backoff, Cancelled, TaskHandle};
use super::broker::{Bounds, Broker};
use crate::model::ids::{Offset, Partition};

/// Ends what the producer has open, or finds out what became of it: after it nothing of ours is undecided.
pub(super) async fn resolve_in_doubt<B: Broker>(broker: &mut B, handle: &TaskHandle) -> Result<(), Cancelled> {
    let mut backoff = Backoff::new(Awaited::Producer, handle);
    while let Err(why) = broker.resolve_in_doubt().await {
        backoff.wait("ending the producer's open transaction", &why).await?;
    }
    Ok(())
}

/// K of each partition; None: the group has none.
pub(super) async fn committed<B: Broker>(
    broker: &B,
    partitions: &[Partition],
    handle: &TaskHandle,
) -> Result<BTreeMap<Partition, Option<Offset>>, Cancelled> {
    let mut backoff = Backoff::new(Awaited::Consumer, handle);
    loop {
        match broker.committed(partitions).await {
            Ok(known) => return Ok(known),
            Err(why) => backoff.wait("reading the group's offsets", &why).await?,
        }
    }
}

/// The first offset in each log and the one past the last; waits until Kafka answers.
pub(super) async fn bounds<B: Broker>(
    broker: &B,
    partitions: &[Partition],
    handle: &TaskHandle,
) -> Result<Bounds, Cancelled> {
    let mut backoff = Backoff::new(Awaited::Consumer, handle);
    loop {
        match broker.bounds(partitions).await {
            Ok(bounds) => return Ok(bounds),
            Err(why) => backoff.wait("reading the bounds of the logs", &why).await?,
        }
    }
}
