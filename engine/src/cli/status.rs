//! `weir status`: one screen of what an operator asks first, from the admin API. Exit code 0: ready and nothing to look at; 1: ready,
//! with something to look at; 2: not ready, or nobody answers.

use std::process::ExitCode;
use std::time::Duration;

use comfy_table::Table;
use serde_json::{Value, json};

use super::api::Api;
use super::out;
use super::printable::{printable, printable_json};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: Api,
    /// One JSON object: what GET /pipeline and GET /rules answered, and what it comes to
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let asked = args.api.client().and_then(|client| {
        let pipeline = client.get("/pipeline")?;
        // In memory, unless where versions came from: a database that is away is a line of the screen, not its end.
        let rules = client.get("/rules").map_err(|why| format!("{why:#}"));
        Ok((client.url().to_owned(), pipeline, rules))
    });
    let (url, pipeline, rules) = match asked {
        Ok(answers) => answers,
        Err(why) => {
            let why = format!("{why:#}").replace('\n', " ");
            if args.json {
                out::line(printable_json(&json!({ "state": "not_reachable", "error": why }).to_string()));
            }
            telemetry::say(&format!("weir: {}", printable(&why)));
            return ExitCode::from(State::NotReady.code());
        }
    };
    let look = look(&pipeline, &rules);
    let state = state(&pipeline, &look);
    if args.json {
        let rules = rules.unwrap_or_else(|why| json!({ "error": why }));
        let whole = json!({ "url": url, "state": state.word(), "look_at": look, "pipeline": pipeline, "rules": rules });
        out::line(printable_json(&whole.to_string()));
    } else {
        out::line(screen(&url, &pipeline, &rules, &look, state));
    }
    ExitCode::from(state.code())
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Warned,
    NotReady,
}

impl State {
    fn code(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Warned => 1,
            Self::NotReady => 2,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Warned => "ready_with_warnings",
            Self::NotReady => "not_ready",
        }
    }
}

fn state(pipeline: &Value, look: &[String]) -> State {
    match (pipeline["ready"].as_bool(), look.is_empty()) {
        (Some(true), true) => State::Ready,
        (Some(true), false) => State::Warned,
        _ => State::NotReady,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// All that somebody has to look at, a line each: conditions, services that are away, files that are no rules.
fn look(pipeline: &Value, rules: &Result<Value, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for condition in list(pipeline, "conditions") {
        let subject = Some(text(condition, "subject")).filter(|subject| !subject.is_empty());
        let about = subject.map(|subject| format!(" ({subject})")).unwrap_or_default();
        lines.push(format!("{}{about}: {}", text(condition, "code"), text(condition, "message")));
    }
    lines.extend(list(pipeline, "dependencies").filter(|one| text(one, "state") != "up").map(away));
    match rules {
        Ok(rules) => lines.extend(
            list(rules, "file_problems")
                .map(|file| format!("rules.dir: {}: {}", text(file, "file"), text(file, "problem"))),
        ),
        Err(why) => lines.push(format!("GET /rules: {why}")),
    }
    lines
}

/// Name, and whether it answers.
fn dependencies(pipeline: &Value) -> Vec<(&str, bool)> {
    list(pipeline, "dependencies")
        .map(|dependency| (text(dependency, "name"), text(dependency, "state") == "up"))
        .collect()
}

/// `kafka is away since 2026-11-30T12:00:00.000Z: connection refused`
fn away(dependency: &Value) -> String {
    let since = dependency["since"].as_str().map(|since| format!(" since {since}")).unwrap_or_default();
    let why = dependency["last_error"]["message"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} is away{since}{why}", text(dependency, "name"))
}

fn screen(url: &str, pipeline: &Value, rules: &Result<Value, String>, look: &[String], state: State) -> String {
    let said = match (state, look.len()) {
        (State::Ready, _) => "ready".to_owned(),
        (State::Warned, 1) => "ready, with 1 thing to look at".to_owned(),
        (State::Warned, count) => format!("ready, with {count} things to look at"),
        (State::NotReady, _) => "NOT READY".to_owned(),
    };
    let mut lines = vec![format!("pipeline {} at {url}: {said}", text(pipeline, "name")), process(pipeline)];
    let reasons: Vec<_> = list(pipeline, "not_ready").filter_map(Value::as_str).collect();
    lines.extend(reasons.iter().map(|reason| format!("  ! not ready: {reason}")));
    // A condition that hinders is among the reasons already.
    let others = look.iter().filter(|one| !reasons.iter().any(|reason| one.ends_with(reason)));
    lines.extend(others.map(|one| format!("  ! {one}")));
    let services = dependencies(pipeline).into_iter();
    let services = services.map(|(name, up)| format!("{name} {}", if up { "up" } else { "AWAY" }));
    lines.push(format!("services: {}", services.collect::<Vec<_>>().join(", ")));
    let mut lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    if let Ok(rules) = rules {
        lines.push(format!("rules: revision {}", rules["revision"]));
        lines.extend(list(rules, "rules").next().map(|_| of_rules(rules).to_string()));
    }
    lines.push(format!("partitions: {}", list(pipeline, "partitions").count()));
    lines.extend(list(pipeline, "partitions").next().map(|_| of_partitions(pipeline).to_string()));
    lines.join("\n")
}

/// `weir 0.1.0, running for 3m 2s, 2 workers, last checkpoint 0.4 s ago`
fn process(pipeline: &Value) -> String {
    let up = Duration::from_secs(pipeline["uptime_seconds"].as_u64().unwrap_or_default());
    let checkpoint = match pipeline["last_checkpoint_age_ms"].as_u64() {
        Some(age) => format!("last checkpoint {:.1} s ago", age as f64 / 1_000.0),
        None => "no checkpoint yet".to_owned(),
    };
    format!(
        "weir {}, {} for {}, {} workers, {checkpoint}",
        text(pipeline, "version"),
        text(pipeline, "state"),
        humantime::format_duration(up),
        pipeline["workers"],
    )
}

fn of_rules(rules: &Value) -> Table {
    let mut table = Table::new();
    table.set_header(["rule", "version", "sha256", "mode", "hits", "failures"]);
    for rule in list(rules, "rules") {
        let suspended = if rule["suspended"].is_null() { "" } else { " (suspended)" };
        let sampled = rule["sampled_one_in"].as_u64().map(|n| format!(" (sampled 1 in {n})")).unwrap_or_default();
        table.add_row([
            printable(text(rule, "name")),
            printable(text(rule, "version")),
            text(rule, "sha256").chars().take(12).collect(),
            format!("{}{suspended}{sampled}", printable(text(rule, "mode"))),
            rule["hits"].to_string(),
            rule["failures"].to_string(),
        ]);
    }
    table
}

fn of_partitions(pipeline: &Value) -> Table {
    let mut table = Table::new();
    table.set_header(["partition", "worker", "state", "lag", "position", "watermark", "error"]);
    let number = |value: &Value| value.as_i64().map(|number| number.to_string()).unwrap_or_else(|| "?".to_owned());
    for partition in list(pipeline, "partitions") {
        table.add_row([
            number(&partition["partition"]),
            number(&partition["worker"]),
            printable(text(partition, "state")),
            number(&partition["lag"]),
            number(&partition["position"]),
            printable(text(partition, "watermark")),
            printable(text(partition, "error")),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Value {
        json!({
            "name": "fraud", "version": "0.1.0", "state": "running", "uptime_seconds": 62, "workers": 2, "revision": 4,
            "ready": true, "not_ready": [], "last_checkpoint_age_ms": 420, "conditions": [], "dependencies": [
                { "name": "kafka", "state": "up", "since": null, "last_error": null },
                { "name": "database", "state": "up", "since": "2026-01-01T00:00:00.000Z", "last_error": { "at": "2026-01-01T00:00:00.000Z", "message": "gone" } },
                { "name": "lookup.customer", "state": "up", "since": null, "last_error": null }],
            "partitions": [{ "partition": 3, "worker": 1, "state": "running", "lag": 17, "position": 41,
                             "watermark": "2026-01-01T00:00:00.000Z", "error": null }],
        })
    }

    fn rules() -> Result<Value, String> {
        Ok(json!({ "revision": 4, "file_problems": [], "rules": [
            { "name": "high_amount", "version": "1.2.0", "sha256": "abcdef0123456789", "mode": "shadow", "hits": 3,
              "failures": 1, "suspended": null, "sampled_one_in": 8 } ] }))
    }

    fn shown(pipeline: &Value, rules: &Result<Value, String>) -> (String, State) {
        let look = look(pipeline, rules);
        let state = state(pipeline, &look);
        (screen("http://h:1", pipeline, rules, &look, state), state)
    }

    #[test]
    fn a_pipeline_that_is_well_shows_its_rules_partitions_services_and_last_checkpoint() {
        let (screen, state) = shown(&pipeline(), &rules());
        assert_eq!(state, State::Ready);
        for part in [
            "pipeline fraud at http://h:1: ready\n",
            "weir 0.1.0, running for 1m 2s, 2 workers, last checkpoint 0.4 s ago",
            "services: kafka up, database up, lookup.customer up",
            "rules: revision 4",
            "shadow (sampled 1 in 8)",
            "| 3         | 1      | running | 17  | 41       | 2026-01-01T00:00:00.000Z |",
        ] {
            assert!(screen.contains(part), "{part:?} stands not in\n{screen}");
        }
    }

    #[test]
    fn a_condition_a_service_that_is_away_and_a_file_that_is_no_rule_are_each_a_line_and_exit_code_1() {
        let with = |change: &dyn Fn(&mut Value, &mut Value)| {
            let (mut pipeline, mut rules) = (pipeline(), rules().unwrap());
            change(&mut pipeline, &mut rules);
            shown(&pipeline, &Ok(rules))
        };
        let condition =
            json!([{ "code": "rules.none_live", "subject": "", "severity": "warning", "message": "no rule is live" }]);
        let (screen, state) = with(&|pipeline, _| pipeline["conditions"] = condition.clone());
        assert!(screen.contains("! rules.none_live: no rule is live") && state.code() == 1, "{screen}");
        let (screen, state) = with(&|pipeline, _| {
            pipeline["dependencies"][2] = json!({ "name": "lookup.customer", "state": "away", "since": "2026-01-01T00:00:00.000Z",
                        "last_error": { "at": "2026-01-01T00:00:01.000Z", "message": "connection refused" } });
        });
        assert!(
            screen.contains("! lookup.customer is away since 2026-01-01T00:00:00.000Z: connection refused")
                && screen.contains("lookup.customer AWAY"),
            "{screen}"
        );
        assert_eq!(state.code(), 1);
        let (screen, state) =
            with(&|_, rules| rules["file_problems"] = json!([{ "file": "x.wasm", "problem": "no\u{1b}c" }]));
        assert!(screen.contains("! rules.dir: x.wasm: no\\u{1b}c") && state.code() == 1, "{screen}");
    }

    #[test]
    fn what_is_not_ready_says_why_once_and_is_exit_code_2() {
        let mut pipeline = pipeline();
        pipeline["ready"] = json!(false);
        pipeline["not_ready"] = json!(["rule x, one of rules.required, is off"]);
        pipeline["conditions"] = json!([{ "code": "rules.required_missing", "subject": "x", "severity": "not_ready",
                                          "message": "rule x, one of rules.required, is off" }]);
        let (screen, state) = shown(&pipeline, &rules());
        assert_eq!((state.code(), screen.matches("is off").count()), (2, 1), "{screen}");
        assert!(screen.contains("NOT READY") && screen.contains("! not ready: rule x"), "{screen}");
        // An engine of before this command answers without `ready`: nobody knows, so it is not said to be.
        pipeline.as_object_mut().unwrap().remove("ready");
        assert_eq!(shown(&pipeline, &rules()).1, State::NotReady);
    }
}
