//! A Kafka client of this stage: the brokers, and whatever the operator passes through.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

use super::publisher::PATIENCE;
use crate::config;

const POLL: Duration = Duration::from_millis(50);
/// Messages in the producer's queue: more than a round has.
const QUEUED: &str = "20000";

pub(super) fn client_config(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in properties {
        client.set(name, value);
    }
    client.set("bootstrap.servers", brokers);
    client
}

/// Of a worker's transactional producer. `limit`: the longest message that the topic takes.
pub(super) fn producer_config(
    source: &config::Source,
    letters: &config::DeadLetters,
    transactional_id: &str,
    limit: usize,
) -> ClientConfig {
    let mut client = client_config(&source.brokers, &source.properties);
    // librdkafka knows it by two names.
    let set = |name: &str| source.properties.contains_key(name) || letters.properties.contains_key(name);
    if !set("compression.type") && !set("compression.codec") {
        client.set("compression.type", "lz4");
    }
    for (name, value) in &letters.properties {
        client.set(name, value);
    }
    client
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", PATIENCE.as_millis().to_string())
        .set("message.timeout.ms", PATIENCE.as_millis().to_string())
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // `flight` lets letters go. None of these three may make a batch ready before, or while another is under way: a
        // round is a request a partition, of fewer messages than the queue holds, and is let go at once.
        .set("linger.ms", (PATIENCE / 2).as_millis().to_string())
        .set("batch.num.messages", QUEUED)
        .set("batch.size", request(limit).to_string())
        .set("message.max.bytes", limit.clamp(1_000, 1_000_000_000).to_string())
        // What a worker holds here beyond its outbox: the second does not count headers.
        .set("queue.buffering.max.messages", QUEUED)
        .set("queue.buffering.max.kbytes", "32768")
        // What was delivered is known by the transaction's end; a report for each costs as much as to read it.
        .set("delivery.report.only.error", "true");
    client
}

/// Bytes of a request of one partition. One above the topic's limit is refused whole, small messages included (FACTS
/// section 2).
pub(super) fn request(limit: usize) -> usize {
    limit.clamp(1_000, 1_000_000)
}

/// Why librdkafka made no client with these properties, without their values.
pub(super) fn not_made<'p>(why: &KafkaError, set: impl IntoIterator<Item = (&'p String, &'p String)>) -> String {
    match why {
        KafkaError::ClientConfig(_, _, name, _) if !name.is_empty() => config::client_refused(Some(name), "", set),
        KafkaError::ClientCreation(why) => config::client_refused(None, why, set),
        why => config::client_refused(None, &why.to_string(), set),
    }
}

/// librdkafka's complaints are kept for the error that follows from them, instead of being logged.
#[derive(Default)]
pub(super) struct Complaints(Mutex<Option<String>>);

impl ClientContext for Complaints {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, reason: &str) {
        // The first says why; those that follow say that no broker is left.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }
}

impl ConsumerContext for Complaints {}

/// What librdkafka complained of first; polling brings it.
pub(super) fn complaint(consumer: &BaseConsumer<Complaints>) -> Option<String> {
    (0..5).find_map(|_| {
        let _ = consumer.poll(POLL);
        consumer.context().0.lock().unwrap_or_else(PoisonError::into_inner).take()
    })
}
