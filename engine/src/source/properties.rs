//! librdkafka's settings for a member of the group. Those that the checkpoint rests on are pinned; the configuration
//! refuses them in `source.properties`.

use rdkafka::ClientConfig;

use crate::config;

pub(super) fn consumer(source: &config::Source) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("session.timeout.ms", "10000")
        // The others learn by it that a member has gone: their partitions stand still for so long at most.
        .set("heartbeat.interval.ms", "500")
        .set("max.poll.interval.ms", "60000")
        .set("queued.min.messages", "100000")
        // What most of the engine's memory is. Less keeps up as well, for a full queue is looked at again soon (below).
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.wait.max.ms", "100")
        // How long a full queue is left alone. librdkafka's own second empties it many times over.
        .set("fetch.queue.backoff.ms", "2")
        // How long new partitions of the topic are not seen; five minutes would be librdkafka's own.
        .set("topic.metadata.refresh.interval.ms", "30000");
    // Its other name: which of the two librdkafka would hear last is not said.
    if !source.properties.contains_key("max.partition.fetch.bytes") {
        // Of one partition in one answer: half as many requests as with librdkafka's own MiB.
        client.set("fetch.message.max.bytes", "2097152");
    }
    for (name, value) in &source.properties {
        client.set(name, value);
    }
    client
        .set("bootstrap.servers", &source.brokers)
        .set("group.id", &source.group)
        // FACTS section 3: eager, so that each rebalance takes everything and gives it anew.
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "range")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        // Aborted records and control records are seen by nobody: only the end of the log tells that they were passed.
        .set("enable.partition.eof", "true");
    client
}
