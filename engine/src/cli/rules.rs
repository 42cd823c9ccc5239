//! `weir rules`: a new rule's crate, and the admin API's rules from the shell.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use comfy_table::Table;
use serde_json::Value;

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
    },
    /// What is live
    List {
        #[command(flatten)]
        api: Api,
    },
    /// Publish a module
    Push {
        /// The .wasm file
        file: PathBuf,
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
        api: Api,
    },
}

#[derive(Debug, clap::Args)]
struct Api {
    /// The admin API
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A token, where the service asks for one; WEIR_TOKEN unless given
    #[arg(long)]
    token: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::New { path } => new(path),
        Command::List { api } => list(&api.get("/rules")?),
        Command::Push { file, api } => {
            let done = api.post("/rules", "application/wasm", &read(file)?)?;
            println!("{} {} is live at revision {}", text(&done, "name"), text(&done, "sha256"), done["revision"]);
            Ok(())
        }
        Command::Check { file, api } => {
            let manifest = api.post("/rules/check", "application/wasm", &read(file)?)?;
            println!("{} {}: fine", text(&manifest, "name"), text(&manifest, "version"));
            Ok(())
        }
        Command::Rollback { name, sha256, api } => {
            let body = sha256.as_ref().map_or_else(|| serde_json::json!({}), |to| serde_json::json!({ "sha256": to }));
            let path = format!("/rules/{name}/rollback");
            let done = api.post(&path, "application/json", body.to_string().as_bytes())?;
            println!("{name} is back; revision {}", done["revision"]);
            Ok(())
        }
    }
}

impl Api {
    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let mut request = agent().get(&url);
        if let Some(token) = self.token() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.call().with_context(|| format!("no answer from {url}"))?)
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let mut request = agent().post(&url).header("content-type", kind);
        if let Some(token) = self.token() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.send(body).with_context(|| format!("no answer from {url}"))?)
    }

    fn token(&self) -> Option<String> {
        self.token.clone().or_else(|| std::env::var("WEIR_TOKEN").ok())
    }
}

/// A refusal is an answer to read, not an error of the connection.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.body_mut().read_to_string().context("the answer broke off")?;
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if status.is_success() { Ok(value) } else { bail!("{}", problem(status.as_u16(), &value)) }
}

/// A problem+json answer as one line.
fn problem(status: u16, value: &Value) -> String {
    match (value["detail"].as_str(), value["mend"].as_str()) {
        (Some(detail), Some(mend)) => format!("{detail}; {mend}"),
        (Some(detail), None) => detail.to_owned(),
        _ => format!("the service answered {status}"),
    }
}

fn list(rules: &Value) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.set_header(["order", "rule", "version", "sha256", "mode", "hits", "failures", "ns/record", "source"]);
    for rule in rules["rules"].as_array().into_iter().flatten() {
        let suspended = rule["suspended"].as_str().map(|why| format!(" (suspended: {why})")).unwrap_or_default();
        table.add_row([
            rule["order"].to_string(),
            text(rule, "name").to_owned(),
            text(rule, "version").to_owned(),
            text(rule, "sha256").chars().take(12).collect(),
            format!("{}{suspended}", text(rule, "mode")),
            rule["hits"].to_string(),
            rule["failures"].to_string(),
            rule["ns_per_record"].as_f64().map(|ns| format!("{ns:.1}")).unwrap_or_default(),
            text(rule, "source").to_owned(),
        ]);
    }
    println!("revision {}\n{table}", rules["revision"]);
    for problem in rules["file_problems"].as_array().into_iter().flatten() {
        println!("{}: {}", text(problem, "file"), text(problem, "problem"));
    }
    Ok(())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn new(path: &Path) -> anyhow::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !good {
        bail!("a rule's name is snake_case, like round_amount; {name:?} is not");
    }
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    std::fs::create_dir_all(path.join("src")).with_context(|| format!("cannot make {}", path.display()))?;
    std::fs::write(path.join("Cargo.toml"), manifest(path, name))?;
    std::fs::write(path.join("src/lib.rs"), TEMPLATE.replace("RULE", name))?;
    println!("{}: write the rule, then `cargo test` in it and `make rules`", path.join("src/lib.rs").display());
    Ok(())
}

/// Inside Weir's own `rules/` the crate is a member of the workspace; elsewhere it stands alone.
fn manifest(path: &Path, name: &str) -> String {
    let sdk = path.parent().map(|parent| parent.join("../sdk"));
    let inside = sdk.is_some_and(|sdk| sdk.join("wit/rule.wit").exists());
    let (sdk, alone) = if inside {
        ("{ path = \"../../sdk\" }", "")
    } else {
        (
            "{ git = \"https://github.com/weir/weir\" }",
            "\n[workspace]\n\n[profile.rule]\ninherits = \"release\"\nstrip = \"debuginfo\"\n",
        )
    };
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[lib]\ncrate-type = \
         [\"cdylib\", \"rlib\"] # the module; and what its tests link\n\n[dependencies]\nweir-sdk = {sdk}\n{alone}"
    )
}

const TEMPLATE: &str = r#"//! What the rule is for.

use weir_sdk::{Decimal, Parameters, Record, Verdict, flag_if, rule};

/// What the rule reads.
#[derive(Debug, Record)]
pub struct Payment {
    amount: Decimal,
}

/// What can be set.
#[derive(Debug, Parameters)]
pub struct Limits {
    #[parameter(default = "1000", summary = "greatest amount that is not flagged")]
    limit: Decimal,
}

/// Amounts above the limit.
#[rule(code(TOO_MUCH, flag, "the amount is above the limit"))]
pub fn RULE(tx: &Payment, limits: &Limits) -> Verdict {
    flag_if(tx.amount > limits.limit, TOO_MUCH, || format!("amount {} > {}", tx.amount, limits.limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    #[test]
    fn only_amounts_above_the_limit_are_flagged() {
        let rows = ["1000.00", "1000.01"].map(|text| Payment { amount: text.parse().expect("a decimal") });
        assert_eq!(Harness::<RULE>::new().judge(&rows), [(1, "TOO_MUCH", "amount 1000.01 > 1000")]);
    }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_with_what_to_mend() {
        let value = serde_json::json!({ "detail": "the pipeline has no field x", "mend": "declare it" });
        assert_eq!(problem(422, &value), "the pipeline has no field x; declare it");
        assert_eq!(problem(502, &Value::Null), "the service answered 502");
    }

    #[test]
    fn a_new_rule_carries_its_name_and_a_name_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("round_amount");
        new(&path).unwrap();
        assert!(std::fs::read_to_string(path.join("src/lib.rs")).unwrap().contains("pub fn round_amount("));
        assert!(std::fs::read_to_string(path.join("Cargo.toml")).unwrap().contains("name = \"round_amount\""));
        assert!(new(&path).unwrap_err().to_string().contains("there already"));
        assert!(new(&folder.path().join("Round-Amount")).unwrap_err().to_string().contains("snake_case"));
    }
}
