//! What the topics are like: asked at start, so that a topic that is missing is one clear line and not a silent wait.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ConstantBuilder};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;
use rdkafka::producer::BaseProducer;

use super::client::{Complaints, client_config, complaint, not_made, producer_config};
use super::diagnosis::diagnose;
use crate::config;

const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what librdkafka complains of: what no waiting mends is told at once.
const SLICE: Duration = Duration::from_millis(500);
/// A topic that was made a moment ago is not known to every broker yet: so long it may be missing.
const NEW_TOPIC: ConstantBuilder = ConstantBuilder::new().with_delay(Duration::from_millis(200)).with_max_times(10);
/// Where the cluster does not tell: a little below Kafka's own default of `max.message.bytes`.
const DEFAULT_LIMIT: usize = 1_000_000;

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
        "{key}: {brokers} does not let this user see topic {topic:?}; give it the right to, or mend the user in {at}"
    )]
    Forbidden {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// As configured.
        topic: String,
        /// As configured.
        brokers: String,
        /// Where the user stands.
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
    /// librdkafka refuses a property.
    #[error("{key}: {why}")]
    Property {
        /// Key of the configuration, or flag of the command.
        key: &'static str,
        /// librdkafka's word.
        why: String,
    },
}

/// Which cluster to ask, and what an error calls it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// host:port,…
    pub brokers: &'a str,
    /// librdkafka's, passed through.
    pub properties: &'a BTreeMap<String, String>,
    /// Key of the configuration, or flag of the command, for the brokers and for the properties.
    pub keys: (&'static str, &'static str),
}

/// Both topics exist, and that of letters takes them.
pub async fn check_topics(source: &config::Source, letters: &config::DeadLetters) -> Result<(), TopicError> {
    let look = |key, topic: &str| {
        let (source, topic) = (source.clone(), topic.to_owned());
        tokio::task::spawn_blocking(move || partitions(of_source(&source), key, &topic).map(drop))
    };
    // Together, as each question needs a client of its own; if both fail, the first is told.
    let (first, second) = tokio::join!(look("source.topic", &source.topic), look("dead_letters.topic", &letters.topic));
    for found in [first, second] {
        found.map_err(|why| TopicError::Property { key: "source", why: why.to_string() })??;
    }
    if let Some(policy) = setting(of_source(source), &letters.topic, "cleanup.policy").await
        && policy.contains("compact")
    {
        let (topic, brokers) = (letters.topic.clone(), source.brokers.clone());
        return Err(TopicError::Compacted { topic, brokers, policy });
    }
    Ok(())
}

/// Whether librdkafka takes the properties of both tables for the clients of this stage; asks nobody. A property that it refuses
/// would be found out by the workers only, and waited for. Not all that a consumer takes is right for a producer of transactions.
pub fn check_properties(source: &config::Source, letters: &config::DeadLetters) -> Result<(), TopicError> {
    let none = config::DeadLetters { properties: BTreeMap::new(), ..letters.clone() };
    for (key, given, letters) in
        [("source.properties", &source.properties, &none), ("dead_letters.properties", &letters.properties, letters)]
    {
        if !given.is_empty() {
            let mut client = producer_config(source, letters, "weir-check", DEFAULT_LIMIT);
            // Without a broker it connects to nothing.
            let made: Result<BaseProducer, _> = client.remove("bootstrap.servers").create();
            let set = source.properties.iter().chain(&letters.properties);
            made.map_err(|why| TopicError::Property { key, why: not_made(&why, set) })?;
        }
    }
    Ok(())
}

pub(super) fn of_source(source: &config::Source) -> Cluster<'_> {
    let keys = ("source.brokers", "source.properties");
    Cluster { brokers: &source.brokers, properties: &source.properties, keys }
}

/// How many partitions a topic has; `key` is what an error calls the topic. Blocks, for 12 s at most.
pub fn partitions(cluster: Cluster<'_>, key: &'static str, topic: &str) -> Result<i32, TopicError> {
    (|| look(cluster, key, topic)).retry(NEW_TOPIC).when(|why| matches!(why, TopicError::Missing { .. })).call()
}

fn look(cluster: Cluster<'_>, key: &'static str, topic: &str) -> Result<i32, TopicError> {
    let Cluster { brokers, properties, keys } = cluster;
    let client: BaseConsumer<Complaints> = client_config(brokers, properties)
        .create_with_context(Complaints::default())
        .map_err(|why| TopicError::Property { key: keys.1, why: not_made(&why, properties) })?;
    let (topic, brokers) = (topic.to_owned(), brokers.to_owned());
    let metadata = match told(&client, cluster, &topic, PATIENCE) {
        Ok(metadata) => metadata,
        Err(why) => return Err(TopicError::Unreachable { key: keys.0, brokers, why }),
    };
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(TopicError::Missing { key, topic, brokers });
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None if found.partitions().is_empty() => Err(TopicError::Missing { key, topic, brokers }),
        None => Ok(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Err(TopicError::Missing { key, topic, brokers })
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
            Err(TopicError::Forbidden { key, topic, brokers, at: keys.1 })
        }
        Some(why) => Err(TopicError::Faulty { key, topic, brokers, why: why.to_string() }),
    }
}

/// What the cluster says of a topic, or why it says nothing: at once if waiting does not mend it, else after `patience`.
pub(super) fn told(
    client: &BaseConsumer<Complaints>,
    cluster: Cluster<'_>,
    topic: &str,
    patience: Duration,
) -> Result<Metadata, String> {
    let until = Instant::now() + patience;
    let mut first = None;
    loop {
        let left = until.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(100), SLICE);
        let why = match client.fetch_metadata(Some(topic), left) {
            Ok(metadata) => return Ok(metadata),
            Err(why) => why,
        };
        let news = if first.is_none() { complaint(client) } else { None };
        if let Some(complaint) = news {
            let diagnosis = diagnose(cluster, &complaint);
            if diagnosis.lasts {
                return Err(diagnosis.text);
            }
            first = Some(diagnosis.text);
        }
        if Instant::now() >= until {
            return Err(first.unwrap_or_else(|| diagnose(cluster, &why.to_string()).text));
        }
    }
}

/// The longest message that a topic takes, in bytes.
pub(super) async fn limit(source: &config::Source, topic: &str) -> usize {
    limit_at(of_source(source), topic).await
}

/// The longest message that a topic takes, in bytes. Blocks, for 10 s at most.
pub fn longest_message(cluster: Cluster<'_>, topic: &str) -> usize {
    futures::executor::block_on(limit_at(cluster, topic))
}

async fn limit_at(cluster: Cluster<'_>, topic: &str) -> usize {
    let told = setting(cluster, topic, "max.message.bytes").await;
    told.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_LIMIT)
}

/// Of a topic. None: the mock cluster and brokers that forbid DescribeConfigs do not tell.
async fn setting(cluster: Cluster<'_>, topic: &str, name: &str) -> Option<String> {
    let admin: AdminClient<DefaultClientContext> = client_config(cluster.brokers, cluster.properties).create().ok()?;
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options).await.ok()?;
    described.into_iter().next()?.ok()?.get(name)?.value.clone()
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    use super::*;

    /// What is said of a topic that librdkafka's cluster in this process answers for with this error.
    fn said(fault: RDKafkaRespErr) -> String {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("stream", 2, 1).expect("a topic");
        cluster.topic_error("stream", fault).expect("a fault");
        let (brokers, none) = (cluster.bootstrap_servers(), BTreeMap::new());
        let cluster = Cluster { brokers: &brokers, properties: &none, keys: ("--brokers", "-X") };
        match partitions(cluster, "--topic", "stream") {
            Ok(count) => format!("{count} partitions"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_topic_that_was_just_made_is_waited_for() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("stream", 2, 1).expect("a topic");
        cluster.topic_error("stream", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).expect("a fault");
        let brokers = cluster.bootstrap_servers();
        let asked = std::thread::spawn(move || {
            let cluster = Cluster { brokers: &brokers, properties: &BTreeMap::new(), keys: ("--brokers", "-X") };
            partitions(cluster, "--topic", "stream")
        });
        std::thread::sleep(Duration::from_millis(700));
        cluster.topic_error("stream", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).expect("the fault is over");
        assert_eq!(asked.join().expect("no panic").expect("it is there"), 2);
    }

    #[test]
    fn a_topic_that_is_not_there_not_ours_to_see_or_out_of_order_is_told_apart() {
        use RDKafkaRespErr::*;
        let cases: [(_, &[&str]); 4] = [
            (RD_KAFKA_RESP_ERR_NO_ERROR, &["2 partitions"]),
            (
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                &["--topic", "no topic", "create it", "kafka-topics.sh", "--create"],
            ),
            (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, &["--topic", "\"stream\"", "the right", "-X"]),
            (RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, &["--topic", "\"stream\"", "nvalid topic"]),
        ];
        for (fault, parts) in cases {
            let said = said(fault);
            assert!(parts.iter().all(|part| said.contains(part)), "{fault:?}: {parts:?} stand not in: {said}");
            assert!(said.contains("no topic") == (fault == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), "{said}");
        }
    }
}
