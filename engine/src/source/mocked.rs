//! A cluster of librdkafka's own in this process, for tests of those who ask Kafka through this stage.

use rdkafka::mocking::MockCluster;

/// With a topic of one partition; it ends with the handle. Beside it where its broker listens.
pub(crate) fn mocked(topic: &str) -> (impl Sized, String) {
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic(topic, 1, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    (cluster, brokers)
}
