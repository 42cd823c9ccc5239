//! Counts the committed records of a dead-letter topic, and how many of them stand for one and the same source record: by
//! the headers that name its partition and offset, or by the value where a letter has no such headers (a peer's). The
//! topic's end offsets cannot tell: transactions leave markers in between. Prints one JSON line.
//!
//!     letters BROKERS TOPIC

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use weir_bench::kafka;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic] = args.as_slice() else { bail!("usage: letters BROKERS TOPIC") };
    let consumer = kafka::consumer(brokers)?;
    let partitions = kafka::partitions(&consumer, topic)?;
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut letters, mut ends, mut of, mut codes) = (0_u64, 0, HashSet::new(), BTreeMap::<String, u64>::new());
    while ends < partitions.len() {
        match consumer.poll(kafka::WAIT).context("the topic has no end within 30 s")? {
            Ok(message) => {
                letters += 1;
                of.insert(source(&message));
                *codes.entry(header(&message, "weir.code").unwrap_or("none").to_owned()).or_default() += 1;
            }
            Err(KafkaError::PartitionEOF(_)) => ends += 1,
            Err(why) => return Err(why.into()),
        }
    }
    let (distinct, codes) = (of.len() as u64, serde_json::to_string(&codes)?);
    println!(r#"{{"letters":{letters},"distinct":{distinct},"duplicates":{},"codes":{codes}}}"#, letters - distinct);
    Ok(())
}

/// Partition and offset of the source record, or the hash of the value.
fn source(message: &BorrowedMessage<'_>) -> (i64, i64) {
    let number = |name| header(message, name).and_then(|text| text.parse().ok());
    match (number("__dlq.errors.partition"), number("__dlq.errors.offset")) {
        (Some(partition), Some(offset)) => (partition, offset),
        _ => {
            let mut hasher = DefaultHasher::new();
            message.payload().hash(&mut hasher);
            (-1, hasher.finish().cast_signed())
        }
    }
}

fn header<'a>(message: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    let headers = message.headers()?;
    let found = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}
