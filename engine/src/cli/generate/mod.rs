//! `weir generate`: a seeded CSV in PaySim's columns with planted dirt and fraud, and the truth about it. The same
//! parameters give the same bytes anywhere: neither file depends on a clock. Knows nothing of Kafka.

mod rows;
mod truth;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

pub use rows::{BLOCKED_NAMES, COLUMNS, Row};
pub use truth::{DeadLetters, Truth, WindowTruth};

/// What decides every byte of the two files.
#[derive(Clone, Debug, Serialize, clap::Args)]
pub struct Parameters {
    /// How many records
    #[arg(long)]
    pub records: u64,
    /// The same seed gives the same file
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Event time of the first record, RFC 3339
    #[arg(long, default_value = "2026-01-01T00:00:00Z", value_parser = start_of)]
    #[serde(rename = "start_ms")]
    pub start: i64,
    /// Event time between one record and the next, in milliseconds
    #[arg(long, default_value_t = 1)]
    pub rate_ms: u32,
    /// Plant no dirt and no blocked customers
    #[arg(long)]
    pub clean: bool,
}

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    parameters: Parameters,
    /// Where the records go
    #[arg(long)]
    out: PathBuf,
    /// Where the truth about them goes
    #[arg(long)]
    truth: PathBuf,
}

/// Writes both files.
///
/// # Errors
/// If a file can't be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = create(&args.out)?;
    let truth = write(&args.parameters, &mut out).with_context(|| format!("cannot write {}", args.out.display()))?;
    let mut file = create(&args.truth)?;
    serde_json::to_writer(&mut file, &truth)
        .map_err(std::io::Error::from)
        .and_then(|()| file.flush())
        .with_context(|| format!("cannot write {}", args.truth.display()))
}

/// Writes the records as CSV and returns the truth about them.
///
/// # Errors
/// If `out` takes no more.
pub fn write(parameters: &Parameters, out: impl Write) -> anyhow::Result<Truth> {
    let mut rng = ChaCha8Rng::seed_from_u64(parameters.seed);
    let mut writer = csv::Writer::from_writer(out);
    let mut truth = truth::Builder::new(parameters);
    writer.write_record(COLUMNS)?;
    for number in 0..parameters.records {
        let row = Row::draw(parameters, number, &mut rng);
        writer.write_record(row.cells())?;
        truth.add(&row);
    }
    writer.flush()?;
    Ok(truth.finish())
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(BufWriter::new(file))
}

fn start_of(text: &str) -> Result<i64, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_millis())
        .map_err(|error| format!("{error}; write a time like 2026-01-01T00:00:00Z"))
}
