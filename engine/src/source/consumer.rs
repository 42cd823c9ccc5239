//! A worker's consumer: it joins the group, takes and lets go partitions as the worker says, and fetches their records.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::membership::{Event, Membership};
use super::properties;
use super::reader::Reader;
use crate::config;
use crate::kafka::{Fetched, NotMade, Queue};
use crate::model::ids::{Offset, Partition};

/// How long leaving the group may take; Kafka may be away. The session's time-out ends the membership else.
const LEAVE: Duration = Duration::from_secs(5);

/// Why the consumer cannot do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What librdkafka says of a call.
    #[error("{0}")]
    Kafka(KafkaError),
    /// librdkafka refuses a property of `source.properties`.
    #[error("properties: {0}")]
    Property(String),
    /// No broker knows it, or none is there.
    #[error("the cluster does not know topic {topic:?}")]
    Unknown {
        /// As configured.
        topic: Arc<str>,
    },
    /// Its records would come where nobody reads them.
    #[error("librdkafka has no queue for partition {partition} of topic {topic:?}")]
    NoQueue {
        /// As configured.
        topic: Arc<str>,
        /// Which.
        partition: Partition,
    },
}

impl From<KafkaError> for SourceError {
    fn from(why: KafkaError) -> Self {
        Self::Kafka(why)
    }
}

impl From<NotMade> for SourceError {
    fn from(NotMade(why): NotMade) -> Self {
        Self::Property(why)
    }
}

/// One member of the group. Lives on its worker's thread.
pub struct Source {
    // Dropped in this order: the queue before the consumer that it belongs to.
    queue: Queue,
    consumer: Arc<BaseConsumer<Membership>>,
    topic: Arc<str>,
    /// Its fatal error was told.
    ended: bool,
}

/// What a fatal error means and what to do.
fn fatal(code: RDKafkaErrorCode, reason: &str) -> String {
    match code {
        RDKafkaErrorCode::FencedInstanceId => format!(
            "another member of the group took this one's group.instance.id ({reason}): give each process an id of its own \
             in source.properties, then start this one again"
        ),
        _ => format!("Kafka's client can't go on: {code}: {reason}; start this process again"),
    }
}

impl Source {
    /// Makes the consumer, which looks for the group's coordinator; nobody's partitions move before [`Source::join`].
    /// `worker`: its number, if the process has several.
    ///
    /// # Errors
    /// [`SourceError`]: librdkafka refuses a property.
    pub fn connect(config: &config::Source, worker: Option<usize>) -> Result<Self, SourceError> {
        let consumer: BaseConsumer<Membership> = properties::consumer(config, worker).create(Membership::default())?;
        let queue = Queue::new(&consumer);
        Ok(Self { queue, consumer: Arc::new(consumer), topic: config.topic.as_str().into(), ended: false })
    }

    /// Asks to join the group; an assignment comes as an event.
    ///
    /// # Errors
    /// [`SourceError`]: the client refuses to subscribe.
    pub fn join(&mut self) -> Result<(), SourceError> {
        Ok(self.consumer.subscribe(&[&*self.topic])?)
    }

    /// Serves the group and returns what it said. Must be called often: it is the member's sign of life.
    pub fn events(&mut self) -> Vec<Event> {
        let mut stray = None;
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            match polled {
                Ok(record) => {
                    stray.get_or_insert((Partition(record.partition()), Offset(record.offset())));
                }
                Err(why) => self.consumer.context().say(Event::Error(why.to_string())),
            }
        }
        // Asked for rather than waited for: librdkafka tells it once, in one of several ways, and from then on it does nothing.
        if let Some((code, reason)) = self.consumer.client().fatal_error()
            && !std::mem::replace(&mut self.ended, true)
        {
            self.consumer.context().say(Event::Fatal(fatal(code, &reason)));
        }
        if let Some((partition, offset)) = stray {
            self.consumer.context().say(Event::Stray { partition, offset });
        }
        self.consumer.context().take()
    }

    /// Reads these partitions from these offsets from now on, and no others, whatever was assigned before.
    ///
    /// # Errors
    /// [`SourceError`]: the client refuses the assignment.
    pub fn assign(&mut self, at: &[(Partition, Offset)]) -> Result<(), SourceError> {
        // The empty list and not `unassign`, which would answer a revoke that was not served yet.
        self.consumer.assign(&TopicPartitionList::new())?;
        self.stopped()?;
        for (partition, _) in at {
            if !self.queue.forward(&self.consumer, &self.topic, *partition) {
                return Err(SourceError::NoQueue { topic: self.topic.clone(), partition: *partition });
            }
        }
        Ok(self.consumer.assign(&self.list(at)?)?)
    }

    /// Lets all partitions go; the answer to [`Event::Revoke`].
    ///
    /// # Errors
    /// [`SourceError`]: the client refuses to let them go.
    pub fn unassign(&mut self) -> Result<(), SourceError> {
        Ok(self.consumer.unassign()?)
    }

    /// Waits until what was let go has stopped. A stop clears the partition's forward, and it comes after the call that
    /// asked for it: a forward that it caught up with would leave the records in a queue that nobody reads, without a
    /// word (docs/protocol.md#the-batch-call). librdkafka's one thread serves the stops and questions in their order,
    /// so an answer to a question means that the stops are over.
    fn stopped(&self) -> Result<(), SourceError> {
        Ok(self.consumer.assignment().map(drop)?)
    }

    /// Up to `max` records; returns when they are there or `wait` is over.
    pub fn fetch(&mut self, max: usize, wait: Duration) -> Fetched {
        self.queue.fetch(max, wait)
    }

    /// For questions from tokio.
    pub fn reader(&self) -> Reader {
        Reader { consumer: self.consumer.clone(), topic: self.topic.clone() }
    }

    /// Leaves the group, so that the others need not wait for a session to end; nothing comes any more. Not left to the last
    /// who holds the consumer: a [`Reader`] may outlive us, and a consumer that nobody polls stays a member.
    pub fn close(&mut self, until: Instant) {
        // From now on a revoke is answered inside the callback: the worker has let go already.
        if self.consumer.context().closing.swap(true, Ordering::AcqRel) {
            return;
        }
        let _ = self.consumer.unassign();
        if let Err(why) = self.consumer.close_queue() {
            tracing::warn!("leaving the group: {why}");
            return;
        }
        while !self.consumer.closed() && Instant::now() < until {
            self.consumer.poll(Duration::from_millis(20));
        }
    }

    fn list(&self, at: &[(Partition, Offset)]) -> Result<TopicPartitionList, SourceError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in at {
            list.add_partition_offset(&self.topic, partition.0, KafkaOffset::Offset(offset.0))?;
        }
        Ok(list)
    }
}

impl Drop for Source {
    /// Also when the worker's thread panics: without it the consumer would wait for an answer to its last revoke, for ever.
    fn drop(&mut self) {
        self.close(Instant::now() + LEAVE);
    }
}

#[cfg(test)]
mod tests;
