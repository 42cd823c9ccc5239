//! `weir rules show`: GET /rules/{name} for a person, with what GET /rules/{name}/history says of the last change.

use comfy_table::Table;
use serde_json::Value;

use super::super::out;
use super::super::printable::printable;
use super::text;

/// Positions that are named; the API lists more.
const PLACES: usize = 12;

pub(super) fn print(detail: &Value, history: &Value) {
    for line in head(detail).into_iter().chain(in_force(&history["changes"][0])) {
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

/// Since which change the rule is as it is, and from which offsets it judges so; None: not known, or it is out of the set.
fn in_force(change: &Value) -> Option<String> {
    let (line, _) = (&change["line"], change["rule"].as_object()?);
    let reason = line["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let places: Vec<_> =
        items(change, "in_force").map(|range| format!("{}@{}", range["partition"], range["from"])).collect();
    let places = match places.len() {
        0 => "no checkpoint has a record that it judged so yet".to_owned(),
        count if count <= PLACES => format!("from {}", places.join(", ")),
        count => format!("from {} and {} more", places[..PLACES].join(", "), count - PLACES),
    };
    let (who, at) = (text(line, "who"), text(line, "at"));
    Some(format!("as it is since revision {}, by {who} at {at}{reason}: {places}", line["revision"]))
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.set_header(header);
    table
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn since_when_and_from_which_offsets_a_rule_is_as_it_is_is_one_line() {
        let line = json!({ "revision": 43, "who": "ana", "at": "2026-11-30T12:03:00.000Z", "reason": "lower limit" });
        let change = |in_force: Value| json!({ "line": line, "rule": { "mode": "live" }, "in_force": in_force });
        let range = |partition: u32| json!({ "partition": partition, "from": 88_131, "to": null });
        let since = "as it is since revision 43, by ana at 2026-11-30T12:03:00.000Z (lower limit): ";
        let said = |in_force| in_force_of(&change(in_force), since);
        assert_eq!(said(json!([range(0), range(1)])), "from 0@88131, 1@88131");
        assert_eq!(said(json!([])), "no checkpoint has a record that it judged so yet");
        assert!(said((0..14).map(range).collect()).ends_with("11@88131 and 2 more"));
        assert_eq!(in_force(&Value::Null), None);
        assert_eq!(in_force(&json!({ "line": line, "rule": null, "in_force": [] })), None, "it is retired");
    }

    fn in_force_of(change: &Value, since: &str) -> String {
        in_force(change).unwrap().strip_prefix(since).unwrap().to_owned()
    }
}
