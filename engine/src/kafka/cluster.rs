//! Which cluster answers: Kafka gives each an id, and two of them never share one.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};

use super::client::{ClientSettings, Cluster};
use crate::config;

/// How long each of the two questions may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The id of the cluster at `source.brokers`. None: it does not tell, or does not answer (which a look at the topics says).
pub async fn cluster_id(source: &config::Source) -> Option<String> {
    let source = source.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let settings = ClientSettings::new(Cluster::of_source(&source), &[]);
        let client: BaseConsumer = settings.create(DefaultConsumerContext).ok()?;
        // The id comes with any answer about topics.
        client.fetch_metadata(Some(&source.topic), ANSWER_TIMEOUT).ok()?;
        client.client().fetch_cluster_id(ANSWER_TIMEOUT)
    });
    let id = asked.await.ok().flatten().filter(|id| !id.is_empty());
    if id.is_none() {
        tracing::warn!(
            "Kafka did not tell its cluster's id: whether it is the one that the pipeline ran on shows at the first claim"
        );
    }
    id
}
