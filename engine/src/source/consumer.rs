//! A worker's membership in the group. The rebalance callback never waits: ASSIGN takes the empty list at once and
//! leaves the real one as an event, REVOKE leaves an event, and the worker answers when its checkpoint has (FACTS C11).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset as KafkaOffset, TopicPartitionList};

use super::GroupMetadata;
use super::batch::{Fetched, Queue};
use super::properties;
use super::reader::Reader;
use crate::config;
use crate::model::ids::{Offset, Partition};

/// What the group or the cluster says.
pub enum Event {
    /// These are ours, once they are taken.
    Assign {
        /// All of them: eager assignment gives the whole list each time.
        partitions: Vec<Partition>,
        /// Proof of membership in this generation.
        metadata: Arc<GroupMetadata>,
    },
    /// Nothing is ours once [`Source::unassign`] was called.
    Revoke {
        /// They are somebody else's already: there is nothing to finish.
        lost: bool,
    },
    /// librdkafka deals with it.
    Error(String),
    /// It does not.
    Fatal(String),
}

/// Why the consumer cannot do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A property that librdkafka refuses, for example.
    #[error("{0}")]
    Kafka(#[from] KafkaError),
}

/// The context of librdkafka's callbacks, which all run inside [`Source::events`], on the worker's thread.
#[derive(Default)]
pub(super) struct Membership {
    events: Mutex<VecDeque<Event>>,
    closing: AtomicBool,
}

impl Membership {
    fn say(&self, event: Event) {
        self.events.lock().expect("no code panics while it holds the lock").push_back(event);
    }
}

impl ClientContext for Membership {
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal) => self.say(Event::Fatal(format!("{error}: {reason}"))),
            _ => self.say(Event::Error(format!("{error}: {reason}"))),
        }
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                if let Err(why) = consumer.assign(&TopicPartitionList::new()) {
                    self.say(Event::Error(format!("answering an assignment: {why}")));
                }
                let partitions = list.elements().iter().map(|element| Partition(element.partition())).collect();
                match consumer.group_metadata() {
                    Some(metadata) => self.say(Event::Assign { partitions, metadata: Arc::new(metadata) }),
                    None => self.say(Event::Fatal("an assignment came without group metadata".into())),
                }
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                if self.closing.load(Ordering::Acquire) {
                    let _ = consumer.unassign();
                } else {
                    self.say(Event::Revoke { lost: consumer.assignment_lost() });
                }
            }
            other => {
                let _ = consumer.unassign();
                self.say(Event::Revoke { lost: true });
                self.say(Event::Error(format!("rebalance: {}", RDKafkaErrorCode::from(other))));
            }
        }
    }
}

/// One member of the group. Lives on its worker's thread.
pub struct Source {
    // Dropped in this order: the queue before the consumer that it belongs to.
    queue: Queue,
    consumer: Arc<BaseConsumer<Membership>>,
    topic: Arc<str>,
}

impl Source {
    /// Makes the consumer and asks to join the group; an assignment comes as an event.
    pub fn connect(config: &config::Source) -> Result<Self, SourceError> {
        let consumer: BaseConsumer<Membership> =
            properties::consumer(config).create_with_context(Membership::default())?;
        consumer.subscribe(&[&config.topic])?;
        let queue = Queue::new(&consumer);
        Ok(Self { queue, consumer: Arc::new(consumer), topic: config.topic.as_str().into() })
    }

    /// Serves the group and returns what it said. Must be called often: it is the member's sign of life.
    pub fn events(&mut self) -> Vec<Event> {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            match polled {
                // All partitions are forwarded to our own queue, so a record here is one of a partition being let go.
                Ok(_) => {}
                Err(why) => self.consumer.context().say(Event::Error(why.to_string())),
            }
        }
        let mut events = self.consumer.context().events.lock().expect("no code panics while it holds the lock");
        events.drain(..).collect()
    }

    /// Starts to fetch these partitions from these offsets. Only once an assignment: see [`Source::seek`].
    pub fn assign(&mut self, at: &[(Partition, Offset)]) -> Result<(), SourceError> {
        for (partition, _) in at {
            self.queue.forward(&self.consumer, &self.topic, *partition);
        }
        self.consumer.assign(&self.list(at)?)?;
        Ok(())
    }

    /// Lets all partitions go; the answer to [`Event::Revoke`].
    pub fn unassign(&mut self) -> Result<(), SourceError> {
        Ok(self.consumer.unassign()?)
    }

    /// Moves partitions that are assigned already. Assigning them again would clear the forward (FACTS C2).
    pub fn seek(&mut self, at: &[(Partition, Offset)]) -> Result<(), SourceError> {
        // All of them may be stopped; librdkafka refuses an empty list.
        if at.is_empty() {
            return Ok(());
        }
        let moved = self.consumer.seek_partitions(self.list(at)?, Duration::from_secs(5))?;
        for element in moved.elements() {
            element.error()?;
        }
        Ok(())
    }

    /// Up to `max` records; returns when they are there or `wait` is over.
    pub fn fetch(&mut self, max: usize, wait: Duration) -> Fetched {
        self.queue.fetch(max, wait)
    }

    /// For questions from tokio.
    pub fn reader(&self) -> Reader {
        Reader { consumer: self.consumer.clone(), topic: self.topic.clone() }
    }

    /// From now on a revoke is answered inside the callback: the worker has let go already.
    pub fn close(&mut self) {
        self.consumer.context().closing.store(true, Ordering::Release);
        let _ = self.consumer.unassign();
    }

    fn list(&self, at: &[(Partition, Offset)]) -> Result<TopicPartitionList, SourceError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in at {
            list.add_partition_offset(&self.topic, partition.0, KafkaOffset::Offset(offset.0))?;
        }
        Ok(list)
    }
}
