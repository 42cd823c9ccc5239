//! Figures of rules over all instances: what the one that answers counted, and what the others said of the same version of a rule
//! within the last 10 s. From memory.

use std::collections::BTreeMap;

use super::views::{InstancesView, RuleDetail, RuleFigures, RuleView};

/// Adds to a rule's figures those of the other instances.
pub(super) fn sum(rule: &mut RuleView, seen: &InstancesView) {
    let all = figures(rule, seen);
    let mut nanos = rule.ns_per_record.unwrap_or_default() * rule.records as f64;
    rule.counted_since = all.iter().map(|(_, figures)| figures.since.clone()).max();
    for (_, others) in all.into_iter().filter(|(is_this, _)| !is_this) {
        rule.counted_by += 1;
        rule.records += others.records;
        rule.hits += others.hits.values().sum::<u64>();
        rule.failures += others.failures.values().sum::<u64>();
        rule.skipped += others.skipped;
        nanos += others.nanos as f64;
    }
    rule.ns_per_record = (rule.records > 0).then(|| nanos / rule.records as f64);
}

/// The same of a rule with its codes.
pub(super) fn sum_by_code(detail: &mut RuleDetail, seen: &InstancesView) {
    for (_, others) in figures(&detail.rule, seen).into_iter().filter(|(is_this, _)| !is_this) {
        detail.skipped += others.skipped;
        add(&mut detail.hits_by_code, &others.hits);
        add(&mut detail.failures_by_code, &others.failures);
    }
    sum(&mut detail.rule, seen);
}

/// What each instance that is heard of says of this version of the rule, and whether it is the one that answers.
fn figures<'s>(rule: &RuleView, seen: &'s InstancesView) -> Vec<(bool, &'s RuleFigures)> {
    let heard = seen.instances.iter().filter(|instance| instance.is_this || instance.is_heard);
    let reports = heard.filter_map(|instance| Some((instance.is_this, instance.report.as_ref()?)));
    let all = reports.flat_map(|(is_this, report)| report.rules.iter().map(move |figures| (is_this, figures)));
    all.filter(|(_, figures)| figures.name == rule.name && figures.sha256 == rule.sha256).collect()
}

fn add(counts: &mut BTreeMap<String, u64>, others: &BTreeMap<String, u64>) {
    for (code, count) in others {
        *counts.entry(code.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::views::{InstanceReport, InstanceView};

    fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect()
    }

    fn instance(is_this: bool, is_heard: bool, sha256: &str, since: &str) -> InstanceView {
        let figures = RuleFigures {
            name: "r".into(),
            sha256: sha256.repeat(32),
            since: since.into(),
            records: 1_000,
            nanos: 30_000,
            hits: counts(&[("A", 2), ("B", 3)]),
            failures: counts(&[("RULE_TRAP", 4)]),
            skipped: 5,
        };
        let report = InstanceReport { rules: vec![figures], ..InstanceReport::default() };
        InstanceView { is_this, is_heard, report: Some(report), ..InstanceView::default() }
    }

    #[test]
    fn figures_of_the_same_version_on_instances_that_are_heard_are_summed_and_no_others() {
        let instances = vec![
            instance(true, true, "ab", "2026-11-30T10:00:00.000Z"),
            instance(false, true, "ab", "2026-11-30T12:00:00.000Z"),
            instance(false, false, "ab", "2026-11-30T13:00:00.000Z"),
            instance(false, true, "cd", "2026-11-30T13:00:00.000Z"),
        ];
        let seen = InstancesView { instances, ..InstancesView::default() };
        let mut rule = crate::admin::console::tests::rule_view("r");
        (rule.records, rule.hits, rule.ns_per_record) = (1_000, 7, Some(10.0));
        sum(&mut rule, &seen);
        assert_eq!((rule.counted_by, rule.records, rule.hits, rule.failures, rule.skipped), (2, 2_000, 12, 4, 5));
        assert_eq!((rule.ns_per_record, rule.counted_since.as_deref()), (Some(20.0), Some("2026-11-30T12:00:00.000Z")));
        let mut hits = counts(&[("A", 1)]);
        add(&mut hits, &counts(&[("A", 2), ("B", 3)]));
        assert_eq!(hits, counts(&[("A", 3), ("B", 3)]));
    }

    #[test]
    fn an_instance_that_knows_of_no_other_counts_for_itself() {
        let mut rule = crate::admin::console::tests::rule_view("r");
        sum(&mut rule, &InstancesView::default());
        assert_eq!((rule.counted_by, rule.records, rule.ns_per_record, rule.counted_since), (1, 0, None, None));
    }
}
