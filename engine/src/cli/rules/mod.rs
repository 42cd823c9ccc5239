//! `weir rules`: a new rule's crate, the admin API's rules from the shell, and a repair of the rule set's rows.

mod evaluate;
mod names;
mod new;
mod plan;
mod push;
mod repair;
mod set;
mod show;
mod workspace;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use comfy_table::Table;
use serde_json::Value;

use super::api::{Api, Client, encoded};
use super::out;
use super::printable::{printable, printable_json};

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a crate that holds a rule and its test, ready for `cargo test`
    New {
        /// Its folder; the last part is the rule's name, in snake_case
        path: PathBuf,
        /// The folder of weir-sdk, needed outside a workspace that has it
        #[arg(long)]
        sdk: Option<PathBuf>,
    },
    /// What is live
    List {
        #[command(flatten)]
        api: Api,
    },
    /// One rule: its module, parameters, versions and figures
    Show {
        /// The rule
        name: String,
        /// Versions to list, newest first, 1 to 100
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        versions: u32,
        /// The API's answer as it is
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        api: Api,
    },
    /// Change a rule's mode, its place or its parameters
    Set {
        #[command(flatten)]
        change: set::Change,
        #[command(flatten)]
        api: Api,
    },
    /// Take a rule out of the set; its versions stay, and pushing one puts it back
    Delete {
        /// The rule
        name: String,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        api: Api,
    },
    /// What would become of records: every rule is asked, nothing is changed
    Evaluate {
        /// JSON records, one a line or as an array; `-` reads standard input
        file: PathBuf,
        /// The API's answer as it is
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        api: Api,
    },
    /// Publish a module
    Push {
        /// The .wasm file
        file: PathBuf,
        /// live, shadow or off; as it was, or as the configuration says, unless given
        #[arg(long, value_parser = ["live", "shadow", "off"])]
        mode: Option<String>,
        /// Place among the rules, ascending
        #[arg(long, allow_negative_numbers = true)]
        order: Option<i32>,
        /// Also if another version is live and --mode shadow or off takes it out of force
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        api: Api,
    },
    /// The same checks as push, nothing published
    Check {
        /// The .wasm file
        file: PathBuf,
        #[command(flatten)]
        api: Api,
    },
    /// Back to the previous version, or to a named one
    Rollback {
        /// The rule
        name: String,
        /// The version
        #[arg(long)]
        sha256: Option<String>,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        api: Api,
    },
    /// After rows of the database were lost or set back: puts the highest revision that is left into force
    Repair {
        /// The configuration, as weir.toml; its database is written to, no engine is asked
        #[arg(long)]
        config: PathBuf,
    },
}

/// Why a change is made, and on which rule set.
#[derive(Debug, Default, clap::Args)]
struct Why {
    /// Why, for the audit; 500 characters at most
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The revision that it was decided on: on another one nothing is changed, and what differs is said
    #[arg(long, value_name = "REVISION")]
    if_revision: Option<u64>,
    /// Say what it would change, and change nothing
    #[arg(long)]
    plan: bool,
}

impl Why {
    /// As a part of a query.
    fn query(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| format!("reason={}", encoded(reason)))
    }

    fn client(&self, api: &Api) -> anyhow::Result<Client> {
        Ok(api.client()?.decided_on(self.if_revision))
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::New { path, sdk } => new::create(path, sdk.as_deref()),
        Command::List { api } => list(&api.client()?.get("/rules")?),
        Command::Show { name, versions, json, api } => {
            let client = api.client()?;
            let rule = client.get(&format!("/rules/{name}?limit={versions}"))?;
            if *json {
                as_it_is(&rule);
            } else {
                // The rule is known, whatever becomes of this question.
                show::print(&rule, &client.get(&format!("/rules/{name}/history?limit=1")).unwrap_or(Value::Null));
            }
            Ok(())
        }
        Command::Set { change, api } => set::run(change, &change.why.client(api)?),
        Command::Delete { name, why, api } if why.plan => {
            plan::ask(&why.client(api)?, &serde_json::json!({ "rule": name, "action": "retire" }))
        }
        Command::Delete { name, why, api } => {
            let done = why.client(api)?.delete(&path(&format!("/rules/{name}"), [why.query()]))?;
            out::line(format_args!("{name} is no longer in the set; revision {}", done["revision"]));
            Ok(())
        }
        Command::Evaluate { file, json, api } => {
            let records = if file.as_os_str() == "-" { input()? } else { read(file)? };
            let found = evaluate::ask(&api.client()?, &records)?;
            if *json {
                as_it_is(&found)
            } else {
                evaluate::print(&found)
            }
            Ok(())
        }
        Command::Push { file, mode, order, replace, why, api } => {
            let mode = mode.as_ref().map(|mode| format!("mode={mode}"));
            let order = order.map(|order| format!("order={order}"));
            let (client, replace) = (why.client(api)?, replace.then(|| "replace=true".to_owned()));
            if why.plan {
                return plan::of_module(&client, &path("/rules/plan", [mode, order, replace]), &read(file)?);
            }
            push::run(&client, file, [mode, order, replace, why.query()])
        }
        Command::Check { file, api } => {
            let manifest = api.client()?.post("/rules/check", "application/wasm", &read(file)?)?;
            out::line(format_args!(
                "{}",
                printable(&format!("{} {}: fine", text(&manifest, "name"), text(&manifest, "version")))
            ));
            Ok(())
        }
        Command::Rollback { name, sha256, why, api } if why.plan => {
            let request = serde_json::json!({ "rule": name, "action": "rollback", "sha256": sha256 });
            plan::ask(&why.client(api)?, &request)
        }
        Command::Rollback { name, sha256, why, api } => {
            let body = serde_json::json!({ "sha256": sha256, "reason": why.reason });
            let path = format!("/rules/{name}/rollback");
            let done = why.client(api)?.post(&path, "application/json", body.to_string().as_bytes())?;
            out::line(format_args!("{name} is back; revision {}", done["revision"]));
            Ok(())
        }
        Command::Repair { config } => repair::repair(config),
    }
}

/// A path with those parts of a query that there are.
fn path<const N: usize>(path: &str, query: [Option<String>; N]) -> String {
    let query: Vec<String> = query.into_iter().flatten().collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn list(rules: &Value) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.set_header(["order", "rule", "version", "sha256", "mode", "hits", "failures", "ns/record", "source"]);
    for rule in rules["rules"].as_array().into_iter().flatten() {
        let suspended = rule["suspended"].as_str().map(|why| format!(" (suspended: {why})")).unwrap_or_default();
        table.add_row([
            rule["order"].to_string(),
            text(rule, "name").to_owned(),
            printable(text(rule, "version")),
            text(rule, "sha256").chars().take(12).collect(),
            printable(&format!("{}{suspended}", text(rule, "mode"))),
            rule["hits"].to_string(),
            rule["failures"].to_string(),
            rule["ns_per_record"].as_f64().map(|ns| format!("{ns:.1}")).unwrap_or_default(),
            printable(text(rule, "source")),
        ]);
    }
    out::line(format_args!("revision {}\n{table}", rules["revision"]));
    for problem in rules["file_problems"].as_array().into_iter().flatten() {
        out::line(format_args!("{}", printable(&format!("{}: {}", text(problem, "file"), text(problem, "problem")))));
    }
    if let Some(why) = rules["history_unavailable"].as_str() {
        out::line(format_args!("{}", printable(&format!("where the versions came from is not known now: {why}"))));
    }
    Ok(())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// JSON for programs, and for a terminal that shows it.
fn as_it_is(value: &Value) {
    out::line(format_args!("{}", printable_json(&value.to_string())));
}

fn input() -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    std::io::stdin().lock().read_to_end(&mut all).context("cannot read standard input")?;
    Ok(all)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
