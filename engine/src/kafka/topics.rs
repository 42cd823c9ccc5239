//! What topics are like: asked at start, so that a topic that is missing is one clear line and not a silent wait.

use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ConstantBuilder};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;

use super::client::{ClientSettings, Cluster, Complaints, complaint};
use super::diagnosis::diagnose;
use super::error::{NotMade, TopicError};

/// How long one question to the cluster may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two looks at what librdkafka complains of, so that what waiting does not fix is reported at once.
const SLICE: Duration = Duration::from_millis(500);
/// How long a topic may be missing: one that was made a moment ago is not known to every broker yet.
const NEW_TOPIC: ConstantBuilder = ConstantBuilder::new().with_delay(Duration::from_millis(200)).with_max_times(10);
/// Bytes of the longest message where the cluster does not tell: a little below Kafka's own default of `max.message.bytes`.
pub(crate) const DEFAULT_MESSAGE_LIMIT: usize = 1_000_000;

/// How many partitions a topic has; `key` is what an error calls the topic. Blocks, for 12 s at most.
///
/// # Errors
/// [`TopicError`]: the topic is not there, not for this user to see, or no broker answered in time.
pub fn partitions(cluster: Cluster<'_>, key: &'static str, topic: &str) -> Result<i32, TopicError> {
    (|| look(cluster, key, topic)).retry(NEW_TOPIC).when(|why| matches!(why, TopicError::Missing { .. })).call()
}

fn look(cluster: Cluster<'_>, key: &'static str, topic: &str) -> Result<i32, TopicError> {
    let Cluster { brokers, keys, .. } = cluster;
    let client: BaseConsumer<Complaints> = ClientSettings::new(cluster, &[])
        .create(Complaints::default())
        .map_err(|NotMade(why)| TopicError::Property { key: keys.1, why })?;
    let (topic, brokers) = (topic.to_owned(), brokers.to_owned());
    let metadata = match told(&client, cluster, &topic, ANSWER_TIMEOUT) {
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

/// What the cluster says of a topic, or why it says nothing: at once if waiting does not fix it, else after `timeout`.
pub(super) fn told(
    client: &BaseConsumer<Complaints>,
    cluster: Cluster<'_>,
    topic: &str,
    timeout: Duration,
) -> Result<Metadata, String> {
    let until = Instant::now() + timeout;
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

/// Bytes of the longest message that a topic takes.
pub async fn longest_message(cluster: Cluster<'_>, topic: &str) -> usize {
    let told = topic_setting(cluster, topic, "max.message.bytes").await;
    told.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MESSAGE_LIMIT)
}

/// A setting of a topic. None: the mock cluster and brokers that forbid DescribeConfigs do not tell.
pub(crate) async fn topic_setting(cluster: Cluster<'_>, topic: &str, name: &str) -> Option<String> {
    let settings = ClientSettings::new(cluster, &[]);
    let admin: AdminClient<DefaultClientContext> = settings.create(DefaultClientContext).ok()?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
    let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options).await.ok()?;
    described.into_iter().next()?.ok()?.get(name)?.value.clone()
}

#[cfg(test)]
mod tests {

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    use super::*;
    use crate::config::Properties;

    /// What is said of a topic that librdkafka's cluster in this process answers for with this error.
    fn said(fault: RDKafkaRespErr) -> String {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("stream", 2, 1).expect("a topic");
        cluster.topic_error("stream", fault).expect("a fault");
        let (brokers, none) = (cluster.bootstrap_servers(), Properties::default());
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
            let cluster = Cluster { brokers: &brokers, properties: &Properties::default(), keys: ("--brokers", "-X") };
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
            assert!(parts.iter().all(|part| said.contains(part)), "{fault:?}: not all of {parts:?} in: {said}");
            assert!(said.contains("no topic") == (fault == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), "{said}");
        }
    }
}
