//! Kafka as the checkpoint sees it: a worker's consumer for offsets, its transactional producer for letters.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint::{Bounds, Broker, NotYet, Unpublished};
use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};
use crate::outbox::{PublishError, Publisher};
use crate::source::{GroupMetadata, Reader};

/// See the module.
pub(super) struct KafkaBroker {
    pub(super) reader: Reader,
    pub(super) publisher: Publisher,
}

#[async_trait]
impl Broker for KafkaBroker {
    type Metadata = Arc<GroupMetadata>;

    async fn committed(&self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Option<Offset>>, NotYet> {
        let known = self.reader.committed(partitions).await.map_err(|why| NotYet(why.to_string()))?;
        Ok(known.into_iter().collect())
    }

    async fn bounds(&self, partitions: &[Partition]) -> Result<Bounds, NotYet> {
        let known = self.reader.bounds(partitions).await.map_err(|why| NotYet(why.to_string()))?;
        Ok(known.into_iter().map(|(partition, low, high)| (partition, (low, high))).collect())
    }

    async fn commit_initial(&self, at: &[(Partition, Offset)]) -> Result<(), NotYet> {
        self.reader.commit(at).await.map_err(|why| NotYet(why.to_string()))
    }

    async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        metadata: &Self::Metadata,
    ) -> Result<(), Unpublished> {
        self.publisher.publish(outbox, from, offsets, metadata).await.map_err(|why| match why {
            PublishError::Abortable(why) => Unpublished::Aborted(why),
            PublishError::Group(why) => Unpublished::Group(why),
            PublishError::Unknown(why) => Unpublished::Unknown(why),
            why => Unpublished::Refused(why.to_string()),
        })
    }

    async fn resolve_in_doubt(&mut self) -> Result<(), NotYet> {
        self.publisher.resolve_in_doubt().await.map_err(|why| NotYet(why.to_string()))
    }
}
