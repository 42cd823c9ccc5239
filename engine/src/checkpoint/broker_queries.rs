//! What Kafka is asked until it answers, or until the caller gives up.

use std::collections::BTreeMap;

use super::backoff::{Backoff, Cancel, Cancelled};
use super::broker::{Bounds, Broker};
use crate::model::ids::{Offset, Partition};

/// After it nothing of ours is undecided.
pub(super) async fn settled<B: Broker>(broker: &mut B, cancel: &Cancel) -> Result<(), Cancelled> {
    let mut backoff = Backoff::new(cancel);
    while let Err(why) = broker.settle().await {
        backoff.wait("settling the producer", &why).await?;
    }
    Ok(())
}

/// K of each.
pub(super) async fn committed<B: Broker>(
    broker: &B,
    partitions: &[Partition],
    cancel: &Cancel,
) -> Result<BTreeMap<Partition, Option<Offset>>, Cancelled> {
    let mut backoff = Backoff::new(cancel);
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
    cancel: &Cancel,
) -> Result<Bounds, Cancelled> {
    let mut backoff = Backoff::new(cancel);
    loop {
        match broker.bounds(partitions).await {
            Ok(bounds) => return Ok(bounds),
            Err(why) => backoff.wait("reading the bounds of the logs", &why).await?,
        }
    }
}
