//! What the topics are like: asked at start, so that a topic that is missing is one clear line and not a silent wait.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::client::client_config;
use crate::config;

const PATIENCE: Duration = Duration::from_secs(10);
/// Kafka's own default for `max.message.bytes`, where the cluster does not tell.
const DEFAULT_LIMIT: usize = 1_000_000;

/// The topics are not as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// No broker answered.
    #[error("source.brokers: no answer from {brokers}: {why}")]
    Unreachable {
        /// As configured.
        brokers: String,
        /// librdkafka's word.
        why: String,
    },
    /// The topic does not exist.
    #[error("{key}: there is no topic {topic:?} at {brokers}; create it, Weir does not")]
    Missing {
        /// Key of the configuration.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
    },
    /// librdkafka refuses a property.
    #[error("{key}: {why}")]
    Property {
        /// Key of the configuration.
        key: &'static str,
        /// librdkafka's word.
        why: String,
    },
}

/// Both topics exist.
pub async fn check_topics(source: &config::Source, letters: &config::DeadLetters) -> Result<(), TopicError> {
    let (source, letters) = (source.clone(), letters.clone());
    tokio::task::spawn_blocking(move || {
        partitions(&source, "source.topic", &source.topic)?;
        partitions(&source, "dead_letters.topic", &letters.topic).map(drop)
    })
    .await
    .map_err(|why| TopicError::Property { key: "source", why: why.to_string() })?
}

/// How many partitions a topic has.
pub(super) fn partitions(source: &config::Source, key: &'static str, topic: &str) -> Result<i32, TopicError> {
    let client: BaseConsumer = client_config(&source.brokers, &source.properties)
        .create()
        .map_err(|why| TopicError::Property { key: "source.properties", why: why.to_string() })?;
    let metadata = client
        .fetch_metadata(Some(topic), PATIENCE)
        .map_err(|why| TopicError::Unreachable { brokers: source.brokers.clone(), why: why.to_string() })?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    match found.map(|topic| topic.partitions().len()) {
        Some(count) if count > 0 => Ok(i32::try_from(count).unwrap_or(i32::MAX)),
        _ => Err(TopicError::Missing { key, topic: topic.to_owned(), brokers: source.brokers.clone() }),
    }
}

/// The longest message that a topic takes, in bytes.
pub(super) async fn limit(source: &config::Source, topic: &str) -> usize {
    let asked = async {
        let admin: AdminClient<DefaultClientContext> =
            client_config(&source.brokers, &source.properties).create().ok()?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options).await.ok()?;
        let resource = described.into_iter().next()?.ok()?;
        resource.get("max.message.bytes")?.value.as_ref()?.parse().ok()
    };
    // The mock cluster and brokers that forbid DescribeConfigs do not tell.
    asked.await.unwrap_or(DEFAULT_LIMIT)
}
