//! The least that a reader of the topic can do: one consumer, one thread, poll every record and parse three of its fields
//! with serde_json. No rules, windows, sink or checkpoints. Prints one JSON line.
//!
//!     bare-loop BROKERS TOPIC

use std::borrow::Cow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;

const WAIT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Payment<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    amount: f64,
    event_time: i64,
}

#[derive(Default)]
struct Seen {
    records: i64,
    parsed: u64,
    cents: i64,
    /// Read, so that no field's parsing is optimised away.
    newest: i64,
    kinds: usize,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(brokers), Some(topic)) = (args.next(), args.next()) else { bail!("usage: bare-loop BROKERS TOPIC") };
    let began = Instant::now();
    // As generous to it as to `weir run`: what raised the speed of the peers' readers on this machine.
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "bare-loop")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("fetch.queue.backoff.ms", "2")
        .set("fetch.wait.max.ms", "10")
        .set("queued.min.messages", "400000")
        .set("queued.max.messages.kbytes", "131072")
        .set("fetch.message.max.bytes", "8388608")
        .set("check.crcs", "false")
        .create()?;
    let end = assign_all(&consumer, &topic)?;
    let mut seen = Seen::default();
    while seen.records < end {
        let message = consumer.poll(WAIT).context("no record within 10 s")??;
        seen.add(message.payload().unwrap_or_default());
    }
    let wall = began.elapsed().as_secs_f64();
    println!(
        r#"{{"records":{},"parsed":{},"cents":{},"newest":{},"kinds":{},"wall_s":{wall:.3}}}"#,
        seen.records, seen.parsed, seen.cents, seen.newest, seen.kinds
    );
    Ok(())
}

/// From the beginning; how many records there are.
fn assign_all(consumer: &BaseConsumer, topic: &str) -> Result<i64> {
    let metadata = consumer.fetch_metadata(Some(topic), WAIT)?;
    let partitions = metadata.topics().first().context("the topic is unknown")?.partitions();
    let (mut list, mut records) = (TopicPartitionList::new(), 0);
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), WAIT)?;
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
        records += high - low;
    }
    consumer.assign(&list)?;
    Ok(records)
}

impl Seen {
    fn add(&mut self, value: &[u8]) {
        self.records += 1;
        if let Ok(payment) = serde_json::from_slice::<Payment>(value) {
            self.parsed += 1;
            self.cents += (payment.amount * 100.0).round() as i64;
            self.newest = self.newest.max(payment.event_time);
            self.kinds = self.kinds.max(payment.kind.len());
        }
    }
}
