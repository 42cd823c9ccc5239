//! `weir produce`: sends the records of a file to a topic, idempotently and keyed, as fast as the broker takes them or
//! at a rate. The queue of librdkafka bounds what is in memory.

pub mod mapping;
mod records;
mod text;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::out;
use super::properties::Properties;
use crate::dead_letters;

pub use mapping::Mapping;
pub use records::{ProduceError, Produced, records};

const PATIENCE: Duration = Duration::from_secs(10);

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kafka brokers, host:port,…
    #[arg(long)]
    brokers: String,
    /// The topic to send to
    #[arg(long)]
    topic: String,
    #[command(flatten)]
    properties: Properties,
    /// The mapping file
    #[arg(long)]
    mapping: PathBuf,
    /// Records a second; as fast as possible without it
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Count bad lines and go on instead of stopping at the first
    #[arg(long)]
    skip_bad: bool,
    /// A .csv or .jsonl file, or as the mapping's `format` says
    input: PathBuf,
}

/// Keeps the first failed delivery; librdkafka has retried it already.
#[derive(Default)]
struct Deliveries(Mutex<Option<KafkaError>>);

impl ClientContext for Deliveries {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {} // errors come as errors, on one line
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut first = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            first.get_or_insert_with(|| error.clone());
        }
    }
}

/// Sends the file.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mapping = Mapping::read(&args.mapping)?.for_input(&args.input)?;
    let file = File::open(&args.input).with_context(|| format!("cannot open {}", args.input.display()))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template("{bar:40} {percent}% {msg}")?);
    let reader = BufReader::new(bar.wrap_read(file));
    let mut records = records(reader, mapping).peekable();
    // A bad first line is told before anything waits for a broker.
    if let Some(Err(_)) = records.peek().filter(|_| !args.skip_bad) {
        records.next().transpose().map_err(|error| located(args, &error))?;
    }
    let producer = connect(args)?;
    let (started, mut sent, mut skipped) = (Instant::now(), 0_u64, 0_u64);
    for record in records {
        match record {
            Ok(record) => send(&producer, &args.topic, &record)?,
            Err(error) if args.skip_bad && !error.fatal => {
                skipped += 1;
                continue;
            }
            Err(error) => {
                let _ = producer.flush(PATIENCE); // what came before the bad line is sent
                return Err(located(args, &error).context(format!("stopped after {sent} records")));
            }
        }
        sent += 1;
        if sent % 1_000 == 0 {
            bar.set_message(format!("{sent} records"));
        }
        pace(&producer, args.rate, started, sent);
    }
    settle(&producer)?;
    bar.finish_and_clear();
    out::line(format_args!("{sent} records sent to {}, {skipped} bad lines skipped", args.topic));
    Ok(())
}

fn located(args: &Args, error: &ProduceError) -> anyhow::Error {
    anyhow!("{}:{}: {}", args.input.display(), error.line, error.message)
}

fn connect(args: &Args) -> anyhow::Result<BaseProducer<Deliveries>> {
    let mut client = ClientConfig::new();
    for (name, value) in args.properties.iter() {
        client.set(name, value);
    }
    let producer: BaseProducer<Deliveries> = client
        .set("bootstrap.servers", &args.brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536")
        .create_with_context(Deliveries::default())
        .context("cannot make a producer")?;
    let (properties, keys) = (args.properties.over(BTreeMap::new()), ("--brokers", "-X"));
    let cluster = dead_letters::Cluster { brokers: &args.brokers, properties: &properties, keys };
    dead_letters::partitions(cluster, "--topic", &args.topic)?;
    Ok(producer)
}

fn send(producer: &BaseProducer<Deliveries>, topic: &str, record: &Produced) -> anyhow::Result<()> {
    loop {
        let message = BaseRecord::to(topic).key(&record.key).payload(&record.value);
        match producer.send(message) {
            Ok(()) => {
                producer.poll(Duration::ZERO);
                return failed(producer);
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(100));
                failed(producer)?;
            }
            Err((error, _)) => return Err(error).context(format!("cannot send to {topic}")),
        }
    }
}

fn pace(producer: &BaseProducer<Deliveries>, rate: Option<u32>, started: Instant, sent: u64) {
    let Some(rate) = rate else { return };
    let due = started + Duration::from_secs_f64(sent as f64 / f64::from(rate));
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        producer.poll(left.min(Duration::from_millis(100)));
        std::thread::sleep(left.min(Duration::from_millis(1)));
    }
}

fn settle(producer: &BaseProducer<Deliveries>) -> anyhow::Result<()> {
    producer.flush(Duration::from_secs(60)).context("Kafka did not confirm every record within 60 s")?;
    failed(producer)
}

fn failed(producer: &BaseProducer<Deliveries>) -> anyhow::Result<()> {
    let first = producer.context().0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    first.map_or(Ok(()), |error| Err(error).context("a record was not delivered"))
}
