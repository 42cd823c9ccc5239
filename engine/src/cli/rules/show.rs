//! `weir rules show`: GET /rules/{name} for a person.

use comfy_table::Table;
use serde_json::Value;

use super::super::out;
use super::super::printable::printable;
use super::text;

pub(super) fn print(detail: &Value) {
    for line in head(detail) {
        out::line(format_args!("{}", printable(&line)));
    }
    let (rule, manifest) = (&detail["rule"], &detail["manifest"]);
    let mut parameters = table(["parameter", "kind", "in force", "default", "what it is"]);
    for parameter in items(manifest, "parameters") {
        let name = text(parameter, "name");
        let in_force = text(&rule["parameters"], name);
        parameters.add_row(
            [name, text(parameter, "kind"), in_force, text(parameter, "default"), text(parameter, "summary")]
                .map(printable),
        );
    }
    let mut codes = table(["code", "effect", "hits", "what it says"]);
    for code in items(manifest, "codes") {
        let hits = detail["hits_by_code"][text(code, "name")].as_u64().unwrap_or_default().to_string();
        codes.add_row([text(code, "name"), text(code, "effect"), &hits, text(code, "summary")].map(printable));
    }
    let mut versions = table(["version", "sha256", "published", "by", "from"]);
    for version in items(detail, "versions") {
        let from = format!("{} {}", text(version, "origin"), text(version, "source"));
        let cells = [
            text(version, "version"),
            text(version, "sha256"),
            text(version, "published_at"),
            text(version, "published_by"),
            &from,
        ];
        versions.add_row(cells.map(printable));
    }
    for table in [parameters, codes, versions].iter().filter(|table| table.row_count() > 0) {
        out::line(format_args!("{table}"));
    }
    if detail["more_versions"] == Value::Bool(true) {
        out::line(format_args!("there are older versions: --versions lists up to 100"));
    }
    if let Some(why) = detail["history_unavailable"].as_str() {
        out::line(format_args!("{}", printable(&format!("the versions are not known now: {why}"))));
    }
}

/// What it is and how it fares, a line each.
fn head(detail: &Value) -> Vec<String> {
    let (rule, manifest) = (&detail["rule"], &detail["manifest"]);
    let mut lines = vec![
        format!("{} {}: {}", text(rule, "name"), text(rule, "version"), text(rule, "summary")),
        format!("{} at place {}, sha256 {}", text(rule, "mode"), rule["order"], text(rule, "sha256")),
    ];
    if let Some(why) = rule["suspended"].as_str() {
        lines.push(format!("suspended: {why}"));
    }
    if let Some(n) = rule["sampled_one_in"].as_u64() {
        lines.push(format!("sampled 1 in {n}: shadow rules together have a share of the time only"));
    }
    let fields = items(manifest, "fields").map(|field| {
        let optional = if field["required"] == Value::Bool(true) { "" } else { ", optional" };
        format!("{} ({}{optional})", text(field, "name"), text(field, "kind"))
    });
    let fields: Vec<String> = fields.collect();
    lines.push(format!("reads {}", if fields.is_empty() { "no field".to_owned() } else { fields.join(", ") }));
    let took =
        rule["ns_per_record"].as_f64().map_or_else(|| "not judged yet".to_owned(), |ns| format!("{ns:.1} ns/record"));
    lines.push(format!(
        "since the start: {} hits, {} failures, {} skipped, {took}",
        rule["hits"], rule["failures"], detail["skipped"]
    ));
    lines
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.set_header(header);
    table
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}
