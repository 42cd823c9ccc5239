//! Whether the outbox can be published with this configuration: asked at the start, so that what is wrong is one clear line.

use rdkafka::producer::BaseProducer;

use super::publish::producer_settings;
use crate::config;
use crate::kafka::{Cluster, DEFAULT_MESSAGE_LIMIT, NotMade, TopicError, partitions, topic_setting};

/// The topics or the properties do not suit.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A topic is not there, or a property is refused.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// Letters would be refused or lost.
    #[error(
        "dead_letters.topic: {topic:?} has cleanup.policy={policy}: a compacted topic takes no letter of a record without a key \
         and forgets all but the last of a key; name another topic, or: kafka-configs.sh --bootstrap-server {brokers} --alter \
         --entity-type topics --entity-name {topic} --add-config cleanup.policy=delete"
    )]
    Compacted {
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// As the topic has it.
        policy: String,
    },
}

/// Both topics exist, and that of letters takes them.
///
/// # Errors
/// What is wrong with the first of them that does not suit.
pub async fn check_topics(source: &config::Source, letters: &config::DeadLetters) -> Result<(), SetupError> {
    let look = |key, topic: &str| {
        let (source, topic) = (source.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || partitions(Cluster::of_source(&source), key, &topic).map(drop))
    };
    // Together, as each question needs a client of its own; if both fail, the first is told.
    let (first, second) = tokio::join!(look("source.topic", &source.topic), look("dead_letters.topic", &letters.topic));
    for found in [first, second] {
        found.map_err(|why| TopicError::Property { key: "source", why: why.to_string() })??;
    }
    if let Some(policy) = topic_setting(Cluster::of_source(source), &letters.topic, "cleanup.policy").await
        && policy.contains("compact")
    {
        let (topic, brokers) = (letters.topic.clone(), source.brokers.clone());
        return Err(SetupError::Compacted { topic, brokers, policy });
    }
    Ok(())
}

/// Whether librdkafka takes the properties of both tables for the producer; asks nobody. A property that it refuses would be
/// found out by the workers only, and waited for. Not all that a consumer takes is right for a producer of transactions.
///
/// # Errors
/// The table of which a property is refused.
pub fn check_properties(source: &config::Source, letters: &config::DeadLetters) -> Result<(), SetupError> {
    let none = config::Properties::default();
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
