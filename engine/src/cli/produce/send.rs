//! Records on their way to a topic: handed to librdkafka, whose queue bounds what is in memory, and counted when Kafka confirms
//! them. What was confirmed and what was not is known by its line.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::{ClientConfig, ClientContext};

use super::records::Produced;
use super::tally::Tally;
use crate::dead_letters;

/// How long a record is tried, unless `-X message.timeout.ms` says otherwise.
const DELIVERY_MS: u64 = 60_000;
/// Beyond that, for librdkafka to say so; and for what is under way when something else stops the sending.
const GRACE: Duration = Duration::from_secs(10);
/// Between two looks at what librdkafka has to tell.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes of a batch without its records, and of a record in it without lengths, key and value (KIP-98).
const BATCH: usize = 61;
const RECORD: usize = 4;

/// Keeps what became of each record; librdkafka has retried it already.
#[derive(Default)]
struct Deliveries(Mutex<Tally<KafkaError>>);

impl Deliveries {
    fn tally(&self) -> MutexGuard<'_, Tally<KafkaError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {} // errors come as errors, on one line
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Deliveries {
    /// The record's number in the tally.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        self.tally().report(number, result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone()));
    }
}

/// Why a record was not handed over.
pub(super) enum NotSent {
    /// It is more than the topic takes; others may follow.
    TooLarge(String),
    /// Sending is over.
    Failed(anyhow::Error),
}

/// Sends to one topic.
pub(super) struct Sender {
    producer: BaseProducer<Deliveries>,
    topic: String,
    /// Bytes of the greatest batch that the topic takes.
    limit: usize,
    /// How long a record is tried.
    delivery: Duration,
}

impl Sender {
    /// Looks at the topic and makes the producer. `properties`: librdkafka's, of the command line.
    pub(super) fn connect(brokers: &str, topic: &str, properties: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let cluster = dead_letters::Cluster { brokers, properties, keys: ("--brokers", "-X") };
        dead_letters::partitions(cluster, "--topic", topic)?;
        let limit = dead_letters::longest_message(cluster, topic);
        let number = |name: &str| properties.get(name).and_then(|value| value.parse::<u64>().ok());
        let delivery = number("message.timeout.ms").unwrap_or(DELIVERY_MS);
        // A batch above the topic's limit is refused whole, small records included.
        let batch = number("batch.size").map_or(1_000_000, |given| usize::try_from(given).unwrap_or(usize::MAX));
        let mut client = ClientConfig::new();
        client.set("linger.ms", "20");
        for (name, value) in properties {
            client.set(name, value);
        }
        let producer = client
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", delivery.to_string())
            .set("batch.size", batch.min(limit).max(1).to_string())
            .set("message.max.bytes", limit.clamp(1_000, 1_000_000_000).to_string())
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "65536")
            .create_with_context(Deliveries::default())
            .context("cannot make a producer")?;
        Ok(Self { producer, topic: topic.to_owned(), limit, delivery: Duration::from_millis(delivery) })
    }

    /// Hands a record over; waits while the queue is full.
    pub(super) fn send(&self, record: &Produced) -> Result<(), NotSent> {
        let bytes = batch_of_one(record.key.len(), record.value.len());
        if bytes > self.limit {
            return Err(NotSent::TooLarge(format!(
                "the record makes a batch of {bytes} bytes, and topic {} takes {} (max.message.bytes)",
                self.topic, self.limit
            )));
        }
        let tally = || self.producer.context().tally();
        let number = tally().hand_over(record.line);
        loop {
            let message = BaseRecord::with_opaque_to(&self.topic, number).key(&record.key).payload(&record.value);
            let error = match self.producer.send(message) {
                Ok(()) => {
                    self.producer.poll(Duration::ZERO);
                    return self.check().map_err(NotSent::Failed);
                }
                Err((error, _)) => error,
            };
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                tally().take_back();
                return Err(NotSent::Failed(anyhow!(error).context(format!("cannot send to {}", self.topic))));
            }
            self.producer.poll(LOOK);
            if let Err(error) = self.check() {
                tally().take_back();
                return Err(NotSent::Failed(error));
            }
        }
    }

    /// Waits until it is time for the next record.
    pub(super) fn wait_until(&self, due: Instant) {
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.producer.poll(left.min(LOOK));
            std::thread::sleep(left.min(Duration::from_millis(1)));
        }
    }

    /// Waits until Kafka has confirmed all that was handed over, and says how many records that were.
    pub(super) fn settle(&self) -> anyhow::Result<u64> {
        let until = Instant::now() + self.delivery + GRACE;
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            // A flush sends at once what still gathers.
            let _ = self.producer.flush(LOOK);
            self.check()?;
        }
        self.check()?;
        let tally = self.producer.context().tally();
        match tally.first_open() {
            None => Ok(tally.confirmed()),
            Some(line) => Err(anyhow!(
                "line {line}: not confirmed by Kafka within {:?}; {}",
                self.delivery + GRACE,
                so_far(&tally, &self.topic)
            )),
        }
    }

    /// The first failed delivery, if there is one, with what else became of the records.
    fn check(&self) -> anyhow::Result<()> {
        if self.producer.context().tally().failure().is_none() {
            return Ok(());
        }
        // Nothing more goes out; what is under way is waited for, so that the figures are those of the topic.
        self.producer.purge(PurgeConfig::default().queue());
        let until = Instant::now() + GRACE;
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            self.producer.poll(LOOK);
        }
        let tally = self.producer.context().tally();
        let Some((line, error)) = tally.failure() else { return Ok(()) };
        let hint = hint(error, self.delivery);
        Err(anyhow!("line {line}: not delivered: {error}{hint}; {}", so_far(&tally, &self.topic)))
    }
}

fn so_far(tally: &Tally<KafkaError>, topic: &str) -> String {
    let confirmed = tally.confirmed();
    match tally.first_open() {
        Some(line) => format!(
            "{confirmed} records are confirmed to be in {topic}, the first that is not is that of line {line} (some behind it \
             may be)"
        ),
        None => format!("{confirmed} records are confirmed to be in {topic}"),
    }
}

fn hint(error: &KafkaError, delivery: Duration) -> String {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageTimedOut) => format!(
            " (no broker took it within {delivery:?}; bring Kafka back and send the rest, or raise -X message.timeout.ms)"
        ),
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            " (the topic takes less than it did at the start: look at its max.message.bytes)".to_owned()
        }
        _ => String::new(),
    }
}

/// Bytes of a batch that holds nothing but this record: what a topic's `max.message.bytes` bounds.
fn batch_of_one(key: usize, value: usize) -> usize {
    let record = RECORD + varint(key) + key + varint(value) + value;
    BATCH + varint(record) + record
}

/// Bytes of a length as Kafka writes it.
fn varint(length: usize) -> usize {
    let bits = usize::BITS - (length << 1).leading_zeros();
    (bits.max(1).div_ceil(7)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_many_bytes_as_kafka_gives_them() {
        assert_eq!([0, 63, 64, 8_191, 8_192, 1_048_575].map(varint), [1, 1, 2, 2, 3, 3]);
        // A record of two bytes: length, attributes, two deltas, key, value, headers.
        assert_eq!(batch_of_one(1, 1), 61 + 1 + 8);
    }
}
