//! Sends the records, a bounded number ahead of the engine, and makes the two swaps on the way.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::{Shared, TOPIC};
use crate::cli::out;
use crate::cli::produce::{Mapping, records};
use crate::config::Properties;
use crate::kafka::{ClientSettings, Cluster};
use crate::pipeline::Running;
use crate::status::Status;

/// Records that may be sent ahead of what was judged. They have about 270 bytes each, in four partitions of which the mock
/// cluster keeps 5 MiB.
const LEAD: u64 = 8_000;
/// Records a second at most, so that a swap falls in the middle of the stream and not after it.
pub(super) const RATE: u64 = 40_000;

/// What is swapped in on the way.
pub(super) struct Swaps {
    /// A stricter `high_amount`, by POST /rules at a half.
    pub(super) strict: Vec<u8>,
    /// A module for the directory, at six tenths.
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
}

/// Where each record landed: partition and offset, by row number.
pub(super) type Places = Vec<(i32, i64)>;

struct Landing(Shared<Places>);

impl ClientContext for Landing {}

impl ProducerContext for Landing {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<u64>) {
        if let Ok(message) = result {
            let mut places = self.0.lock().expect("no code panics while it holds the lock");
            places[*number as usize] = (message.partition(), message.offset());
        }
    }
}

/// Sends all records; returns when the last is delivered and both swaps are in force.
pub(super) async fn stream(
    running: &Running,
    brokers: &str,
    csv: &Path,
    count: u64,
    swaps: Swaps,
) -> anyhow::Result<Places> {
    let sent = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let hold = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (brokers, csv, status) = (brokers.to_owned(), csv.to_owned(), running.status.clone());
    let (progress, held) = (sent.clone(), hold.clone());
    let sender = std::thread::spawn(move || send_all(&brokers, &csv, count, &status, &progress, &held));
    let swapped = swap(running, count, &sent, swaps).await;
    hold.store(false, std::sync::atomic::Ordering::Release);
    let places =
        tokio::task::spawn_blocking(move || sender.join()).await?.map_err(|_| anyhow!("the sender panicked"))?;
    swapped?;
    places
}

async fn swap(running: &Running, count: u64, sent: &std::sync::atomic::AtomicU64, swaps: Swaps) -> anyhow::Result<()> {
    let reached = |part: u64| move || sent.load(std::sync::atomic::Ordering::Relaxed) * 10 >= count * part;
    super::until("half of the records", Duration::from_secs(120), reached(5)).await?;
    let url = format!("http://{}/rules", running.admin);
    let answer = tokio::task::spawn_blocking(move || -> anyhow::Result<String> {
        let mut response = ureq::post(&url).header("content-type", "application/wasm").send(&swaps.strict[..])?;
        Ok(response.body_mut().read_to_string()?)
    });
    out::note(format_args!("swap 1, POST /rules: {}", answer.await?.context("POST /rules")?));
    super::until("six tenths of the records", Duration::from_secs(120), reached(6)).await?;
    let partial = swaps.to.with_extension("tmp");
    std::fs::copy(&swaps.from, &partial).with_context(|| format!("{}: run `make rules`", swaps.from.display()))?;
    std::fs::rename(&partial, &swaps.to)?;
    let live = || running.catalog.live().rules.iter().any(|rule| rule.manifest.name == "balance_mismatch");
    super::until("the dropped file to come into force", Duration::from_secs(20), live).await?;
    out::note(format_args!("swap 2, a file dropped into rules.d: revision {}", running.catalog.live().revision));
    Ok(())
}

fn send_all(
    brokers: &str,
    csv: &Path,
    count: u64,
    status: &Status,
    progress: &std::sync::atomic::AtomicU64,
    hold: &std::sync::atomic::AtomicBool,
) -> anyhow::Result<Places> {
    let places: Shared<Places> = Arc::new(Mutex::new(vec![(-1, -1); usize::try_from(count)?]));
    let cluster =
        Cluster { brokers, properties: &Properties::default(), keys: ("the demo's cluster", "its properties") };
    let producer: BaseProducer<Landing> =
        ClientSettings::new(cluster, &[("linger.ms", "5")]).create(Landing(places.clone()))?;
    let mapping = Mapping::parse(include_str!("../../../../mappings/paysim.toml"))?;
    let started = std::time::Instant::now();
    for (number, record) in (0..).zip(records(BufReader::new(std::fs::File::open(csv)?), mapping)) {
        let record = record.map_err(|why| anyhow!("records.csv:{}: {}", why.line, why.message))?;
        let due = Duration::from_micros(number * 1_000_000 / RATE);
        // Held at nine tenths until both swaps are in force, so that each judges something.
        let waits = || {
            number.saturating_sub(status.partitions.records_judged()) > LEAD
                || started.elapsed() < due
                || (number * 10 >= count * 9 && hold.load(std::sync::atomic::Ordering::Acquire))
        };
        while waits() {
            producer.poll(Duration::from_millis(1));
        }
        send(&producer, number, &record.key, &record.value)?;
        progress.store(number + 1, std::sync::atomic::Ordering::Relaxed);
    }
    producer.flush(Duration::from_secs(30))?;
    let places = std::mem::take(&mut *places.lock().expect("no code panics while it holds the lock"));
    if let Some(number) = places.iter().position(|(partition, _)| *partition < 0) {
        bail!("record {number} was not delivered");
    }
    Ok(places)
}

fn send(producer: &BaseProducer<Landing>, number: u64, key: &str, value: &[u8]) -> anyhow::Result<()> {
    let mut record = BaseRecord::with_opaque_to(TOPIC, Box::new(number)).key(key).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                record = returned;
                producer.poll(Duration::from_millis(10));
            }
            Err((why, _)) => return Err(why.into()),
        }
    }
}
