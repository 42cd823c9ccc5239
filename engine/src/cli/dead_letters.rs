//! `weir dead-letters list`: the newest letters of the queue and why they are there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use comfy_table::Table;

use super::out;
use super::printable::{printable, printable_json};
use super::properties::PropertyArgs;
use crate::config::{Config, Properties};
use crate::outbox::{Shown, Wanted, tail};

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the newest letters
    List(List),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Take brokers, client properties and topic from this weir.toml
    #[arg(long)]
    config: Option<PathBuf>,
    /// Kafka brokers, host:port,…
    #[arg(long, required_unless_present = "config")]
    brokers: Option<String>,
    /// The dead-letter topic; dead_letter_queue unless given here or in the configuration
    #[arg(long)]
    topic: Option<String>,
    #[command(flatten)]
    properties: PropertyArgs,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Only those with this code
    #[arg(long)]
    code: Option<String>,
    /// How long it may read
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    within: Duration,
    /// One JSON object a line, with all headers, key and value
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Command::List(args) = &args.command;
    let (brokers, topic, properties) = place(args)?;
    // The table shows the beginning of a value only.
    let text = if args.json { usize::MAX } else { 1_024 };
    let (limit, code, within) = (args.limit, args.code.as_deref(), args.within);
    let wanted = Wanted { topic: &topic, limit, code, within, text, bytes: usize::MAX };
    let tail = tail(&brokers, &properties, &wanted)?;
    if args.json {
        for letter in &tail.letters {
            out::line(format_args!("{}", printable_json(&serde_json::to_string(letter)?)));
        }
    } else {
        out::line(format_args!("{}", table(&tail.letters)));
    }
    if !tail.complete {
        bail!("these are only a part: {:?} were over after {} letters; give --within more", args.within, tail.read);
    }
    Ok(())
}

/// Brokers, topic and properties: the configuration's, and what the command line says over them.
fn place(args: &List) -> anyhow::Result<(String, String, Properties)> {
    let config = args.config.as_deref().map(Config::load).transpose()?;
    let (brokers, topic, base) = match config {
        Some(config) => (Some(config.source.brokers), config.dead_letters.topic, config.source.properties),
        None => (None, "dead_letter_queue".to_owned(), Properties::default()),
    };
    let brokers = args.brokers.clone().or(brokers).context("give --brokers or --config")?;
    Ok((brokers, args.topic.clone().unwrap_or(topic), args.properties.over(base)))
}

fn table(letters: &[Shown]) -> Table {
    let mut table = Table::new();
    table.set_header(["source", "code", "rule", "message", "value"]);
    for letter in letters {
        let source = ["topic", "partition", "offset"].map(|part| letter.header(&format!("__dlq.errors.{part}")));
        let value: String = letter.value.as_deref().unwrap_or("none").chars().take(60).collect();
        table.add_row([
            printable(&format!("{}-{}@{}", source[0], source[1], source[2])),
            printable(letter.header("weir.code")),
            printable(letter.header("weir.rule")),
            printable(letter.header("__dlq.errors.message")),
            printable(&value),
        ]);
    }
    table
}
