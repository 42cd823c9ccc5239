//! A Kafka client of this stage: the brokers, and whatever the operator passes through.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

pub(super) fn client_config(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in properties {
        client.set(name, value);
    }
    client.set("bootstrap.servers", brokers);
    client
}
