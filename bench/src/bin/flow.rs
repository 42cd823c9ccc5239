//! A steady flow into a topic, and when each record of it was sent: what latencies are measured by. Record i goes to
//! partition i modulo their number and carries that as its `type` (G0, G1, …), so the sum of a group in `risk_stats` says
//! exactly which records of a partition are visible. Event time is the clock's. Ends at the end of its input or its time.
//!
//!     flow --brokers HOST:PORT --topic TOPIC --rate 50000 --seconds 30 --log FILE

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Parser;
use rdkafka::producer::BaseRecord;
use weir_bench::kafka;
use weir_bench::records::Cents;

/// How long the client may gather a batch, milliseconds: it is part of every latency that is measured. Five are the default of
/// Kafka's own producer since 4.0; with one, 4,000 requests a second keep this small broker behind by up to 0.3 s.
const LINGER: &str = "5";
const TICK: Duration = Duration::from_millis(1);
/// Cents: more than the limit that `high_amount` begins with.
const ABOVE_THE_LIMIT: i64 = 25_000_000;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    topic: String,
    /// Records a second.
    #[arg(long)]
    rate: u64,
    #[arg(long)]
    seconds: u64,
    /// A line a tick: epoch microseconds before the tick's first record was sent, records sent after it.
    #[arg(long)]
    log: PathBuf,
    /// Per mille of amounts below zero, which `negative_amount` rejects.
    #[arg(long, default_value_t = 0)]
    rejected: u64,
    /// Per mille of amounts that `high_amount` flags.
    #[arg(long, default_value_t = 0)]
    flagged: u64,
}

/// How many records were sent, and of them those that are to be rejected and flagged.
#[derive(Default)]
struct Sent {
    records: u64,
    rejected: u64,
    flagged: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let producer = kafka::producer(&args.brokers, LINGER, "none")?;
    let partitions = kafka::partitions(&kafka::consumer(&args.brokers)?, &args.topic)?;
    let (mut log, mut sent, mut value) = (String::new(), Sent::default(), String::new());
    let over = when_input_ends();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(args.seconds) && !over.load(Ordering::Relaxed) {
        let due = u64::try_from(began.elapsed().as_micros() * u128::from(args.rate) / 1_000_000)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        for i in sent.records..due {
            let partition = partitions[usize::try_from(i % partitions.len() as u64)?];
            value.clear();
            payment(&mut value, i, (partition, sent.amount(i, &args)), now.as_millis())?;
            let key = format!("C{}", 100_000 + i % 200_000);
            let record = BaseRecord::to(&args.topic).partition(partition).key(key.as_bytes());
            kafka::send(&producer, record.payload(value.as_bytes()))?;
        }
        if due > sent.records {
            sent.records = due;
            writeln!(log, "{},{due}", now.as_micros())?;
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(TICK);
    }
    kafka::flush(&producer)?;
    std::fs::write(&args.log, log)?;
    let Sent { records, rejected, flagged } = sent;
    let partitions = partitions.len();
    println!(r#"{{"records":{records},"partitions":{partitions},"rejected":{rejected},"flagged":{flagged}}}"#);
    Ok(())
}

impl Sent {
    /// Of record i, which is counted here.
    fn amount(&mut self, i: u64, args: &Args) -> Cents {
        // A prime number: so rejected and flagged ones come to each partition, and each in its turn.
        let per_mille = i * 7_919 % 1_000;
        let amount = 1 + (i % 1_000_000).cast_signed();
        if per_mille < args.rejected {
            self.rejected += 1;
            Cents(-amount)
        } else if per_mille < args.rejected + args.flagged {
            self.flagged += 1;
            Cents(ABOVE_THE_LIMIT)
        } else {
            Cents(amount)
        }
    }
}

fn when_input_ends() -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&over);
    // Nothing waits for it: a read from a terminal may never end.
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        set.store(true, Ordering::Relaxed);
    });
    over
}

/// Of the same shape and length as the peers' records.
fn payment(out: &mut String, i: u64, (partition, amount): (i32, Cents), now: u128) -> std::fmt::Result {
    let old = Cents(1_500_000);
    let (orig, dest) = (100_000 + i % 200_000, 100_000 + i % 199_999);
    write!(
        out,
        r#"{{"step":1,"tx_id":"T{i:07}","type":"G{partition}","amount":{amount},"name_orig":"C{orig}","old_balance_org":{old},"new_balance_orig":{old},"name_dest":"M{dest}","old_balance_dest":{old},"new_balance_dest":{old},"is_fraud":0,"event_time":{now}}}"#
    )
}
