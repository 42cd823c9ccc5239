//! Whether the outbox can be published with this configuration: asked at the start, so that what is wrong is one clear line.

use futures::future::join_all;
use rdkafka::producer::BaseProducer;

use super::destination::{Destinations, Topic};
use super::publish::producer_settings;
use crate::config::{Config, Properties};
use crate::kafka::{Cluster, DEFAULT_MESSAGE_LIMIT, NotMade, TopicError, partitions, topic_setting};

/// The topics or the properties do not suit.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A topic is not there, or a property is refused.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// Letters or alerts would be refused or lost.
    #[error(
        "{key}: {topic:?} has cleanup.policy={policy}: a compacted topic takes no message of a record without a key \
         and forgets all but the last of a key; name another topic, or: kafka-configs.sh --bootstrap-server {brokers} --alter \
         --entity-type topics --entity-name {topic} --add-config cleanup.policy=delete"
    )]
    Compacted {
        /// The key that names the topic.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// As the topic has it.
        policy: String,
    },
}

/// Every topic that is read or written exists, and each that is written takes messages without a key.
///
/// # Errors
/// What is wrong with the first of them that does not suit.
pub async fn check_topics(config: &Config) -> Result<(), SetupError> {
    let source = &config.source;
    let look = |key, topic: &str| {
        let (source, topic) = (source.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || partitions(Cluster::of_source(&source), key, &topic).map(drop))
    };
    let written = Destinations::of(config).topics;
    let read = ("source.topic", source.topic.as_str());
    let all = std::iter::once(read).chain(written.values().map(|topic| (topic.key, topic.name.as_str())));
    // Together, as each question needs a client of its own; if several fail, the first is told.
    for found in join_all(all.map(|(key, topic)| look(key, topic))).await {
        found.map_err(|why| TopicError::Property { key: "source", why: why.to_string() })??;
    }
    for Topic { key, name } in written.into_values() {
        if let Some(policy) = topic_setting(Cluster::of_source(source), &name, "cleanup.policy").await
            && policy.contains("compact")
        {
            return Err(SetupError::Compacted { key, topic: name, brokers: source.brokers.clone(), policy });
        }
    }
    Ok(())
}

/// Whether librdkafka takes the properties of both tables for the producer; asks nobody. A property that it refuses would be
/// found out by the workers only, and waited for. Not all that a consumer takes is right for a producer of transactions.
///
/// # Errors
/// The table of which a property is refused.
pub fn check_properties(config: &Config) -> Result<(), SetupError> {
    let (source, letters) = (&config.source, &config.dead_letters);
    let none = Properties::default();
    for (key, given, passed) in [
        ("source.properties", &source.properties, &none),
        ("dead_letters.properties", &letters.properties, &letters.properties),
    ] {
        if !given.is_empty() {
            let settings = producer_settings(source, passed, "weir-check", DEFAULT_MESSAGE_LIMIT);
            settings.check::<BaseProducer>().map_err(|NotMade(why)| TopicError::Property { key, why })?;
        }
    }
    Ok(())
}
