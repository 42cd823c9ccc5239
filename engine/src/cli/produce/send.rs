//! Records on their way to a topic: handed to librdkafka, whose queue bounds what is in memory, and counted when Kafka confirms
//! them. What was confirmed and what was not is known by its line.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};

use super::records::Produced;
use super::round::{QUEUE_BYTES, QUEUE_RECORDS, Round};
use super::tally::Tally;
use crate::config::Properties;
use crate::kafka::{self, ClientSettings, Cluster};

/// How long a record is tried, unless `-X message.timeout.ms` says otherwise.
const DELIVERY_MS: u64 = 60_000;
/// Beyond that, for librdkafka to say so; and for what is under way when something else stops the sending.
const GRACE: Duration = Duration::from_secs(10);
/// Pause between two polls of librdkafka.
const LOOK: Duration = Duration::from_millis(100);
/// The same while a round is under way, which a flush alone lets go: it ends no sooner, as what has arrived has to be heard.
const LANDING: Duration = Duration::from_millis(2);
/// The same where nobody calls: the input is a pipe that says nothing. Longer than a broker takes to answer, so that no batch
/// waits in librdkafka while another is under way: its thread would ask for the answer without a pause.
const LINGER_MS: &str = "1000";
/// Bytes and records of a partition in a round, unless `-X` says otherwise: librdkafka's own bounds of a batch.
const BATCH_BYTES: u64 = 1_000_000;
const BATCH_RECORDS: u64 = 10_000;
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
    round: Round,
}

impl Sender {
    /// Looks at the topic and makes the producer. `properties`: librdkafka's, of the command line.
    pub(super) fn connect(brokers: &str, topic: &str, properties: &Properties) -> anyhow::Result<Self> {
        let cluster = Cluster { brokers, properties, keys: ("--brokers", "-X") };
        let partitions = kafka::partitions(cluster, "--topic", topic)?;
        let limit = futures::executor::block_on(kafka::longest_message(cluster, topic));
        let number = |name: &str| properties.get(name).and_then(|value| value.parse::<u64>().ok());
        let delivery = number("message.timeout.ms").unwrap_or(DELIVERY_MS);
        // A batch above the topic's limit is refused whole, small records included.
        let most =
            |name: &str, otherwise: u64| usize::try_from(number(name).unwrap_or(otherwise)).unwrap_or(usize::MAX);
        let batch = most("batch.size", BATCH_BYTES).min(limit).max(1);
        let round =
            Round::new(usize::try_from(partitions).unwrap_or(1), (batch, most("batch.num.messages", BATCH_RECORDS)));
        let mut settings = ClientSettings::new(cluster, &[("linger.ms", LINGER_MS)]);
        settings
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", delivery.to_string())
            .set("batch.size", batch.to_string())
            .set("message.max.bytes", limit.clamp(1_000, 1_000_000_000).to_string())
            .set("queue.buffering.max.messages", QUEUE_RECORDS.to_string())
            .set("queue.buffering.max.kbytes", (QUEUE_BYTES >> 10).to_string());
        let producer = settings.create(Deliveries::default()).context("cannot make a producer")?;
        Ok(Self { producer, topic: topic.to_owned(), limit, delivery: Duration::from_millis(delivery), round })
    }

    /// Hands a record over; waits while the queue is full.
    pub(super) fn send(&mut self, record: &Produced) -> Result<(), NotSent> {
        let bytes = batch_of_one(record.key.len(), record.value.len());
        if bytes > self.limit {
            return Err(NotSent::TooLarge(format!(
                "the record makes a batch of {bytes} bytes, and topic {} takes {} (max.message.bytes)",
                self.topic, self.limit
            )));
        }
        let number = self.tally().hand_over(record.line);
        loop {
            let message = BaseRecord::with_opaque_to(&self.topic, number).key(&record.key).payload(&record.value);
            let error = match self.producer.send(message) {
                Ok(()) if self.round.add(bytes) => return self.land().map_err(NotSent::Failed),
                Ok(()) => {
                    // A pipe may bring the next record much later.
                    self.producer.poll(Duration::ZERO);
                    return self.check().map_err(NotSent::Failed);
                }
                Err((error, _)) => error,
            };
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                self.tally().take_back();
                return Err(NotSent::Failed(anyhow!(error).context(format!("cannot send to {}", self.topic))));
            }
            self.producer.poll(LOOK);
            if let Err(error) = self.check() {
                self.tally().take_back();
                return Err(NotSent::Failed(error));
            }
        }
    }

    /// Waits until it is time for the next record; what was handed over before goes meanwhile.
    pub(super) fn wait_until(&mut self, due: Instant) -> anyhow::Result<()> {
        loop {
            let now = Instant::now();
            match self.round.due() {
                Some(goes) if goes <= now => self.land()?,
                goes if due > now => std::thread::sleep(goes.unwrap_or(due).min(due) - now),
                _ => return Ok(()),
            }
        }
    }

    /// Waits until Kafka has confirmed all that was handed over, and says how many records that were.
    pub(super) fn settle(&mut self) -> anyhow::Result<u64> {
        self.land()?;
        let tally = self.tally();
        match tally.first_open() {
            None => Ok(tally.confirmed()),
            Some(line) => Err(anyhow!(
                "line {line}: not confirmed by Kafka within {:?}; {}",
                self.delivery + GRACE,
                so_far(&tally, &self.topic)
            )),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally<KafkaError>> {
        self.producer.context().tally()
    }

    /// All that librdkafka has to tell: what has arrived is under way until it was heard.
    fn hear(&self) {
        let mut before = usize::MAX;
        loop {
            let left = usize::try_from(self.producer.in_flight_count()).unwrap_or_default();
            if left == 0 || left == before {
                return;
            }
            before = left;
            self.producer.poll(Duration::ZERO);
        }
    }

    /// Lets go what was handed over and waits until all has arrived, or until that is given up.
    fn land(&mut self) -> anyhow::Result<()> {
        self.round.goes();
        let until = Instant::now() + self.delivery + GRACE;
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            kafka::flush(&self.producer, LANDING);
            self.hear();
            self.check()?;
        }
        self.check()
    }

    /// The first failed delivery, if there is one, with what else became of the records.
    fn check(&self) -> anyhow::Result<()> {
        if self.tally().failure().is_none() {
            return Ok(());
        }
        // Nothing more goes out; what is under way is waited for, so that the figures are those of the topic.
        self.producer.purge(PurgeConfig::default().queue());
        let until = Instant::now() + GRACE;
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            self.producer.poll(LOOK);
        }
        let tally = self.tally();
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
