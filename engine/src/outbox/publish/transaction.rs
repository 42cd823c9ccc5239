//! One transaction of a publisher: messages for all destinations, then the group's offsets. Runs on a blocking thread; whatever
//! fails ends in an abort, and the error says whether that ended it or whether the producer is in doubt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata as GroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::error::{PublishError, Unsendable};
use super::flight::{land_beside, queue};
use super::producer::{CALL_TIMEOUT, Ready};
use super::request_pacing::Rounds;
use crate::fault::{self, Fault};
use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};
use crate::outbox::format::Damaged;
use crate::outbox::outgoing::Origin;

/// How long one of the calls may take that an abort is made of.
const ABORT_SLICE: Duration = Duration::from_millis(200);

pub(super) struct Transaction {
    pub(super) ready: Ready,
    pub(super) origin: Origin,
    pub(super) outbox: Arc<[OutboxChunk]>,
    pub(super) from: BTreeMap<Partition, Offset>,
    pub(super) offsets: Vec<(Partition, Offset)>,
    pub(super) metadata: Arc<GroupMetadata>,
}

impl Transaction {
    pub(super) fn run(&self) -> Result<(), PublishError> {
        let producer = &self.ready.producer;
        producer.context().forget();
        fault::at("letters.begin")?;
        producer.begin_transaction().map_err(|why| PublishError::Unknown(why.to_string()))?;
        match self.fill().and_then(|()| Ok(producer.commit_transaction(CALL_TIMEOUT)?)) {
            Ok(()) => Ok(fault::at("letters.commit.answer")?),
            Err(problem) => Err(self.abort(problem)),
        }
    }

    /// Letters and offsets; all have arrived when it ends: rdkafka's commit would see to it too, by sleeping a tenth of a second
    /// at a time.
    fn fill(&self) -> Result<(), Problem> {
        fault::at("letters.begun")?;
        let Ready { producer, topics, .. } = &self.ready;
        let mut rounds = Rounds::new(&self.outbox, &self.from, &self.origin, topics)?;
        let mut round = rounds.next()?;
        if round.is_empty() {
            return self.send_offsets();
        }
        while !round.is_empty() {
            for letter in round {
                queue(producer, letter)?;
                fault::at("letters.produce")?;
            }
            // While they are under way the next ones are made, or else the offsets sent.
            round = land_beside(producer, || -> Result<_, Problem> {
                let next = rounds.next()?;
                if next.is_empty() {
                    self.send_offsets()?;
                }
                Ok(next)
            })?;
        }
        Ok(())
    }

    fn send_offsets(&self) -> Result<(), Problem> {
        fault::at("letters.produced")?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in &self.offsets {
            list.add_partition_offset(&self.origin.topic, partition.0, KafkaOffset::Offset(offset.0))?;
        }
        self.ready.producer.send_offsets_to_transaction(&list, &self.metadata, CALL_TIMEOUT)?;
        Ok(fault::at("letters.offsets")?)
    }

    /// librdkafka purges what is queued and waits for the reports of it, which come only when somebody polls: in one call
    /// the abort would wait for itself until the time-out. It may be resumed, so it is polled between short calls.
    fn abort_transaction(&self) -> Result<(), KafkaError> {
        let until = Instant::now() + CALL_TIMEOUT;
        loop {
            match self.ready.producer.abort_transaction(ABORT_SLICE) {
                Err(KafkaError::Transaction(why)) if why.is_retriable() && Instant::now() < until => {
                    let _ = self.ready.producer.flush(ABORT_SLICE);
                }
                ended => return ended,
            }
        }
    }

    /// Aborts and says what kind of failure it was.
    fn abort(&self, problem: Problem) -> PublishError {
        fault::pass("letters.abort");
        let (why, group) = match problem {
            Problem::Outbox(unsendable) => {
                let _ = self.abort_transaction();
                return unsendable.into();
            }
            Problem::Kafka(why) => (self.ready.producer.context().because(why.to_string()), is_of_the_group(&why)),
        };
        let fatal = self.ready.producer.client().fatal_error();
        if let Some((_, text)) = fatal {
            return PublishError::Unknown(text);
        }
        if self.abort_transaction().is_err() {
            return PublishError::Unknown(why);
        }
        if group {
            return PublishError::Group(why);
        }
        if self.ready.producer.context().too_large.load(Ordering::Relaxed) {
            // The topic's limit was lowered since it was read: a new producer reads it again.
            return PublishError::Unknown(format!("{why}; a letter was above the topic's max.message.bytes"));
        }
        PublishError::Abortable(why)
    }
}

enum Problem {
    Kafka(KafkaError),
    Outbox(Unsendable),
}

impl From<KafkaError> for Problem {
    fn from(why: KafkaError) -> Self {
        Self::Kafka(why)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = match fault.is_of_the_group() {
            true => RDKafkaErrorCode::IllegalGeneration,
            false => RDKafkaErrorCode::BrokerTransportFailure,
        };
        Self::Kafka(KafkaError::MessageProduction(code))
    }
}

impl From<Unsendable> for Problem {
    fn from(why: Unsendable) -> Self {
        Self::Outbox(why)
    }
}

impl From<Damaged> for Problem {
    fn from(why: Damaged) -> Self {
        Self::Outbox(why.into())
    }
}

fn is_of_the_group(why: &KafkaError) -> bool {
    matches!(
        why.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::RebalanceInProgress
        )
    )
}
