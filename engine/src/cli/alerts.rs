//! `weir alerts tail`: the newest alerts of the alert topic, and those that come.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::out;
use super::place::Place;
use super::printable::{printable, printable_json};
use super::properties::PropertyArgs;
use crate::admin::views::Hide;
use crate::config::Config;
use crate::kafka::RangeError;
use crate::outbox::{Follower, Round, Shown, Wanted, tail_alerts};
use crate::telemetry;

/// Pause between two looks for new alerts.
const LOOK: Duration = Duration::from_millis(500);
/// Characters of a field's text on a line.
const TEXT: usize = 60;

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the newest alerts, oldest first
    Tail(TailArgs),
}

#[derive(Debug, clap::Args)]
struct TailArgs {
    /// Take brokers, client properties and topic from this weir.toml
    #[arg(long)]
    config: Option<PathBuf>,
    /// Kafka brokers, host:port,…
    #[arg(long, required_unless_present = "config")]
    brokers: Option<String>,
    /// The alert topic, unless the configuration names it
    #[arg(long, required_unless_present = "config")]
    topic: Option<String>,
    #[command(flatten)]
    properties: PropertyArgs,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Only those that a hit with this code made, and summaries that count it
    #[arg(long)]
    code: Option<String>,
    /// Go on with those that come, until stopped
    #[arg(long)]
    follow: bool,
    /// How long it may read the newest
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    within: Duration,
    /// One JSON object a line, with the whole alert
    #[arg(long)]
    json: bool,
    /// Show keys, details and values also where the configuration says that a field is sensitive
    #[arg(long)]
    values: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Command::Tail(args) = &args.command;
    let config = args.config.as_deref();
    let place = Place::find(config, args.brokers.as_deref(), &args.properties, |config| topic(args, config))?;
    let Place { brokers, topic, properties, hide } = place;
    let (limit, code, within) = (args.limit, args.code.as_deref(), args.within);
    let wanted = Wanted { topic: &topic, limit, code, within, text: usize::MAX, bytes: usize::MAX };
    let hide = hide.filter(|_| !args.values);
    let print = |alert: &Shown| out::line(format_args!("{}", printed(alert, args.json, hide.as_ref())));
    let tail = tail_alerts(&brokers, &properties, &wanted)?;
    tail.letters.iter().for_each(&print);
    if let Some(hide) = &hide {
        telemetry::say(&format!("weir: {}; --values shows them", hide.why()));
    }
    if args.follow {
        return follow(Follower::new(&brokers, &properties, &topic, &tail, code)?, print);
    }
    if !tail.complete {
        bail!("these are only a part: {within:?} were over after {} alerts; give --within more", tail.read);
    }
    Ok(())
}

/// The alert topic of the command line, or of the configuration.
fn topic(args: &TailArgs, config: Option<&Config>) -> anyhow::Result<String> {
    let configured = || config.and_then(|config| config.alerts.as_ref()).map(|alerts| alerts.topic.clone());
    args.topic
        .clone()
        .or_else(configured)
        .context("the configuration has no [alerts], so no topic: give --topic, or a configuration that has")
}

/// A broker that is away is waited for.
fn follow(mut follower: Follower<'_>, print: impl Fn(&Shown)) -> anyhow::Result<()> {
    let (mut away, mut deleted) = (false, 0);
    loop {
        match follower.read_on() {
            Ok(round) => {
                away = false;
                deleted += round.deleted;
                missed(&round, deleted).iter().for_each(|said| telemetry::say(said));
                round.alerts.iter().for_each(&print);
            }
            Err(why @ RangeError::Unreachable { .. }) if !std::mem::replace(&mut away, true) => {
                telemetry::say(&format!("weir: {why}; trying again"));
            }
            Err(RangeError::Unreachable { .. }) => {}
            Err(why) => return Err(why.into()),
        }
        std::thread::sleep(LOOK);
    }
}

/// What is said of alerts that a round could not read. `deleted`: by retention, of all rounds.
fn missed(round: &Round, deleted: u64) -> Vec<String> {
    let mut said = Vec::new();
    if round.deleted > 0 {
        said.push(format!(
            "weir: retention deleted {} offsets of the topic before they were read, {deleted} so far, marks of transactions among them",
            round.deleted
        ));
    }
    if !round.made_anew.is_empty() {
        said.push(format!(
            "weir: the topic was made anew: partitions {:?} end before what was read of them, and are read from their beginning",
            round.made_anew
        ));
    }
    said
}

/// An alert on a line. Whoever may read the topic may see all of it: what is hidden is kept from a screen that others see.
fn printed(shown: &Shown, json: bool, hide: Option<&Hide>) -> String {
    let Shown { partition, offset, timestamp, .. } = shown;
    let value = shown.value.as_deref().unwrap_or_default();
    let mut alert: Value = serde_json::from_str(value).unwrap_or(Value::Null);
    let (mut key, mut other) = (shown.key.as_deref(), value);
    if let Some(hide) = hide {
        hide.alert_message(&mut alert);
        (key, other) = (None, "not shown");
    }
    if json {
        let line =
            json!({ "partition": partition, "offset": offset, "timestamp": timestamp, "key": key, "alert": alert });
        return printable_json(&line.to_string());
    }
    printable(&line(&alert).unwrap_or_else(|| format!("no alert: {other}")))
}

/// None: the message is none of the two kinds.
fn line(alert: &Value) -> Option<String> {
    let source = &alert["source"];
    let place = format!("{}-{}", source["topic"].as_str()?, source["partition"]);
    if alert["kind"] == "not_sent" {
        let codes = alert["codes"].as_object()?.iter().map(|(code, records)| format!("{code} {records}"));
        let codes = codes.collect::<Vec<_>>().join(", ");
        return Some(format!("{place}@{}..{}  {} not sent: {codes}", source["from"], source["to"], alert["records"]));
    }
    let hit = |hit: &Value| {
        let text = |name: &str| hit[name].as_str().unwrap_or_default().to_owned();
        let detail = text("detail");
        let said = format!("{} {}", text("code"), text("rule"));
        if detail.is_empty() { said } else { format!("{said}: {detail}") }
    };
    let hits = alert["hits"].as_array()?.iter().map(hit).collect::<Vec<_>>().join("; ");
    let none = Map::new();
    let fields = alert["fields"].as_object().unwrap_or(&none).iter();
    let fields = fields.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ");
    Some(format!("{place}@{}  {hits}  {fields}", source["offset"]).trim_end().to_owned())
}

/// A text without its quotes.
fn text(value: &Value) -> String {
    let whole = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match whole.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Field, Kind, Schema};

    #[test]
    fn an_alert_and_a_summary_are_a_line_each() {
        let alert = json!({
            "kind": "alert", "source": { "topic": "s", "partition": 3, "offset": 18 }, "revision": 7,
            "hits": [{ "rule": "high", "code": "HIGH", "detail": "5 > 4" }, { "rule": "self", "code": "SELF" }],
            "fields": { "amount": "5.00", "tries": 3, "segment": null, "memo": "m".repeat(70) },
        });
        let memo = "m".repeat(60);
        let wanted = format!("s-3@18  HIGH high: 5 > 4; SELF self  amount=5.00 memo={memo}… segment=null tries=3");
        assert_eq!(line(&alert), Some(wanted));
        let summary = json!({
            "kind": "not_sent", "source": { "topic": "s", "partition": 3, "from": 20, "to": 29 }, "records": 8,
            "codes": { "HIGH": 8, "SELF": 1 },
        });
        assert_eq!(line(&summary).as_deref(), Some("s-3@20..29  8 not sent: HIGH 8, SELF 1"));
        assert_eq!(line(&json!({ "code": "LATE" })), None);
    }

    #[test]
    fn what_a_round_missed_is_said_with_its_number() {
        let round = Round { deleted: 3, made_anew: vec![0, 7], ..Round::default() };
        let said = missed(&round, 12);
        assert!(said[0].contains("deleted 3 offsets") && said[0].contains("12 so far"), "{said:?}");
        assert!(said[1].contains("partitions [0, 7]"), "{said:?}");
        assert!(missed(&Round::default(), 12).is_empty());
    }

    #[test]
    fn of_an_alert_with_a_sensitive_field_the_screen_has_code_rule_position_and_the_other_fields() {
        let iban = Field { sensitive: true, ..Field::new("iban", Kind::Text, 0) };
        let hide = Hide::of(&Schema { fields: vec![iban, Field::new("type", Kind::Text, 0)] });
        let alert = |value: &str| Shown {
            partition: 0,
            offset: 1,
            timestamp: 0,
            key: Some("DE89".into()),
            value: Some(value.into()),
            value_bytes: Some(value.len()),
            headers: Vec::new(),
            truncated: false,
        };
        let flagged = alert(
            r#"{"kind":"alert","source":{"topic":"s","partition":3,"offset":18},"fields":{"iban":"DE89","type":"DEBIT"},
                "hits":[{"rule":"blocked","code":"IBAN","detail":"DE89 is blocked"}],"value":"DE89"}"#,
        );
        for json in [false, true] {
            assert!(printed(&flagged, json, None).contains("DE89"));
            let hidden = printed(&flagged, json, hide.as_ref());
            assert!(!hidden.contains("DE89"), "{hidden}");
            assert!(["IBAN", "blocked", "18", "DEBIT"].iter().all(|part| hidden.contains(part)), "{hidden}");
            assert!(!printed(&alert("{\"iban\":\"DE89\"}"), json, hide.as_ref()).contains("DE89"));
            assert!(!printed(&alert("DE89"), json, hide.as_ref()).contains("DE89"));
        }
    }
}
