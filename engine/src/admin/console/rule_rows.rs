//! What the page of a rule has in its tables and forms: parameters with the field that each is typed into, changes with the offsets
//! that they were in force from, and what differs between two of them.

use super::super::views::{ParameterView, RuleChangeView, RuleDetail, RuleHistoryView, RuleStateView};
use super::change_form::mode_word;
use super::moment::Moment;
use super::number::{NOT_KNOWN, grouped};
use super::state::short;

/// Ranges of offsets that a row names; the API lists more.
const RANGES: usize = 12;

/// A parameter, and how it is typed in.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) summary: String,
    pub(super) value: String,
    pub(super) default: String,
    /// Whether somebody set it.
    pub(super) is_set: bool,
    /// What a browser takes: a regular expression; empty: anything.
    pub(super) pattern: &'static str,
    /// What a phone shows to type with.
    pub(super) inputmode: &'static str,
    /// How a value is written.
    pub(super) hint: &'static str,
    pub(super) is_boolean: bool,
}

impl Parameter {
    /// As they are in force; those of the manifest, in its order.
    pub(super) fn all(detail: &RuleDetail) -> Vec<Self> {
        let rule = &detail.rule;
        let parameter = |parameter: &ParameterView| {
            let ParameterView { name, kind, summary, default } = parameter.clone();
            let (pattern, inputmode, hint) = typed(&kind);
            Self {
                value: rule.parameters.get(&name).unwrap_or(&default).clone(),
                is_set: rule.set.contains(&name),
                is_boolean: kind == "boolean",
                name,
                kind,
                summary,
                default,
                pattern,
                inputmode,
                hint,
            }
        };
        detail.manifest.parameters.iter().map(parameter).collect()
    }
}

/// Pattern, input mode and hint of a kind. Texts, not HTML's number fields: those read digits as floating-point numbers.
fn typed(kind: &str) -> (&'static str, &'static str, &'static str) {
    match kind {
        "integer" => ("-?[0-9]+", "numeric", "a whole number"),
        "decimal" => (r"-?[0-9]+(\.[0-9]+)?", "decimal", "a decimal, as 750.00"),
        "float" => ("", "decimal", "a number, as 0.25"),
        "timestamp" => ("-?[0-9]+", "numeric", "epoch milliseconds"),
        "boolean" => ("", "text", "true or false"),
        _ => ("", "text", "text; a list has commas between its items"),
    }
}

/// A change of the rule, as the table has it.
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) at: Moment,
    pub(super) who: String,
    pub(super) action: String,
    pub(super) reason: String,
    pub(super) detail: String,
    /// Version and its digest in short; empty: the rule was taken out.
    pub(super) version: String,
    /// The whole digest.
    pub(super) sha256: String,
    pub(super) mode: String,
    /// Where it was in force, in words.
    pub(super) in_force: Vec<String>,
    pub(super) more_in_force: u64,
    /// Whether going back to its version is a change.
    pub(super) is_another: bool,
}

impl Change {
    /// Newest first. `now`: digest of the version in force.
    pub(super) fn all(history: &RuleHistoryView, now: &str) -> Vec<Self> {
        history.changes.iter().map(|change| Self::of(change, now)).collect()
    }

    fn of(change: &RuleChangeView, now: &str) -> Self {
        let RuleChangeView { line, rule, in_force, more_in_force } = change;
        let range = |range: &super::super::views::InForceView| {
            let from = format!("{}@{}", range.partition, grouped(range.from));
            range.to.map_or_else(|| format!("from {from}"), |to| format!("{from} to {}", grouped(to - 1)))
        };
        let (version, sha256, mode) = match rule {
            Some(rule) => (named(rule), rule.sha256.clone(), mode(rule)),
            None => (String::new(), String::new(), "out of the set".to_owned()),
        };
        Self {
            revision: line.revision,
            at: Moment::new(&line.at),
            who: line.who.clone(),
            action: line.action.clone(),
            reason: line.reason.clone().unwrap_or_default(),
            detail: line.detail.clone(),
            is_another: !sha256.is_empty() && sha256 != now,
            version,
            sha256,
            mode,
            in_force: in_force.iter().take(RANGES).map(range).collect(),
            more_in_force: more_in_force + in_force.len().saturating_sub(RANGES) as u64,
        }
    }
}

/// `1.2.0 a1b2c3d4e5f6`
fn named(rule: &RuleStateView) -> String {
    format!("{} {}", rule.version.as_deref().unwrap_or("?"), short(&rule.sha256))
}

fn mode(rule: &RuleStateView) -> String {
    let suspended = if rule.suspended.is_some() { ", suspended" } else { "" };
    format!("{}{suspended}", mode_word(rule.mode))
}

/// A setting that differs between two states of the rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Differing {
    pub(super) setting: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// What differs between the rule as two revisions left it; None: one of them is not among the changes.
pub(super) fn compare(history: &RuleHistoryView, from: u64, to: u64) -> Option<Vec<Differing>> {
    let of = |revision| history.changes.iter().find(|change| change.line.revision == revision).map(settings);
    let (from, to) = (of(from)?, of(to)?);
    let mut names: Vec<String> = from.iter().chain(&to).map(|(name, _)| name.clone()).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let value = |of: &[(String, String)], name: &str| {
        of.iter().find(|(known, _)| known == name).map_or_else(|| NOT_KNOWN.to_owned(), |(_, value)| value.clone())
    };
    let differing = |setting: String| {
        let (from, to) = (value(&from, &setting), value(&to, &setting));
        (from != to).then_some(Differing { setting, from, to })
    };
    Some(names.into_iter().filter_map(differing).collect())
}

fn settings(change: &RuleChangeView) -> Vec<(String, String)> {
    let Some(rule) = &change.rule else { return Vec::new() };
    let fixed = [("version", named(rule)), ("mode", mode(rule)), ("order", rule.order.to_string())];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
    fixed.chain(rule.parameters.iter().map(|(name, value)| (format!("parameter {name}"), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::views::{AuditView, InForceView};
    use crate::model::catalog::Mode;

    fn change(revision: u64, limit: &str, in_force: &[(i32, i64, Option<i64>)]) -> RuleChangeView {
        let line = AuditView {
            at: "2026-11-30T12:03:00.000Z".into(),
            who: "ana".into(),
            action: "patch".into(),
            rule: "r".into(),
            revision,
            detail: String::new(),
            reason: Some("lower limit".into()),
        };
        let rule = RuleStateView {
            sha256: "ab".repeat(32),
            version: Some("1.2.0".into()),
            mode: Mode::Live,
            order: 0,
            parameters: [("floor".to_owned(), "1".to_owned()), ("limit".to_owned(), limit.to_owned())].into(),
            suspended: None,
        };
        let range = |&(partition, from, to): &(i32, i64, Option<i64>)| InForceView { partition, from, to };
        RuleChangeView { line, rule: Some(rule), in_force: in_force.iter().map(range).collect(), more_in_force: 0 }
    }

    fn history(changes: Vec<RuleChangeView>) -> RuleHistoryView {
        RuleHistoryView { rule: "r".into(), changes, more: false, in_force_cut: false }
    }

    #[test]
    fn where_a_change_was_in_force_is_said_by_position() {
        let history = history(vec![change(2, "5", &[(0, 88_131, None), (1, 5, Some(1_000))])]);
        let rows = Change::all(&history, &"ab".repeat(32));
        assert_eq!(rows[0].in_force, ["from 0@88,131", "1@5 to 999"]);
        assert_eq!((rows[0].version.as_str(), rows[0].is_another), ("1.2.0 abababababab", false));
        assert!(Change::all(&history, "cd")[0].is_another);
        let many: Vec<_> = (0..30).map(|partition| (partition, 0, None)).collect();
        let row = Change::of(&change(2, "5", &many), "");
        assert_eq!((row.in_force.len(), row.more_in_force), (12, 18));
    }

    #[test]
    fn two_changes_differ_in_their_parameters_and_settings_and_in_nothing_else() {
        let mut retired = change(3, "5", &[]);
        retired.rule = None;
        let history = history(vec![retired, change(2, "7.50", &[]), change(1, "10", &[])]);
        let limit = Differing { setting: "parameter limit".into(), from: "10".into(), to: "7.50".into() };
        assert_eq!(compare(&history, 1, 2), Some(vec![limit]));
        assert_eq!(compare(&history, 2, 2), Some(Vec::new()));
        assert_eq!(compare(&history, 1, 9), None);
        let gone = compare(&history, 2, 3).expect("both are known");
        assert_eq!((gone.len(), gone[0].to.as_str()), (5, NOT_KNOWN));
    }

    #[test]
    fn numbers_are_typed_as_texts_that_a_pattern_holds() {
        assert_eq!(typed("decimal").0, r"-?[0-9]+(\.[0-9]+)?");
        assert_eq!(typed("integer").0, "-?[0-9]+");
        assert_eq!(typed("text").0, "");
    }
}
