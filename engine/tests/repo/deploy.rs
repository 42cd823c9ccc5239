//! deploy/: a Grafana dashboard and Prometheus alert rules. What they name is there, since a panel over a metric that is gone is empty
//! and an alert over it is silent; each alert has a runbook and is tested; and Prometheus takes all of it (`promtool`).

mod expressions;
/// Needs promtool, which `make test` installs.
mod promtool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use weir::telemetry::METRICS;
use weir_testkit::stack::root;

use crate::layout::anchors;
use expressions::{Names, braced};

const DASHBOARD: &str = "deploy/grafana/weir.json";
const RULES: &str = "deploy/prometheus/weir.rules.yml";
const RULES_TEST: &str = "deploy/prometheus/weir.rules_test.yml";

/// Labels that Prometheus gives to whatever it scrapes.
const OF_THE_TARGET: [&str; 2] = ["instance", "job"];
/// What Prometheus itself says of a scrape.
const OF_PROMETHEUS: &str = "up";
/// Where a runbook's address begins; a path from the repository's root follows.
const RUNBOOKS: &str = "https://github.com/weir/weir/blob/main/";
/// What an alert's severity may be: look now, or in the morning.
const SEVERITIES: [&str; 2] = ["page", "ticket"];

#[test]
fn every_metric_and_label_that_the_dashboard_and_the_alerts_name_is_there() {
    let mut wrong = Vec::new();
    let (queries, alerts) = (queries(), alerts());
    assert!(queries.len() > 40 && alerts.len() > 15, "{} and {}", queries.len(), alerts.len());
    for Query { of, expression, legend } in &queries {
        wrong.extend(unknown(expression, &braced(legend)).into_iter().map(|what| format!("{DASHBOARD}, {of}: {what}")));
    }
    for Alert { name, expression, annotations, .. } in &alerts {
        let texts = annotations.values().flat_map(|text| braced(text));
        // `$value | humanize` and the like name no label.
        let labels: Vec<_> = texts.filter_map(|inner| Some(inner.strip_prefix("$labels.")?.to_owned())).collect();
        wrong.extend(unknown(expression, &labels).into_iter().map(|what| format!("{RULES}, {name}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As `outcome="committed"`: a word that the engine never says matches nothing, for ever.
#[test]
fn every_value_that_a_query_asks_for_is_a_word_of_the_engine() {
    let sources = sources();
    let expressions =
        queries().into_iter().map(|query| query.expression).chain(alerts().into_iter().map(|alert| alert.expression));
    let (mut seen, mut wrong) = (0, Vec::new());
    for expression in expressions {
        for (label, value) in Names::of(&expression).values {
            if OF_THE_TARGET.contains(&label.as_str()) {
                continue;
            }
            seen += 1;
            if !sources.contains(&format!("\"{value}\"")) {
                wrong.push(format!("{expression}: no source says {value:?}"));
            }
        }
    }
    assert!(seen > 3 && wrong.is_empty(), "{seen}: {}", wrong.join("\n"));
}

#[test]
fn every_alert_says_what_is_wrong_and_where_it_is_written_what_to_do() {
    for Alert { name, severity, annotations, .. } in alerts() {
        assert!(SEVERITIES.contains(&severity.as_str()), "{name}: severity {severity:?}");
        for text in ["summary", "description"] {
            assert!(annotations.get(text).is_some_and(|text| text.ends_with('.')), "{name}: a sentence as {text}");
        }
        let address = annotations.get("runbook_url").map(String::as_str).unwrap_or_default();
        let place = address.strip_prefix(RUNBOOKS).and_then(|place| place.split_once('#'));
        let (document, section) =
            place.unwrap_or_else(|| panic!("{name}: a section of a document in {RUNBOOKS}: {address:?}"));
        assert!(["docs/operations.md", "docs/errors.md"].contains(&document), "{name}: {document}");
        assert!(anchors(&read(document)).contains(section), "{name}: {document} has no section {section}");
    }
}

#[test]
fn every_alert_fires_in_a_test_and_all_are_silent_where_all_is_well() {
    let tests: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read(RULES_TEST)).expect("YAML");
    let (mut fired, mut silent) = (BTreeSet::new(), 0);
    for test in tests["tests"].as_sequence().expect("a list of tests") {
        for check in test["promql_expr_test"].as_sequence().expect("a list of checks") {
            let samples = check["exp_samples"].as_sequence().expect("a list of samples, or an empty one");
            silent += usize::from(samples.is_empty());
            fired.extend(samples.iter().filter_map(|sample| Some(sample["labels"].as_str()?.to_owned())));
        }
    }
    let wanted: BTreeSet<_> = alerts().iter().map(|alert| format!("{{alertname=\"{}\"}}", alert.name)).collect();
    assert_eq!(fired, wanted, "left: alerts that fire in {RULES_TEST}; right: those of {RULES}");
    assert!(silent > wanted.len() / 2, "{silent} checks that nothing fires");
}

#[test]
fn no_two_panels_have_a_number_or_a_place_in_common() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("a list of panels") {
        assert!(ids.insert(panel["id"].as_u64()), "{}", panel["title"]);
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(
                    x < 24 && places.insert((x, y)),
                    "{} lies over another panel, or beyond the edge",
                    panel["title"]
                );
            }
        }
        assert!(
            panel["type"] == "row" || panel["description"].is_string(),
            "{} says not what it shows",
            panel["title"]
        );
    }
}

/// A query of the dashboard.
struct Query {
    /// Title of the panel.
    of: String,
    expression: String,
    legend: String,
}

struct Alert {
    name: String,
    expression: String,
    severity: String,
    annotations: BTreeMap<String, String>,
}

fn queries() -> Vec<Query> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().expect("a list of panels") {
        for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
            let (of, expression, legend) =
                (text(&panel["title"]), text(&target["expr"]), text(&target["legendFormat"]));
            queries.push(Query { of, expression, legend });
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().expect("a list of annotations") {
        queries.push(Query {
            of: text(&annotation["name"]),
            expression: text(&annotation["expr"]),
            legend: String::new(),
        });
    }
    for variable in dashboard["templating"]["list"].as_array().expect("a list of variables") {
        let asked = variable["query"]["query"].as_str().and_then(|query| query.strip_prefix("label_values("));
        // `label_values(SERIES, LABEL)` is Grafana's own; its series are as in any expression.
        let series = asked.and_then(|query| query.rsplit_once(',')).map(|(series, _)| series.to_owned());
        queries.extend(series.map(|expression| Query {
            of: text(&variable["name"]),
            expression,
            legend: String::new(),
        }));
    }
    queries
}

fn alerts() -> Vec<Alert> {
    let rules: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read(RULES)).expect("YAML");
    let text = |value: &serde_yaml_ng::Value| value.as_str().unwrap_or_default().to_owned();
    let groups = rules["groups"].as_sequence().expect("a list of groups").iter();
    groups
        .flat_map(|group| group["rules"].as_sequence().expect("a list of rules"))
        .map(|rule| Alert {
            name: text(&rule["alert"]),
            expression: text(&rule["expr"]),
            severity: text(&rule["labels"]["severity"]),
            annotations: rule["annotations"]
                .as_mapping()
                .into_iter()
                .flatten()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        })
        .collect()
}

/// What an expression, or a text that shows its labels, names that is not there.
fn unknown(expression: &str, shown: &[String]) -> Vec<String> {
    let (names, mut wrong, mut known) = (Names::of(expression), Vec::new(), BTreeSet::from(OF_THE_TARGET));
    if names.series.is_empty() {
        wrong.push(format!("no metric in {expression:?}"));
    }
    for (metric, matched) in &names.series {
        let labels = match labels_of(metric) {
            Some(labels) => labels,
            None => {
                wrong.push(format!("there is no metric {metric}"));
                continue;
            }
        };
        let is_there = |label: &&String| labels.contains(label.as_str()) || OF_THE_TARGET.contains(&label.as_str());
        wrong.extend(
            matched.iter().filter(|label| !is_there(label)).map(|label| format!("{metric} has no label {label}")),
        );
        known.extend(labels);
    }
    let others = names.grouped.iter().chain(shown).filter(|label| !known.contains(label.as_str()));
    wrong.extend(others.map(|label| format!("no metric of {expression:?} has a label {label}")));
    // Whoever sums a label away can't show it.
    if !names.grouped.is_empty() {
        let lost = shown.iter().filter(|label| !names.grouped.contains(label));
        wrong.extend(lost.map(|label| format!("{expression:?} has no label {label} left")));
    }
    wrong
}

/// The labels of a metric, or of a part of a histogram.
fn labels_of(name: &str) -> Option<BTreeSet<&'static str>> {
    let of =
        |name: &str| METRICS.iter().find(|metric| metric.0 == name).map(|metric| metric.2.iter().copied().collect());
    if name == OF_PROMETHEUS {
        return Some(BTreeSet::new());
    }
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| Some((*part, name.strip_suffix(part)?)));
    match part {
        None => of(name),
        Some((part, histogram)) => {
            let mut labels: BTreeSet<&'static str> = of(histogram)?;
            labels.extend((part == "_bucket").then_some("le"));
            Some(labels)
        }
    }
}

/// The engine's sources, one behind the other.
fn sources() -> String {
    let (mut all, mut folders) = (String::new(), vec![root().join("engine/src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => all += &fs::read_to_string(&path).unwrap_or_default(),
            }
        }
    }
    all
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}
