//! Whether Kafka answers somebody who has never talked to it before. A client of librdkafka may end up without a broker to
//! ask, for good, beside a cluster that serves everyone else; only a new one can tell the two apart. And what `weir check` asks.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use super::{SourceError, properties};
use crate::config;

/// How long one question may take: longer than a broker that is only busy needs. A second look follows soon.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A new client, which joins no group, finds a broker and the source topic. Blocks, for some 5 s at most.
///
/// # Errors
/// [`SourceError`]: no broker answered in time, or it does not know the topic.
pub fn answers(config: &config::Source) -> Result<(), SourceError> {
    let client = made(config)?;
    let metadata = client.fetch_metadata(Some(&config.topic), ANSWER_TIMEOUT)?;
    let known = metadata.topics().iter().any(|topic| topic.name() == config.topic && topic.error().is_none());
    if metadata.brokers().is_empty() || !known {
        return Err(SourceError::Unknown { topic: config.topic.as_str().into() });
    }
    Ok(())
}

/// Whether librdkafka takes the properties; asks nobody.
///
/// # Errors
/// [`SourceError`]: which property librdkafka refuses.
pub fn check_properties(config: &config::Source) -> Result<(), SourceError> {
    if config.properties.is_empty() {
        return Ok(());
    }
    Ok(properties::consumer(config, None).check::<BaseConsumer>()?)
}

/// Whether this user may read records: partition 0 from its end. Joins no group; blocks, for some 5 s at most.
///
/// # Errors
/// [`SourceError`]: Kafka refuses the right to, or did not answer in time.
pub fn may_read(config: &config::Source) -> Result<(), SourceError> {
    let client = made(config)?;
    client.assign(&first(config, KafkaOffset::End)?)?;
    let until = Instant::now() + ANSWER_TIMEOUT;
    while Instant::now() < until {
        match client.poll(Duration::from_millis(100)) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(why @ KafkaError::MessageConsumption(RDKafkaErrorCode::TopicAuthorizationFailed))) => {
                return Err(why.into());
            }
            // librdkafka tries again.
            Some(Err(_)) | None => {}
        }
    }
    Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut).into())
}

/// Whether the group's coordinator answers this user. Joins no group; blocks, for some 5 s at most.
///
/// # Errors
/// [`SourceError`]: Kafka refuses the right to, or did not answer in time.
pub fn group_answers(config: &config::Source) -> Result<(), SourceError> {
    let client = made(config)?;
    let asked = client.committed_offsets(first(config, KafkaOffset::Invalid)?, ANSWER_TIMEOUT);
    let known = asked.map_err(|why| refusal_of_the_group(&client).unwrap_or(why))?;
    Ok(known.elements().iter().try_for_each(|element| element.error())?)
}

/// While this user may not know the coordinator, librdkafka looks for it until the time is up, and tells why to whoever polls.
fn refusal_of_the_group(client: &BaseConsumer) -> Option<KafkaError> {
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        let told = client.poll(Duration::from_millis(100));
        if let Some(Err(why @ KafkaError::MessageConsumption(RDKafkaErrorCode::GroupAuthorizationFailed))) = told {
            return Some(why);
        }
    }
    None
}

fn made(config: &config::Source) -> Result<BaseConsumer, SourceError> {
    Ok(properties::consumer(config, None).create(DefaultConsumerContext)?)
}

fn first(config: &config::Source, at: KafkaOffset) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic, 0, at)?;
    Ok(list)
}
