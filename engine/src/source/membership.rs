//! A worker's membership in the group. The rebalance callback never waits: ASSIGN takes the empty list at once and
//! leaves the real one as an event, REVOKE leaves an event, and the worker answers when its checkpoint has
//! (docs/protocol.md#the-consumer-group).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata as GroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

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
    /// Nothing is ours once [`Source::unassign`](super::Source::unassign) was called.
    Revoke {
        /// They are somebody else's already: there is nothing to finish.
        lost: bool,
    },
    /// This record, and maybe more, came out of the consumer's own queue, where nothing is judged: who went on would skip
    /// it. Everything has to be taken and assigned anew.
    Stray {
        /// Its partition, which is not forwarded to our queue.
        partition: Partition,
        /// The first one's.
        offset: Offset,
    },
    /// librdkafka deals with it.
    Error(String),
    /// It does not.
    Fatal(String),
}

/// The context of librdkafka's callbacks, which all run inside [`Source::events`](super::Source::events), on the worker's thread.
#[derive(Default)]
pub(super) struct Membership {
    events: Mutex<VecDeque<Event>>,
    /// From now on a revoke is answered inside the callback: the worker has let go already.
    pub(super) closing: AtomicBool,
}

impl Membership {
    pub(super) fn say(&self, event: Event) {
        self.events.lock().expect("no code panics while it holds the lock").push_back(event);
    }

    /// What was said since the last call.
    pub(super) fn take(&self) -> Vec<Event> {
        self.events.lock().expect("no code panics while it holds the lock").drain(..).collect()
    }
}

impl ClientContext for Membership {
    fn error(&self, error: KafkaError, reason: &str) {
        // A fatal error of a consumer comes by `poll`, see [`Source::events`].
        self.say(Event::Error(format!("{error}: {reason}")));
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
