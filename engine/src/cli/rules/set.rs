//! `weir rules set`: the changes of PATCH /rules/{name}.

use anyhow::ensure;
use serde_json::{Map, Value};

use super::super::api::Client;
use super::super::out;
use super::super::properties::pair;
use super::{Why, plan};

/// What to change.
#[derive(Debug, clap::Args)]
pub(super) struct Change {
    /// The rule
    name: String,
    /// live, shadow or off
    #[arg(long, value_parser = ["live", "shadow", "off"])]
    mode: Option<String>,
    /// Place among the rules, ascending
    #[arg(long, allow_negative_numbers = true)]
    order: Option<i32>,
    /// A parameter, as often as needed: -p limit=5000
    #[arg(short, long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// A parameter that takes the module's default again, as often as needed
    #[arg(long = "default", value_name = "NAME")]
    defaults: Vec<String>,
    #[command(flatten)]
    pub(super) why: Why,
}

pub(super) fn run(change: &Change, api: &Client) -> anyhow::Result<()> {
    let body = body(change)?;
    if change.why.plan {
        return plan::ask(api, &planned(&change.name, body));
    }
    let done = api.patch(&format!("/rules/{}", change.name), &body)?;
    out::line(format_args!("{} is changed; revision {}", change.name, done["revision"]));
    Ok(())
}

/// The question what the change would do, which takes no reason.
fn planned(rule: &str, mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.remove("reason");
        body.insert("rule".into(), rule.into());
        body.insert("action".into(), "patch".into());
    }
    body
}

fn body(change: &Change) -> anyhow::Result<Value> {
    let mut body = Map::new();
    if let Some(mode) = &change.mode {
        body.insert("mode".into(), mode.as_str().into());
    }
    if let Some(order) = change.order {
        body.insert("order".into(), order.into());
    }
    let set = change.parameters.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    let parameters: Vec<(String, Value)> =
        set.chain(change.defaults.iter().map(|name| (name.clone(), Value::Null))).collect();
    let count = parameters.len();
    let parameters: Map<String, Value> = parameters.into_iter().collect();
    ensure!(
        parameters.len() == count,
        "a parameter is named twice; name each once, with --parameter or with --default"
    );
    if !parameters.is_empty() {
        body.insert("parameters".into(), parameters.into());
    }
    ensure!(!body.is_empty(), "nothing is to change; give --mode, --order, --parameter or --default");
    if let Some(reason) = &change.why.reason {
        body.insert("reason".into(), reason.as_str().into());
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_each_parameter_once_and_changes_something() {
        let with = |parameters: &[(&str, &str)], defaults: &[&str]| Change {
            name: "r".into(),
            mode: None,
            order: None,
            parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            defaults: defaults.iter().map(|name| (*name).into()).collect(),
            why: Why::default(),
        };
        let sent = body(&with(&[("limit", "5=6"), ("list", "")], &["other"])).unwrap();
        assert_eq!(sent, serde_json::json!({ "parameters": { "limit": "5=6", "list": "", "other": null } }));
        let reason = |reason: &str| Why { reason: Some(reason.into()), ..Why::default() };
        let why = Change { why: reason("lower"), ..with(&[("limit", "5")], &[]) };
        assert_eq!(body(&why).unwrap(), serde_json::json!({ "parameters": { "limit": "5" }, "reason": "lower" }));
        let asked = planned("r", body(&why).unwrap());
        assert_eq!(asked, serde_json::json!({ "rule": "r", "action": "patch", "parameters": { "limit": "5" } }));
        assert!(body(&Change { why: reason("why"), ..with(&[], &[]) }).is_err(), "a reason is no change");
        assert!(body(&with(&[("limit", "5")], &["limit"])).unwrap_err().to_string().contains("twice"));
        assert!(body(&with(&[], &[])).unwrap_err().to_string().starts_with("nothing is to change"));
    }
}
