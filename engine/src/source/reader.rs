//! The group's offsets and the log's bounds, asked from tokio while the worker's thread goes on. librdkafka blocks, so
//! every question runs on a blocking thread and has a time-out; a time-out means "not known yet".

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::membership::Membership;
use crate::fault::{self, Fault};
use crate::model::ids::{Offset, Partition};

/// How long one question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// No answer within the time-out, or an undecided transaction. Ask again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(String);

impl From<Fault> for NoAnswer {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

/// Reads the group's offsets and the ends of logs, beside a worker's consumer.
#[derive(Clone)]
pub struct Reader {
    pub(super) consumer: Arc<BaseConsumer<Membership>>,
    pub(super) topic: Arc<str>,
}

impl Reader {
    /// K of each partition; stable, because the consumer reads committed records only
    /// (docs/protocol.md#committed-offsets).
    ///
    /// # Errors
    /// [`NoAnswer`]: Kafka did not answer in time.
    pub async fn committed(&self, partitions: &[Partition]) -> Result<Vec<(Partition, Option<Offset>)>, NoAnswer> {
        let list = self.list(partitions.iter().map(|partition| (*partition, KafkaOffset::Invalid)));
        let known = self.ask(move |consumer| consumer.committed_offsets(list, ANSWER_TIMEOUT)).await?;
        fault::at("source.committed")?;
        known
            .elements()
            .iter()
            .map(|element| {
                element.error().map_err(|why| NoAnswer(why.to_string()))?;
                let offset = match element.offset() {
                    KafkaOffset::Offset(offset) => Some(Offset(offset)),
                    _ => None,
                };
                Ok((Partition(element.partition()), offset))
            })
            .collect()
    }

    /// The first offset in each log and the one past the last. Two questions to a broker at once, however many partitions there are.
    ///
    /// # Errors
    /// [`NoAnswer`]: Kafka did not answer in time.
    pub async fn bounds(&self, partitions: &[Partition]) -> Result<Vec<(Partition, Offset, Offset)>, NoAnswer> {
        let (lows, highs) = tokio::try_join!(self.edges(partitions, KafkaOffset::Beginning), self.ends(partitions))?;
        Ok(lows.into_iter().zip(highs).map(|((partition, low), (_, high))| (partition, low, high)).collect())
    }

    /// The offset past the last of each log.
    ///
    /// # Errors
    /// [`NoAnswer`]: Kafka did not answer in time.
    pub async fn ends(&self, partitions: &[Partition]) -> Result<Vec<(Partition, Offset)>, NoAnswer> {
        self.edges(partitions, KafkaOffset::End).await
    }

    /// In the order of the partitions. To Kafka both edges are points in time.
    async fn edges(&self, partitions: &[Partition], edge: KafkaOffset) -> Result<Vec<(Partition, Offset)>, NoAnswer> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        fault::at("source.bounds")?;
        let list = self.list(partitions.iter().map(|partition| (*partition, edge)));
        let known = self.ask(move |consumer| consumer.offsets_for_times(list, ANSWER_TIMEOUT)).await?;
        let edge = |partition: &Partition| {
            let known = known.find_partition(&self.topic, partition.0);
            let element = known.ok_or_else(|| NoAnswer(format!("partition {partition} was left out")))?;
            element.error().map_err(|why| NoAnswer(why.to_string()))?;
            match element.offset() {
                KafkaOffset::Offset(offset) => Ok((*partition, Offset(offset))),
                other => Err(NoAnswer(format!("partition {partition} has the offset {other:?}"))),
            }
        };
        partitions.iter().map(edge).collect()
    }

    /// Asks a question for the connection alone: a client that knows the topic and has a broker joins its group at once, one
    /// that has not looks again up to a second later.
    pub async fn warm_up(&self) {
        let topic = self.topic.clone();
        let _ = self.ask(move |consumer| consumer.fetch_watermarks(&topic, 0, ANSWER_TIMEOUT)).await;
    }

    /// Commits outside a transaction: the first offset of a partition that nobody consumed.
    ///
    /// # Errors
    /// [`NoAnswer`]: Kafka did not answer in time, or refused; it may have been committed all the same.
    pub async fn commit(&self, at: &[(Partition, Offset)]) -> Result<(), NoAnswer> {
        let list = self.list(at.iter().map(|(partition, offset)| (*partition, KafkaOffset::Offset(offset.0))));
        self.ask(move |consumer| consumer.commit(&list, CommitMode::Sync)).await
    }

    fn list(&self, at: impl Iterator<Item = (Partition, KafkaOffset)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in at {
            list.add_partition_offset(&self.topic, partition.0, offset).expect("the offset is one that Kafka can hold");
        }
        list
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Membership>) -> rdkafka::error::KafkaResult<T> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let consumer = self.consumer.clone();
        tokio::task::spawn_blocking(move || question(&consumer))
            .await
            .map_err(|why| NoAnswer(why.to_string()))?
            .map_err(|why| NoAnswer(why.to_string()))
    }
}
