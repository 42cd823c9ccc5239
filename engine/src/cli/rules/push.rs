//! `weir rules push`: POST /rules, and in which mode the rule stands afterwards.

use std::path::Path;

use serde_json::Value;

use super::super::api::Client;
use super::super::out;
use super::super::printable::printable;
use super::{path, read, text};

/// Publishes the module of this file, with those parts of a query that there are.
pub(super) fn run(api: &Client, file: &Path, query: [Option<String>; 4]) -> anyhow::Result<()> {
    let done = api.post(&path("/rules", query), "application/wasm", &read(file)?)?;
    let name = text(&done, "name");
    // It is published, whatever becomes of this question.
    let detail = api.get(&format!("/rules/{name}")).unwrap_or(Value::Null);
    out::line(format_args!("{}", printable(&pushed(&done, &detail["rule"]))));
    Ok(())
}

/// What a publish came to; `rule` is the rule as it is afterwards.
fn pushed(done: &Value, rule: &Value) -> String {
    let state = match (text(rule, "mode"), rule["suspended"].as_str()) {
        // Another publish came in between, or the question had no answer.
        _ if text(rule, "sha256") != text(done, "sha256") => "is published",
        (_, Some(why)) => &format!("is suspended ({why})"),
        ("live", None) => "is live",
        ("shadow", None) => "is in shadow (it judges and is counted, nothing acts on it)",
        ("off", None) => "is off (it does not judge)",
        _ => "is published",
    };
    let known = if done["new"] == Value::Bool(false) { "; it was there already" } else { "" };
    format!("{} {} {state} at revision {}{known}", text(done, "name"), text(done, "sha256"), done["revision"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_push_says_in_which_mode_the_rule_stands() {
        let done = json!({ "name": "r", "sha256": "ab", "revision": 3, "new": true });
        let said = |mode: &str| pushed(&done, &json!({ "sha256": "ab", "mode": mode }));
        assert_eq!(said("live"), "r ab is live at revision 3");
        assert_eq!(said("shadow"), "r ab is in shadow (it judges and is counted, nothing acts on it) at revision 3");
        assert_eq!(said("off"), "r ab is off (it does not judge) at revision 3");
        let suspended = json!({ "sha256": "ab", "mode": "live", "suspended": "it failed 8 times" });
        assert_eq!(pushed(&done, &suspended), "r ab is suspended (it failed 8 times) at revision 3");
    }

    #[test]
    fn a_push_of_what_is_there_says_so_and_one_that_was_overtaken_claims_nothing() {
        let known = json!({ "name": "r", "sha256": "ab", "revision": 3, "new": false });
        let rule = json!({ "sha256": "ab", "mode": "live" });
        assert_eq!(pushed(&known, &rule), "r ab is live at revision 3; it was there already");
        assert_eq!(pushed(&known, &Value::Null), "r ab is published at revision 3; it was there already");
    }
}
