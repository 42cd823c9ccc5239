//! librdkafka's settings for a member of the group. Those that the checkpoint rests on are pinned; the configuration
//! refuses them in `source.properties`.

use crate::config;
use crate::kafka::{ClientSettings, Cluster};

/// Kafka knows a member that comes back by it. One id is one member, so several workers of a process need one each.
const INSTANCE: &str = "group.instance.id";

/// Settings of a worker's consumer. `worker`: its number, if the process has several.
pub(super) fn consumer(source: &config::Source, worker: Option<usize>) -> ClientSettings {
    let mut preferred = vec![
        ("session.timeout.ms", "10000"),
        // The others learn by it that a member has gone: their partitions stand still for so long at most.
        ("heartbeat.interval.ms", "500"),
        ("max.poll.interval.ms", "60000"),
        ("queued.min.messages", "100000"),
        // What most of the engine's memory is. Less keeps up as well, for a full queue is looked at again soon (below).
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.wait.max.ms", "100"),
        // How long a full queue is left alone. librdkafka's own second empties it many times over.
        ("fetch.queue.backoff.ms", "2"),
        // How long new partitions of the topic are not seen; five minutes would be librdkafka's own.
        ("topic.metadata.refresh.interval.ms", "30000"),
    ];
    // Its other name: which of the two librdkafka would hear last is not said.
    if !source.properties.contains_key("max.partition.fetch.bytes") {
        // Of one partition in one answer: half as many requests as with librdkafka's own MiB.
        preferred.push(("fetch.message.max.bytes", "2097152"));
    }
    let mut settings = ClientSettings::new(Cluster::of_source(source), &preferred);
    if let (Some(number), Some(id)) = (worker, source.properties.get(INSTANCE)) {
        settings.set(INSTANCE, format!("{id}-{number}"));
    }
    settings
        .set("group.id", &source.group)
        // docs/protocol.md#the-consumer-group: eager, so that each rebalance takes everything and gives it anew.
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "range")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        // Aborted records and control records are seen by nobody: only the end of the log tells that they were passed.
        .set("enable.partition.eof", "true");
    settings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_of_several_workers_is_a_member_of_its_own() {
        let source = config::Source {
            brokers: "127.0.0.1:9092".into(),
            topic: "stream".into(),
            group: "group".into(),
            start: config::Start::Earliest,
            max_record: bytesize::ByteSize::mib(1),
            rejoin_after: Duration::from_secs(60),
            properties: [(INSTANCE.to_owned(), "pod-7".to_owned())].into_iter().collect(),
        };
        let id = |worker| consumer(&source, worker).get(INSTANCE).map(str::to_owned);
        assert_eq!(id(None).as_deref(), Some("pod-7"), "as it is configured");
        assert_eq!([id(Some(0)), id(Some(1))], [Some("pod-7-0".into()), Some("pod-7-1".into())]);
    }
}
