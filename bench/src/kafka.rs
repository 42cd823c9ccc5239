//! Kafka's clients as the peers' programs set them: as generous to a yardstick as its figures on record were.

use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// How long the broker may take to answer.
pub const WAIT: Duration = Duration::from_secs(30);

/// A producer. `linger`: how long a record may wait for others, in milliseconds. `compression`: Kafka's name of it.
///
/// # Errors
/// If librdkafka refuses a property.
pub fn producer(brokers: &str, linger: &str, compression: &str) -> Result<BaseProducer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", linger)
        .set("batch.size", "1000000")
        .set("batch.num.messages", "10000")
        .set("queue.buffering.max.messages", "500000")
        .set("queue.buffering.max.kbytes", "524288")
        .set("compression.type", compression)
        .set("acks", "all")
        .create()?)
}

/// Hands a record to the client, and waits while its queue is full.
///
/// # Errors
/// If the client refuses the record for another reason.
pub fn send<'a>(producer: &BaseProducer, mut record: BaseRecord<'a, [u8], [u8]>) -> Result<()> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(5));
                record = back;
            }
            Err((why, _)) => return Err(why.into()),
        }
    }
}

/// Waits until the broker has all of them.
///
/// # Errors
/// If it has not within 120 s.
pub fn flush(producer: &BaseProducer) -> Result<()> {
    producer.flush(Duration::from_secs(120)).context("the broker does not take the records")
}

/// Numbers of the topic's partitions.
///
/// # Errors
/// If the broker does not answer within [`WAIT`], or knows no such topic.
pub fn partitions<C: Consumer>(consumer: &C, topic: &str) -> Result<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), WAIT)?;
    let topic = metadata.topics().first().context("the topic is unknown")?;
    Ok(topic.partitions().iter().map(|partition| partition.id()).collect())
}

/// A consumer that fetches as far ahead as the peers' do, up to 128 MiB, and commits nothing.
///
/// # Errors
/// If librdkafka refuses a property.
pub fn consumer(brokers: &str) -> Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "weir-bench")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("fetch.queue.backoff.ms", "2")
        .set("fetch.wait.max.ms", "10")
        .set("queued.min.messages", "400000")
        .set("queued.max.messages.kbytes", "131072")
        .set("fetch.message.max.bytes", "8388608")
        .set("fetch.max.bytes", "67108864")
        .set("receive.message.max.bytes", "134217728")
        .set("check.crcs", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()?)
}
