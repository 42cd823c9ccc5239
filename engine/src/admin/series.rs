//! Which series `/metrics` shows. What was counted of a rule stays in the recorder for as long as the process lives, so that a
//! rule that comes back counts on; while it is in no set, nobody wants its series.

/// The text without the series whose label `rule` names none of these.
pub(super) fn of_rules(text: &str, rules: &[String]) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.lines().filter(|line| rule(line).is_none_or(|name| rules.iter().any(|known| known == name))) {
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// The rule that a line's label names, if it has that label.
fn rule(line: &str) -> Option<&str> {
    let labels = line.strip_prefix("weir_")?.split_once('{')?.1;
    let value = match labels.strip_prefix("rule=\"") {
        Some(value) => value,
        None => labels.split_once(",rule=\"")?.1,
    };
    // Names are snake_case: nothing in them is escaped.
    Some(value.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_rules_that_are_in_no_set_are_not_shown() {
        let text = r#"# HELP weir_rule_hits_total Hits of rules
# TYPE weir_rule_hits_total counter
weir_rule_hits_total{rule="stays",code="A",mode="live"} 3
weir_rule_hits_total{rule="gone",code="A",mode="live"} 4
weir_rule_failures_total{code="RULE_TRAP",rule="gone"} 5
weir_records_total{worker="0"} 6

"#;
        let shown = of_rules(text, &["stays".to_owned()]);
        assert!(!shown.contains("gone"), "{shown}");
        let kept: Vec<_> = text.lines().filter(|line| !line.contains("gone")).collect();
        assert_eq!(shown.lines().collect::<Vec<_>>(), kept);
    }
}
