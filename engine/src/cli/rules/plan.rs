//! `--plan` of the commands that change rules: POST /rules/plan for a person.

use serde_json::Value;

use super::super::api::{Client, difference};
use super::super::out;
use super::super::printable::printable;
use super::text;

/// What a change without a module would do.
pub(super) fn ask(api: &Client, request: &Value) -> anyhow::Result<()> {
    print(&api.post("/rules/plan", "application/json", request.to_string().as_bytes())?);
    Ok(())
}

/// What a publish would do; `path` has the query.
pub(super) fn of_module(api: &Client, path: &str, wasm: &[u8]) -> anyhow::Result<()> {
    print(&api.post(path, "application/wasm", wasm)?);
    Ok(())
}

fn print(plan: &Value) {
    for line in lines(plan) {
        out::line(format_args!("{}", printable(&line)));
    }
}

fn lines(plan: &Value) -> Vec<String> {
    let items = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    let (rule, revision, changes) = (text(plan, "rule"), &plan["revision"], items("changes"));
    if changes.is_empty() {
        return vec![format!("{rule}: nothing would change, revision {revision} is so already")];
    }
    let mut lines: Vec<_> = changes.iter().map(difference).collect();
    lines.extend(items("effects").iter().filter_map(Value::as_str).map(|effect| format!("then {effect}")));
    lines.push(format!("nothing was changed; --if-revision {revision} does it on this very rule set"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_changes_what_follows_and_that_nothing_was_done() {
        let change = |setting: &str, from: Option<&str>, to: Option<&str>| serde_json::json!({ "rule": "r", "setting": setting, "from": from, "to": to });
        let changes = [change("mode", Some("live"), Some("off")), change("parameters.limit", Some("5"), None)];
        let effects = ["BIG no longer flags a record"];
        let plan = serde_json::json!({ "rule": "r", "revision": 42, "changes": changes, "effects": effects });
        let wanted = [
            "r mode: live -> off",
            "r parameters.limit: 5 -> –",
            "then BIG no longer flags a record",
            "nothing was changed; --if-revision 42 does it on this very rule set",
        ];
        assert_eq!(lines(&plan), wanted);
        let nothing = serde_json::json!({ "rule": "r", "revision": 42, "changes": [], "effects": [] });
        assert_eq!(lines(&nothing), ["r: nothing would change, revision 42 is so already"]);
    }
}
