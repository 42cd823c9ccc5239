//! Which series `/metrics` shows. What was counted of a rule stays in the recorder for as long as the process lives, so that a
//! rule that comes back counts on; while it is in no set, nobody wants its series. A partition that the group gave to another
//! worker keeps its last figures here, which would stand beside the other's: a sum over instances would count it twice.

use std::collections::BTreeSet;

/// The text without the series whose label `rule` names none of these rules, and those whose label `partition` names none of these
/// partitions.
pub(super) fn current(text: &str, rules: &BTreeSet<String>, partitions: &BTreeSet<String>) -> String {
    let mut shown = String::with_capacity(text.len());
    let is_of = |line: &str, label: &str, known: &BTreeSet<String>| {
        value(line, label).is_none_or(|value| known.contains(value))
    };
    for line in text.lines().filter(|line| is_of(line, "rule", rules) && is_of(line, "partition", partitions)) {
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// What a line's label says, if it has that label. Rules' names are snake_case and partitions are numbers: nothing in them is escaped.
fn value<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let labels = line.strip_prefix("weir_")?.split_once('{')?.1;
    let begin = format!("{label}=\"");
    let value = match labels.strip_prefix(&begin) {
        Some(value) => value,
        None => labels.split_once(&format!(",{begin}"))?.1,
    };
    Some(value.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str, rules: &[&str], partitions: &[&str]) -> Vec<String> {
        let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        current(text, &set(rules), &set(partitions)).lines().map(str::to_owned).collect()
    }

    #[test]
    fn series_of_rules_that_are_in_no_set_are_not_shown() {
        let text = r#"# HELP weir_rule_hits_total Hits of rules
# TYPE weir_rule_hits_total counter
weir_rule_hits_total{rule="stays",code="A",mode="live"} 3
weir_rule_hits_total{rule="gone",code="A",mode="live"} 4
weir_rule_failures_total{code="RULE_TRAP",rule="gone"} 5
weir_records_total{worker="0"} 6

"#;
        let wanted: Vec<_> = text.lines().filter(|line| !line.contains("gone")).collect();
        assert_eq!(kept(text, &["stays"], &[]), wanted);
    }

    #[test]
    fn series_of_partitions_that_another_worker_has_are_not_shown() {
        let text = r#"# TYPE weir_partition_lag_records gauge
weir_partition_lag_records{partition="3"} 7
weir_partition_lag_records{partition="13"} 8
weir_store_up 1
"#;
        let wanted: Vec<_> = text.lines().filter(|line| !line.contains("\"13\"")).collect();
        assert_eq!(kept(text, &[], &["3"]), wanted);
    }
}
