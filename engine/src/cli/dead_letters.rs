//! `weir dead-letters ls`: the newest letters of the queue and why they are there.

use std::collections::BTreeMap;

use clap::Subcommand;
use comfy_table::Table;

use crate::dead_letters::tail;

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the newest letters
    Ls {
        /// Kafka brokers, host:port,…
        #[arg(long)]
        brokers: String,
        /// The dead-letter topic
        #[arg(long, default_value = "dead_letter_queue")]
        topic: String,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Only those with this code
        #[arg(long)]
        code: Option<String>,
        /// One JSON object a line, with all headers, key and value
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Command::Ls { brokers, topic, limit, code, json } = &args.command;
    let letters = tail(brokers, &BTreeMap::new(), topic, *limit, code.as_deref()).map_err(anyhow::Error::msg)?;
    if *json {
        for letter in &letters {
            println!("{}", serde_json::to_string(letter)?);
        }
        return Ok(());
    }
    let mut table = Table::new();
    table.set_header(["source", "code", "rule", "message", "value"]);
    for letter in &letters {
        let source = ["topic", "partition", "offset"].map(|part| letter.header(&format!("__dlq.errors.{part}")));
        let value: String = letter.value.as_deref().unwrap_or("none").chars().take(60).collect();
        table.add_row([
            format!("{}-{}@{}", source[0], source[1], source[2]),
            letter.header("weir.code").to_owned(),
            letter.header("weir.rule").to_owned(),
            letter.header("__dlq.errors.message").to_owned(),
            value,
        ]);
    }
    println!("{table}");
    Ok(())
}
