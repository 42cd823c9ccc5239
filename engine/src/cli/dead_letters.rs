//! `weir dead-letters list`: the newest letters of the queue and why they are there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use comfy_table::Table;

use super::out;
use super::place::Place;
use super::printable::{printable, printable_json};
use super::properties::PropertyArgs;
use crate::admin::views::open_headers;
use crate::config::{Config, DeadLetters};
use crate::model::ids::RecordPosition;
use crate::outbox::{Filter, Shown, Wanted, tail_filtered};
use crate::telemetry;

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
    /// Only those that this rule decided
    #[arg(long)]
    rule: Option<String>,
    /// Only those of the version whose digest begins so
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Only that of the record at this position of the source topic, as 3@18234771
    #[arg(long, value_name = "PARTITION@OFFSET")]
    position: Option<RecordPosition>,
    /// How long it may read
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    within: Duration,
    /// One JSON object a line, with all headers, key and value
    #[arg(long)]
    json: bool,
    /// Show the records also where the configuration says that a field is sensitive
    #[arg(long)]
    values: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Command::List(args) = &args.command;
    let config = args.config.as_deref();
    let place = Place::find(config, args.brokers.as_deref(), &args.properties, |config| Ok(topic(args, config)))?;
    let Place { brokers, topic, properties, hide } = place;
    // The table shows the beginning of a value only.
    let text = if args.json { usize::MAX } else { 1_024 };
    let (limit, code, within) = (args.limit, args.code.as_deref(), args.within);
    let wanted = Wanted { topic: &topic, limit, code, within, text, bytes: usize::MAX };
    let sha256 = args.sha256.as_ref().map(|digits| digits.to_ascii_lowercase());
    let filter = Filter { rule: args.rule.clone(), sha256, source: args.position, ..Filter::default() };
    let mut tail = tail_filtered(&brokers, &properties, &wanted, &filter)?;
    let hide = hide.filter(|_| !args.values);
    if hide.is_some() {
        tail.letters.iter_mut().for_each(hidden);
    }
    if args.json {
        for letter in &tail.letters {
            out::line(format_args!("{}", printable_json(&serde_json::to_string(letter)?)));
        }
    } else {
        out::line(format_args!("{}", table(&tail.letters)));
    }
    if let Some(hide) = hide {
        telemetry::say(&format!("weir: {}; --values shows them", hide.why()));
    }
    if !tail.complete {
        bail!("these are only a part: {:?} were over after {} letters; give --within more", args.within, tail.read);
    }
    Ok(())
}

/// The topic of the command line, of the configuration, or the one that a configuration has where it names none.
fn topic(args: &List, config: Option<&Config>) -> String {
    let configured = || config.map_or_else(|| DeadLetters::default().topic, |config| config.dead_letters.topic.clone());
    args.topic.clone().unwrap_or_else(configured)
}

/// As the API hides it. Whoever may read the topic may see all of it: this keeps it from a screen that others see.
fn hidden(letter: &mut Shown) {
    (letter.key, letter.value) = (None, None);
    letter.headers = open_headers(std::mem::take(&mut letter.headers));
}

fn table(letters: &[Shown]) -> Table {
    let mut table = Table::new();
    table.set_header(["source", "code", "rule", "message", "value"]);
    for letter in letters {
        let source = ["topic", "partition", "offset"].map(|part| letter.header(&format!("__dlq.errors.{part}")));
        let none = if letter.value_bytes.is_some() { "not shown" } else { "none" };
        let value: String = letter.value.as_deref().unwrap_or(none).chars().take(60).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_letter_with_a_sensitive_field_the_screen_has_code_rule_and_position() {
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let mut letter = Shown {
            partition: 0,
            offset: 1,
            timestamp: 0,
            key: Some("DE89".into()),
            value: Some("{\"iban\":\"DE89\"}".into()),
            value_bytes: Some(15),
            headers: vec![
                header("trace", "DE89"),
                header("__dlq.errors.offset", "7"),
                header("__dlq.errors.message", "DE89 is blocked"),
                header("weir.code", "IBAN"),
                header("weir.rule", "blocked"),
            ],
            truncated: false,
        };
        assert!(table(std::slice::from_ref(&letter)).to_string().contains("DE89"));
        hidden(&mut letter);
        let (screen, json) =
            (table(std::slice::from_ref(&letter)).to_string(), serde_json::to_string(&letter).unwrap());
        assert!(!screen.contains("DE89") && !json.contains("DE89"), "{screen} {json}");
        assert!(["IBAN", "blocked", "@7", "not shown"].iter().all(|part| screen.contains(part)), "{screen}");
    }
}
