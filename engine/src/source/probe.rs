//! Whether Kafka answers somebody who has never talked to it before. A client of librdkafka may end up without a broker to
//! ask, for good, beside a cluster that serves everyone else; only a new one can tell the two apart.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{SourceError, properties};
use crate::config;

/// Longer than a broker that is only busy needs; a second look follows soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// A new client, which joins no group, finds a broker and the source topic. Blocks, for some 5 s at most.
pub fn answers(config: &config::Source) -> Result<(), SourceError> {
    let client: BaseConsumer = properties::consumer(config, None).create()?;
    let metadata = client.fetch_metadata(Some(&config.topic), PATIENCE)?;
    let known = metadata.topics().iter().any(|topic| topic.name() == config.topic && topic.error().is_none());
    if metadata.brokers().is_empty() || !known {
        return Err(SourceError::Unknown { topic: config.topic.as_str().into() });
    }
    Ok(())
}
