//! `weir rules evaluate`: POST /evaluate for a person, one line a record and one a hit.

use serde_json::Value;

use super::super::api::Client;
use super::super::out;
use super::super::printable::printable;
use super::text;

/// Records as an array are sent as one, anything else as one record a line: so a line that is no JSON is told as its record's fault.
pub(super) fn ask(api: &Client, records: &[u8]) -> anyhow::Result<Value> {
    let array = records.trim_ascii_start().first() == Some(&b'[');
    api.ask("/evaluate", if array { "application/json" } else { "application/x-ndjson" }, records)
}

pub(super) fn print(found: &Value) {
    for (n, record) in (1..).zip(found["records"].as_array().into_iter().flatten()) {
        for line in lines(n, record) {
            out::line(format_args!("{}", printable(&line)));
        }
    }
    out::line(format_args!("judged by revision {}", found["revision"]));
}

/// The `n`-th record, from 1.
fn lines(n: u64, record: &Value) -> Vec<String> {
    let mut lines = vec![format!("{n}: {}", text(record, "outcome"))];
    let fault = &record["fault"];
    if fault.is_object() {
        lines.push(format!("   {} ({}): {}", text(fault, "code"), text(fault, "stage"), text(fault, "message")));
    }
    for verdict in record["verdicts"].as_array().into_iter().flatten() {
        let rule = match text(verdict, "mode") {
            "live" => text(verdict, "rule").to_owned(),
            mode => format!("{} ({mode})", text(verdict, "rule")),
        };
        if verdict["not_asked"] == Value::Bool(true) {
            lines.push(format!("   {rule}: not asked, the time of the evaluation was up"));
        }
        for hit in verdict["hits"].as_array().into_iter().flatten() {
            lines.push(format!("   {rule}: {} ({}) {}", text(hit, "code"), text(hit, "effect"), text(hit, "detail")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_a_line_and_so_is_what_was_found() {
        let record = json!({ "outcome": "dead-letter", "fault": null, "verdicts": [
            { "rule": "a", "mode": "live", "hits": [{ "code": "NEGATIVE", "effect": "dead-letter", "detail": "-1" }], "not_asked": false },
            { "rule": "b", "mode": "shadow", "hits": [], "not_asked": true },
            { "rule": "c", "mode": "live", "hits": [], "not_asked": false } ] });
        let wanted = [
            "2: dead-letter",
            "   a: NEGATIVE (dead-letter) -1",
            "   b (shadow): not asked, the time of the evaluation was up",
        ];
        assert_eq!(lines(2, &record), wanted);
        let broken = json!({ "outcome": "dead-letter", "fault": { "stage": "decode", "code": "PARSE_JSON", "message": "at byte 3" }, "verdicts": [] });
        assert_eq!(lines(1, &broken), ["1: dead-letter", "   PARSE_JSON (decode): at byte 3"]);
    }
}
