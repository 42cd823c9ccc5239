//! Fills a topic with the peers' records from a seed and writes the truth about them. Prints one JSON line of totals.
//!
//!     fill --brokers HOST:PORT --topic TOPIC --records 20000000 --seed 43 --truth FILE

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use rdkafka::producer::BaseRecord;
use weir_bench::kafka;
use weir_bench::records::{Records, Shape};
use weir_bench::truth::Truth;

/// How long the client may gather a batch, milliseconds.
const LINGER: &str = "20";

#[derive(Parser)]
struct Args {
    /// Without it nothing is sent: the truth alone.
    #[arg(long, requires = "topic")]
    brokers: Option<String>,
    #[arg(long)]
    topic: Option<String>,
    #[arg(long)]
    records: u64,
    #[arg(long)]
    seed: u64,
    /// A line for each row that risk_stats gets.
    #[arg(long)]
    truth: PathBuf,
    /// Per mille of amounts below zero.
    #[arg(long, default_value_t = 20)]
    negative: u64,
    /// Per mille of records that are no JSON.
    #[arg(long, default_value_t = 5)]
    malformed: u64,
    /// Values of `type`; the default are PaySim's.
    #[arg(long, default_value_t = 5)]
    groups: u64,
    /// Records that share a millisecond of event time.
    #[arg(long, default_value_t = 1)]
    per_ms: u64,
    /// Event time of the first record, epoch milliseconds.
    #[arg(long, default_value_t = Shape::default().first)]
    first: i64,
    /// Balances move by the amount, so that no record gets a flag.
    #[arg(long)]
    balanced: bool,
    /// Of the batches, as Kafka names it; the yardsticks' topics have none. `lz4` makes room for a long topic.
    #[arg(long, default_value = "none")]
    compression: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.groups > 0 && args.per_ms > 0, "--groups and --per-ms are 1 or more");
    let Args { negative, malformed, groups, per_ms, first, balanced, .. } = args;
    let shape = Shape { negative, malformed, groups, per_ms, first, balanced };
    let named = groups == Shape::default().groups;
    let (mut records, mut truth) = (Records::new(args.seed, shape), Truth::default());
    let producer =
        args.brokers.as_ref().map(|brokers| kafka::producer(brokers, LINGER, &args.compression)).transpose()?;
    let began = Instant::now();
    for i in 0..args.records {
        let drawn = records.draw();
        truth.add(&drawn, records.value.len());
        if let (Some(producer), Some(topic)) = (&producer, &args.topic) {
            kafka::send(producer, BaseRecord::to(topic).key(&records.key[..]).payload(&records.value[..]))?;
            if i % 4_096 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
    }
    producer.as_ref().map_or(Ok(()), kafka::flush)?;
    let wall = began.elapsed().as_secs_f64();
    truth.write(&args.truth, named)?;
    let Truth { records: n, negative, malformed, flagged, sum, negative_sum, bytes, .. } = &truth;
    println!(
        r#"{{"records":{n},"valid":{},"negative":{negative},"malformed":{malformed},"flagged":{flagged},"sum_cents":{sum},"neg_sum_cents":{negative_sum},"rows":{},"value_bytes":{bytes},"wall_s":{wall:.3}}}"#,
        n - negative - malformed,
        truth.rows(),
    );
    Ok(())
}
