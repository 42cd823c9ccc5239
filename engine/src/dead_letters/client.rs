//! A Kafka client of this stage: the brokers, and whatever the operator passes through.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

const POLL: Duration = Duration::from_millis(50);

pub(super) fn client_config(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in properties {
        client.set(name, value);
    }
    client.set("bootstrap.servers", brokers);
    client
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
