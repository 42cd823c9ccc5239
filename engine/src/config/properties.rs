//! The librdkafka properties that `properties` may not set, and why: the checkpoint rests on them, or another key of
//! `weir.toml` says the same.

const OFFSETS: &str = "offsets come from the store alone; a commit of Kafka's own would break exactly-once";
const GROUP: &str = "the checkpoint needs the classic protocol with eager assignment";
const PRODUCER: &str = "the engine's letters are sent in its own transactions";
const LINGER: &str = "the engine lets a checkpoint's letters go itself, a request at a time";

const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "set source.brokers"),
    ("metadata.broker.list", "set source.brokers"),
    ("group.id", "set source.group"),
    ("enable.auto.commit", OFFSETS),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("offset.store.method", OFFSETS),
    ("auto.offset.reset", "a partition never seen starts where source.start says; anything else must stop, not skip"),
    (
        "check.crcs",
        "librdkafka skips a batch whose checksum is wrong, and its records would be in no sum and no letter",
    ),
    ("isolation.level", "records of an aborted transaction must never be counted"),
    ("group.protocol", GROUP),
    ("group.remote.assignor", GROUP),
    ("partition.assignment.strategy", GROUP),
    ("max.poll.interval.ms", "it bounds how long a revoked partition is drained; set checkpoint.drain"),
    ("enable.partition.eof", "the engine needs the ends of the logs, to pass control records"),
    ("transactional.id", PRODUCER),
    ("enable.idempotence", PRODUCER),
    ("transaction.timeout.ms", PRODUCER),
    ("acks", PRODUCER),
    ("request.required.acks", PRODUCER),
    ("enable.gapless.guarantee", PRODUCER),
    ("message.timeout.ms", PRODUCER),
    ("delivery.timeout.ms", PRODUCER),
    ("linger.ms", LINGER),
    ("queue.buffering.max.ms", LINGER),
];

/// Why a property can't be set here.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}
