//! What Kafka is asked until it answers, or until the caller gives up.

use std::collections::BTreeMap;

use super::broker::{Bounds, Broker};
use super::retry::{Cancel, Cancelled, Patience};
use crate::model::ids::{Offset, Partition};

/// After it nothing of ours is undecided.
pub(super) async fn settled<B: Broker>(broker: &mut B, cancel: &Cancel) -> Result<(), Cancelled> {
    let mut patience = Patience::new(cancel);
    while let Err(why) = broker.settle().await {
        patience.wait("settling the producer", &why).await?;
    }
    Ok(())
}

/// K of each.
pub(super) async fn committed<B: Broker>(
    broker: &B,
    partitions: &[Partition],
    cancel: &Cancel,
) -> Result<BTreeMap<Partition, Option<Offset>>, Cancelled> {
    let mut patience = Patience::new(cancel);
    loop {
        match broker.committed(partitions).await {
            Ok(known) => return Ok(known),
            Err(why) => patience.wait("reading the group's offsets", &why).await?,
        }
    }
}

/// Of each log.
pub(super) async fn bounds<B: Broker>(
    broker: &B,
    partitions: &[Partition],
    cancel: &Cancel,
) -> Result<Bounds, Cancelled> {
    let mut patience = Patience::new(cancel);
    loop {
        match broker.bounds(partitions).await {
            Ok(bounds) => return Ok(bounds),
            Err(why) => patience.wait("reading the bounds of the logs", &why).await?,
        }
    }
}
