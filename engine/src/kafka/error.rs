//! What can be wrong with a client, a topic or a read, in words that name the key of the configuration or the flag.

use rdkafka::error::KafkaError;

/// librdkafka makes no client of these settings. The text shows no value of a property, which may be a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotMade(pub String);

/// A topic is not as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// No broker answered.
    #[error("{key}: no answer from {brokers}: {why}")]
    Unreachable {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// As configured.
        brokers: String,
        /// librdkafka's word.
        why: String,
    },
    /// The topic does not exist.
    #[error(
        "{key}: there is no topic {topic:?} at {brokers}; create it, Weir does not: kafka-topics.sh --bootstrap-server \
         {brokers} --create --topic {topic} --partitions 4"
    )]
    Missing {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
    },
    /// It may exist, but not for us.
    #[error(
        "{key}: {brokers} does not let this user see topic {topic:?}; give it the right to, or fix the user in {at}"
    )]
    Forbidden {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// Where the user is.
        at: &'static str,
    },
    /// Something else is wrong with it; it may pass.
    #[error("{key}: {brokers} says of topic {topic:?}: {why}")]
    Faulty {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// The broker's word.
        why: String,
    },
    /// librdkafka refuses a property.
    #[error("{key}: {why}")]
    Property {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// librdkafka's word.
        why: String,
    },
}

/// A range of a topic could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// A property that librdkafka refuses.
    #[error("Kafka client: {0}")]
    Client(#[from] NotMade),
    /// No broker answered.
    #[error("no answer from Kafka at {brokers}: {why}")]
    Unreachable {
        /// As given.
        brokers: String,
        /// librdkafka's word.
        why: String,
    },
    /// It does not exist, or may not be read.
    #[error("topic {topic:?}: {why}")]
    Topic {
        /// As given.
        topic: String,
        /// librdkafka's word.
        why: String,
    },
    /// Reading broke off.
    #[error("reading {topic:?}: {why}")]
    Broken {
        /// As given.
        topic: String,
        /// librdkafka's word.
        why: KafkaError,
    },
}
