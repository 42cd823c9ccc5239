//! `weir produce`: sends the records of a file to a topic, idempotently and keyed, as fast as the broker takes them or
//! at a rate. What holds whatever the file is like: records sent and rows refused are together the rows before the line at
//! which it stopped (or all), nothing behind that line is sent, and it ends with 0 only if nothing was refused or
//! `--skip-bad` said that it may be.

mod csv;
mod field;
mod input;
mod lines;
pub mod mapping;
mod records;
mod round;
mod send;
mod tally;
mod text;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

use super::out;
use super::printable::printable;
use super::properties::PropertyArgs;
use crate::config::Properties;
use crate::telemetry;
use send::{NotSent, Sender};

pub use mapping::Mapping;
pub use records::{ProduceError, Produced, records, records_within};

/// Bad lines that `--skip-bad` shows; the others are counted.
const SHOWN: u64 = 10;

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
    properties: PropertyArgs,
    /// The mapping file
    #[arg(long)]
    mapping: PathBuf,
    /// Records a second; as fast as possible without it
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Show the first bad lines, count the others and go on, instead of stopping at the first. A line behind which no row can
    /// be told any more, such as that of a quote that is never closed, still ends it
    #[arg(long)]
    skip_bad: bool,
    /// Read and convert everything, send nothing and ask no broker
    #[arg(long)]
    dry_run: bool,
    /// The most bytes that a row may have; a longer one is a bad line
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_record: ByteSize,
    /// A .csv or .jsonl file, or as the mapping's `format` says; gzip is unpacked; - is standard input
    input: PathBuf,
}

/// Sends the file.
///
/// # Errors
/// If the mapping or the file can't be read, a row is bad (unless those are skipped), or a record is not confirmed by the broker; the
/// message says how many are.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mapping = Mapping::read(&args.mapping)?.for_input(&args.input)?;
    let (reader, bar) = open(&args.input)?;
    let max_record = usize::try_from(args.max_record.as_u64()).unwrap_or(usize::MAX / 2);
    let mut records = records_within(reader, mapping, max_record).peekable();
    // A bad first line is told before anything waits for a broker.
    if let Some(Err(error)) = records.peek().filter(|first| first.as_ref().is_err_and(|e| e.fatal || !args.skip_bad)) {
        return Err(stopped(args, error, (0, 0)));
    }
    let mut sender = match args.dry_run {
        true => None,
        false => Some(Sender::connect(&args.brokers, &args.topic, &args.properties.over(Properties::default()))?),
    };
    let (started, mut sent, mut skipped) = (Instant::now(), 0_u64, 0_u64);
    for record in records {
        let error = match record.map(|record| (hand_over(sender.as_mut(), &record), record.line)) {
            Ok((Ok(()), _)) => {
                sent += 1;
                if sent % 1_000 == 0 {
                    bar.set_message(format!("{sent} records"));
                }
                pace(sender.as_mut(), args.rate, started, sent).with_context(|| args.input.display().to_string())?;
                continue;
            }
            Ok((Err(NotSent::Failed(error)), _)) => return Err(error.context(args.input.display().to_string())),
            Ok((Err(NotSent::TooLarge(message)), line)) => ProduceError { line, message, fatal: false },
            Err(error) => error,
        };
        if error.fatal || !args.skip_bad {
            let confirmed = settle(args, sender.as_mut(), sent)
                .with_context(|| format!("stopped at line {} ({})", error.line, located(args, &error)))?;
            return Err(stopped(args, &error, (confirmed, skipped)));
        }
        skipped += 1;
        if skipped <= SHOWN {
            let rest = if skipped == SHOWN { " (further ones are only counted)" } else { "" };
            bar.suspend(|| telemetry::say(&format!("weir: skipped {}{rest}", located(args, &error))));
        }
    }
    let confirmed = settle(args, sender.as_mut(), sent)?;
    bar.finish_and_clear();
    match args.dry_run {
        true => out::line(format_args!("{confirmed} records could be sent, {skipped} bad lines skipped")),
        false => out::line(format_args!("{confirmed} records sent to {}, {skipped} bad lines skipped", args.topic)),
    }
    Ok(())
}

/// The input, and a bar that shows how much of it is read.
fn open(input: &Path) -> anyhow::Result<(Box<dyn BufRead>, ProgressBar)> {
    if input == Path::new("-") {
        return Ok((Box::new(BufReader::new(std::io::stdin())), ProgressBar::hidden()));
    }
    let file = File::open(input).with_context(|| format!("cannot open {}", input.display()))?;
    let metadata = file.metadata().with_context(|| format!("cannot open {}", input.display()))?;
    anyhow::ensure!(!metadata.is_dir(), "{} is a directory; name a file, or - for standard input", input.display());
    let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}")?;
    let bar = ProgressBar::new(metadata.len()).with_style(style);
    Ok((Box::new(BufReader::new(bar.wrap_read(file))), bar))
}

fn hand_over(sender: Option<&mut Sender>, record: &Produced) -> Result<(), NotSent> {
    sender.map_or(Ok(()), |sender| sender.send(record))
}

/// Waits for what was handed over; says how many are confirmed.
fn settle(args: &Args, sender: Option<&mut Sender>, sent: u64) -> anyhow::Result<u64> {
    let Some(sender) = sender else { return Ok(sent) };
    sender.settle().with_context(|| args.input.display().to_string())
}

/// A row that ends it, with what became of those before it: so many confirmed, so many skipped.
fn stopped(args: &Args, error: &ProduceError, (confirmed, skipped): (u64, u64)) -> anyhow::Error {
    let (line, located) = (error.line, located(args, error));
    let skipped = if args.skip_bad { format!(", {skipped} bad lines skipped") } else { String::new() };
    match args.dry_run {
        true => anyhow!("{located} (stopped at line {line}: {confirmed} records before it could be sent{skipped})"),
        false => anyhow!(
            "{located} (stopped at line {line}: {confirmed} records before it sent to {}{skipped}, none from it on)",
            args.topic
        ),
    }
}

fn located(args: &Args, error: &ProduceError) -> String {
    printable(&format!("{}:{}: {}", args.input.display(), error.line, error.message))
}

fn pace(sender: Option<&mut Sender>, rate: Option<u32>, started: Instant, sent: u64) -> anyhow::Result<()> {
    let (Some(sender), Some(rate)) = (sender, rate) else { return Ok(()) };
    sender.wait_until(started + Duration::from_secs_f64(sent as f64 / f64::from(rate)))
}
