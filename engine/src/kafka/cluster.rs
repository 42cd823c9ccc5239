//! Which cluster answers: Kafka gives each an id, and two of them never share one.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::client::client_config;
use crate::config;

/// Of each of two questions.
const PATIENCE: Duration = Duration::from_secs(10);

/// The id of the cluster at `source.brokers`. None: it does not tell, or does not answer (which `check_topics` says).
pub async fn cluster_id(source: &config::Source) -> Option<String> {
    let source = source.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = client_config(&source.brokers, &source.properties).create().ok()?;
        // The id comes with any answer about topics.
        client.fetch_metadata(Some(&source.topic), PATIENCE).ok()?;
        client.client().fetch_cluster_id(PATIENCE)
    });
    let id = asked.await.ok().flatten().filter(|id| !id.is_empty());
    if id.is_none() {
        tracing::warn!(
            "Kafka did not tell its cluster's id: whether it is the one that the pipeline ran on is not checked"
        );
    }
    id
}
