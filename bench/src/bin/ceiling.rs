//! The least that a reader of the topic can do: count its bytes, or parse three fields of each record with serde_json. No
//! rules, windows, sink or checkpoints. Prints one JSON line; its clock runs from before it connects.
//!
//!     ceiling BROKERS TOPIC MODE     MODE: bytes, parse, batch-bytes, batch-parse; 2x- before it: two consumers
#![allow(unsafe_code, reason = "librdkafka's batch call, which rdkafka does not wrap")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use weir_bench::kafka;

/// Records of one call.
const BATCH: usize = 4_096;
/// The call waits for a full batch or so many milliseconds.
const BATCH_WAIT: i32 = 20;

#[derive(Deserialize)]
struct Payment<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    amount: f64,
    event_time: i64,
}

/// Every field that is parsed goes in, so that the compiler leaves none out.
#[derive(Default)]
struct Seen {
    records: i64,
    bytes: usize,
    parsed: i64,
    negative: i64,
    cents: i64,
    newest: i64,
    kinds: usize,
}

impl Seen {
    fn add(&mut self, value: &[u8], parse: bool) {
        self.records += 1;
        self.bytes += value.len();
        if !parse {
            return;
        }
        let Ok(payment) = serde_json::from_slice::<Payment<'_>>(value) else { return };
        let cents = (payment.amount * 100.0).round() as i64;
        self.parsed += 1;
        self.kinds += payment.kind.len();
        self.newest = self.newest.max(payment.event_time);
        if cents < 0 { self.negative += 1 } else { self.cents += cents }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.records += other.records;
        self.bytes += other.bytes;
        self.parsed += other.parsed;
        self.negative += other.negative;
        self.cents += other.cents;
        self.newest = self.newest.max(other.newest);
        self.kinds += other.kinds;
        self
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, mode] = args.as_slice() else { bail!("usage: ceiling BROKERS TOPIC MODE") };
    let (consumers, way) = mode.strip_prefix("2x-").map_or((1, mode.as_str()), |way| (2, way));
    let (batch, parse) = match way {
        "bytes" => (false, false),
        "parse" => (false, true),
        "batch-bytes" => (true, false),
        "batch-parse" => (true, true),
        _ => bail!("{mode:?} is no mode: write [2x-][batch-]bytes or [2x-][batch-]parse"),
    };
    let began = Instant::now();
    let read = |nth| consume(brokers, topic, nth, consumers, batch, parse);
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..consumers).map(|nth| scope.spawn(move || read(nth))).collect();
        threads.into_iter().try_fold(Seen::default(), |all, thread| {
            Ok::<_, anyhow::Error>(all.merge(&thread.join().expect("a consumer panicked")?))
        })
    })?;
    let wall = began.elapsed().as_secs_f64();
    let Seen { records, bytes, parsed, negative, cents, newest, kinds } = seen;
    println!(
        r#"{{"mode":"{mode}","records":{records},"bytes":{bytes},"parsed":{parsed},"negative":{negative},"cents":{cents},"newest":{newest},"kinds":{kinds},"wall_s":{wall:.3}}}"#
    );
    Ok(())
}

/// Every `of`th partition from the `nth` on, from the beginning to where it ends now.
fn consume(brokers: &str, topic: &str, nth: usize, of: usize, batch: bool, parse: bool) -> Result<Seen> {
    let consumer = kafka::consumer(brokers)?;
    let (mut list, mut records) = (TopicPartitionList::new(), 0);
    for partition in kafka::partitions(&consumer, topic)?.into_iter().skip(nth).step_by(of) {
        let (low, high) = consumer.fetch_watermarks(topic, partition, kafka::WAIT)?;
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
        records += high - low;
    }
    consumer.assign(&list)?;
    let mut seen = Seen::default();
    if batch {
        by_batch(&consumer, records, parse, &mut seen)?
    } else {
        by_record(&consumer, records, parse, &mut seen)?
    }
    Ok(seen)
}

fn by_record(consumer: &BaseConsumer, records: i64, parse: bool, seen: &mut Seen) -> Result<()> {
    while seen.records < records {
        match consumer.poll(kafka::WAIT).context("no record within 30 s")? {
            Ok(message) => seen.add(message.payload().unwrap_or_default(), parse),
            Err(KafkaError::PartitionEOF(_)) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}

fn by_batch(consumer: &BaseConsumer, records: i64, parse: bool, seen: &mut Seen) -> Result<()> {
    let mut messages = vec![std::ptr::null_mut(); BATCH];
    let (mut last, mut failed) = (Instant::now(), None);
    // SAFETY: the client outlives the queue, which holds a reference of its own. The assignment is ours and no group's, so
    // no rebalance comes out of the queue.
    let queue = unsafe { rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
    while seen.records < records && failed.is_none() && last.elapsed() < kafka::WAIT {
        // SAFETY: the array has room for BATCH pointers.
        let count = unsafe { rd::rd_kafka_consume_batch_queue(queue, BATCH_WAIT, messages.as_mut_ptr(), BATCH) };
        for &message in &messages[..usize::try_from(count).unwrap_or(0)] {
            // SAFETY: the call set it; it is ours until it is destroyed here, and its bytes live as long.
            unsafe {
                match (*message).err {
                    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                        seen.add(std::slice::from_raw_parts((*message).payload.cast(), (*message).len), parse);
                    }
                    rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {}
                    other => failed = Some(other),
                }
                rd::rd_kafka_message_destroy(message);
            }
        }
        if count > 0 {
            last = Instant::now();
        }
    }
    // SAFETY: ours, and not used after.
    unsafe { rd::rd_kafka_queue_destroy(queue) };
    if let Some(why) = failed {
        bail!("the topic cannot be read on: {why:?}");
    }
    let (got, waited) = (seen.records, Duration::as_secs(&kafka::WAIT));
    if got < records {
        bail!("{got} of {records} records, and no further one within {waited} s")
    }
    Ok(())
}
