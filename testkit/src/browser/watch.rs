//! What the browser noticed of a page that no visitor sees: errors of the console, exceptions, what was against the policy, requests to
//! another origin. Pure: events in, faults out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::protocol::Event;

/// Schemes of addresses that lead to no host.
const NOWHERE: [&str; 3] = ["about:", "blob:", "data:"];

/// Each fault, in the order in which they happened. `expected`: statuses of answers that the journey asked for.
pub(super) fn faults(events: &[&Event], origin: &str, expected: &BTreeSet<u16>) -> Vec<String> {
    events.iter().filter_map(|event| fault(event, origin, expected)).collect()
}

fn fault(Event { method, params, .. }: &Event, origin: &str, expected: &BTreeSet<u16>) -> Option<String> {
    match method.as_str() {
        "Runtime.consoleAPICalled" if matches!(params["type"].as_str(), Some("error" | "assert")) => {
            let said: Vec<_> = params["args"].as_array()?.iter().map(shown).collect();
            Some(format!("the console has an error: {}", said.join(" ")))
        }
        "Runtime.exceptionThrown" => Some(format!("nobody caught: {}", thrown(&params["exceptionDetails"]))),
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            let text = entry["text"].as_str().unwrap_or_default();
            let is_asked_for = |status: &u16| text.contains(&format!("status of {status} "));
            let is_of_an_answer = entry["source"] == "network" && expected.iter().any(is_asked_for);
            (!is_of_an_answer).then(|| format!("the console has an error: {text} ({})", entry["url"]))
        }
        "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue" => {
            let details = &params["issue"]["details"]["contentSecurityPolicyIssueDetails"];
            let [directive, kind, blocked] = ["violatedDirective", "contentSecurityPolicyViolationType", "blockedURL"]
                .map(|key| details[key].as_str().unwrap_or("-").to_owned());
            Some(format!("against the Content-Security-Policy: {directive} ({kind}, {blocked})"))
        }
        "Network.requestWillBeSent" => elsewhere(params["request"]["url"].as_str()?, origin),
        "Network.webSocketCreated" => elsewhere(params["url"].as_str()?, origin),
        "Inspector.targetCrashed" => Some("the page crashed".into()),
        _ => None,
    }
}

fn elsewhere(address: &str, origin: &str) -> Option<String> {
    let is_ours = address.strip_prefix(origin).is_some_and(|path| path.is_empty() || path.starts_with('/'));
    let is_nowhere = NOWHERE.iter().any(|scheme| address.starts_with(scheme));
    (!is_ours && !is_nowhere).then(|| format!("a request to another origin: {address}"))
}

/// What a script threw.
pub(super) fn thrown(details: &Value) -> String {
    let text = details["exception"]["description"].as_str().or(details["text"].as_str());
    format!("{} ({}:{})", text.unwrap_or("an exception"), details["url"].as_str().unwrap_or("-"), details["lineNumber"])
}

/// An argument of the console's.
fn shown(argument: &Value) -> String {
    let text = argument["description"].as_str().or(argument["value"].as_str());
    text.map_or_else(|| argument["value"].to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HERE: &str = "http://127.0.0.1:8080";

    fn told(method: &str, params: Value) -> Option<String> {
        faults(&[&Event::of(method, params)], HERE, &BTreeSet::from([409])).pop()
    }

    #[test]
    fn requests_to_another_origin_are_told_whatever_their_address_begins_with() {
        let asked = |url: &str| told("Network.requestWillBeSent", json!({ "request": { "url": url } }));
        for ours in [
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/a",
            "data:,x",
            "about:blank",
            "blob:http://127.0.0.1:8080/1",
        ] {
            assert_eq!(asked(ours), None);
        }
        for other in [
            "http://127.0.0.1:80801/",
            "http://127.0.0.1:8080.example.org/",
            "https://127.0.0.1:8080/",
            "file:///etc/passwd",
        ] {
            assert_eq!(asked(other), Some(format!("a request to another origin: {other}")));
        }
        assert!(told("Network.webSocketCreated", json!({ "url": "ws://127.0.0.1:8080/" })).is_some());
    }

    #[test]
    fn an_answer_that_was_asked_for_is_no_error_of_the_page() {
        let logged = |source: &str, text: &str| {
            told(
                "Log.entryAdded",
                json!({ "entry": { "level": "error", "source": source, "text": text, "url": "/x" } }),
            )
        };
        let answered =
            |status: u16| format!("Failed to load resource: the server responded with a status of {status} (Word)");
        assert_eq!(logged("network", &answered(409)), None);
        assert!(logged("network", &answered(403)).is_some());
        assert!(logged("security", &answered(409)).is_some());
        assert_eq!(told("Log.entryAdded", json!({ "entry": { "level": "warning", "text": "old" } })), None);
    }

    #[test]
    fn errors_exceptions_and_what_is_against_the_policy_are_told_in_the_browser_s_words() {
        let said =
            json!({ "type": "error", "args": [{ "type": "string", "value": "no" }, { "type": "number", "value": 7 }] });
        assert_eq!(told("Runtime.consoleAPICalled", said).unwrap(), "the console has an error: no 7");
        assert_eq!(told("Runtime.consoleAPICalled", json!({ "type": "log", "args": [] })), None);
        let thrown = json!({ "exceptionDetails": { "text": "Uncaught", "exception": { "description": "Error: x" }, "lineNumber": 3 } });
        assert_eq!(told("Runtime.exceptionThrown", thrown).unwrap(), "nobody caught: Error: x (-:3)");
        let details =
            json!({ "violatedDirective": "script-src-elem", "contentSecurityPolicyViolationType": "kInlineViolation" });
        let issue = json!({ "issue": {
            "code": "ContentSecurityPolicyIssue", "details": { "contentSecurityPolicyIssueDetails": details },
        } });
        let wanted = "against the Content-Security-Policy: script-src-elem (kInlineViolation, -)";
        assert_eq!(told("Audits.issueAdded", issue).unwrap(), wanted);
        assert_eq!(told("Audits.issueAdded", json!({ "issue": { "code": "GenericIssue" } })), None);
    }
}
