//! What differs between two states of the set, setting by setting: what a plan would change, and what changed since somebody
//! looked; and the same in the words of the audit.

use std::collections::BTreeSet;

use crate::model::catalog::Entry;

/// A setting of a rule that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name of the rule.
    pub rule: String,
    /// `version`, `mode`, `order`, `suspended`, `brought_by`, or `parameters.NAME`.
    pub setting: String,
    /// None: the rule was not in the set, was not suspended, or had the parameter's default.
    pub from: Option<String>,
    /// None: the same, afterwards.
    pub to: Option<String>,
}

/// What differs, by rule in the order of their names. A rule that came or went differs in all that it is set to.
pub fn differences(before: &[Entry], after: &[Entry]) -> Vec<Difference> {
    let find = |entries: &[Entry], name: &str| entries.iter().find(|entry| entry.name == name).cloned();
    let names: BTreeSet<_> = before.iter().chain(after).map(|entry| entry.name.as_str()).collect();
    names.into_iter().flat_map(|name| of_rule(name, find(before, name), find(after, name))).collect()
}

fn of_rule(rule: &str, before: Option<Entry>, after: Option<Entry>) -> Vec<Difference> {
    let [before, after] = [before, after].map(|entry| entry.as_ref().map(settings).unwrap_or_default());
    let mut all: Vec<&String> = before.iter().map(|(setting, _)| setting).collect();
    all.extend(after.iter().map(|(setting, _)| setting).filter(|setting| !before.iter().any(|(b, _)| b == *setting)));
    let value = |of: &[(String, String)], setting: &str| {
        of.iter().find(|(name, _)| name == setting).map(|(_, value)| value.clone())
    };
    let differs = |setting: &String| {
        let (from, to) = (value(&before, setting), value(&after, setting));
        (from != to).then(|| Difference { rule: rule.to_owned(), setting: setting.clone(), from, to })
    };
    all.into_iter().filter_map(differs).collect()
}

/// What an entry is set to, the most telling first.
fn settings(entry: &Entry) -> Vec<(String, String)> {
    let Entry { name: _, sha256, order, mode, parameters, from_directory, suspended } = entry;
    let brought_by = if *from_directory { "directory" } else { "api" };
    let fixed = [
        ("version", Some(sha256.to_string())),
        ("mode", Some(format!("{mode:?}").to_lowercase())),
        ("order", Some(order.to_string())),
        ("suspended", suspended.clone()),
        ("brought_by", Some(brought_by.to_owned())),
    ];
    let fixed = fixed.into_iter().filter_map(|(setting, value)| Some((setting.to_owned(), value?)));
    let set = parameters.iter().map(|(name, value)| (format!("parameters.{name}"), value.clone()));
    fixed.chain(set).collect()
}

/// What differs between two states of a rule, as the audit has it: `; mode live -> off; limit 5 -> 7`
pub(super) fn in_words(before: &Entry, after: &Entry) -> String {
    let mut changes = Vec::new();
    if before.mode != after.mode {
        changes.push(format!("mode {:?} -> {:?}", before.mode, after.mode).to_lowercase());
    }
    if before.order != after.order {
        changes.push(format!("order {} -> {}", before.order, after.order));
    }
    if before.suspended.is_some() && after.suspended.is_none() {
        changes.push("suspension lifted".to_owned());
    }
    if before.from_directory != after.from_directory {
        let owner = if after.from_directory { "the directory" } else { "the API" };
        changes.push(format!("now brought by {owner}"));
    }
    for name in before.parameters.keys().chain(after.parameters.keys()) {
        let show = |entry: &Entry| entry.parameters.get(name).cloned().unwrap_or_else(|| "default".to_owned());
        let change = format!("{name} {} -> {}", show(before), show(after));
        if before.parameters.get(name) != after.parameters.get(name) && !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes.iter().map(|change| format!("; {change}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Mode;
    use crate::model::ids::Sha256;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.into(),
            sha256: Sha256([1; 32]),
            order: 0,
            mode: Mode::Live,
            parameters: [("limit".to_owned(), "5".to_owned())].into(),
            from_directory: false,
            suspended: None,
        }
    }

    fn told(before: &[Entry], after: &[Entry]) -> Vec<String> {
        let show = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let told = differences(before, after).into_iter();
        told.map(|d| format!("{}.{} {} {}", d.rule, d.setting, show(d.from), show(d.to))).collect()
    }

    #[test]
    fn every_setting_that_differs_is_told_and_no_other() {
        let before = [entry("a"), entry("b")];
        assert_eq!(told(&before, &before), [""; 0]);
        let mut after = before.clone();
        after[1].mode = Mode::Shadow;
        after[1].order = -3;
        after[1].suspended = Some("it failed".into());
        after[1].from_directory = true;
        after[1].parameters = [("floor".to_owned(), "1".to_owned())].into();
        let wanted = [
            "b.mode live shadow",
            "b.order 0 -3",
            "b.brought_by api directory",
            "b.parameters.limit 5 -",
            "b.suspended - it failed",
            "b.parameters.floor - 1",
        ];
        assert_eq!(told(&before, &after), wanted);
    }

    #[test]
    fn a_rule_that_came_or_went_differs_in_all_that_it_is_set_to() {
        let version = "01".repeat(32);
        let came = told(&[], &[entry("a")]);
        let wanted = ["a.mode - live", "a.order - 0", "a.brought_by - api", "a.parameters.limit - 5"];
        assert_eq!((came[0].clone(), &came[1..]), (format!("a.version - {version}"), &wanted.map(String::from)[..]));
        assert_eq!(told(&[entry("a")], &[])[0], format!("a.version {version} -"));
    }
}
