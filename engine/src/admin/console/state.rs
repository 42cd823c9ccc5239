//! How a rule stands and what a hit does, each in a word and a color, and what a rule costs: the same on every page that shows it.

use super::super::views::RuleView;
use super::number::{NOT_KNOWN, decimal};
use crate::model::catalog::Mode;
use crate::model::finding::Effect;

/// In a word, and the class of its mark.
pub(super) fn state(rule: &RuleView) -> (&'static str, &'static str) {
    match (rule.mode, &rule.suspended) {
        (Mode::Off, _) => ("off", ""),
        (_, Some(_)) => ("suspended", "bad"),
        (Mode::Live, None) => ("live", "good"),
        (Mode::Shadow, None) => ("shadow", "warn"),
    }
}

/// What a hit does to a record: the class of its mark, and in words.
pub(super) fn does(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::DeadLetter => ("bad", "dead letter"),
        Effect::Flag => ("warn", "flag"),
    }
}

/// Nanoseconds a record, and what part of the budget that is, as far as both are known.
pub(super) fn cost(rule: &RuleView) -> (String, String) {
    let Some(ns) = rule.ns_per_record else { return (NOT_KNOWN.to_owned(), NOT_KNOWN.to_owned()) };
    let share = rule.budget_ns.filter(|budget| *budget > 0).map(|budget| ns * 100.0 / budget as f64);
    let share = share.map_or_else(|| NOT_KNOWN.to_owned(), |percent| format!("{percent:.1} %"));
    (decimal(&format!("{ns:.1}")), share)
}

/// Hex digits of a digest by which people tell versions apart.
const DIGITS: usize = 12;

/// The first digits of a digest.
pub(super) fn short(sha256: &str) -> String {
    sha256.chars().take(DIGITS).collect()
}

/// The text with the first digits of each digest that is in it: in a table whole ones are three lines of a cell.
pub(super) fn with_short_digests(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_hexdigit()).map_or(rest.len(), |digits| at + digits);
        out.push_str(&rest[..if end - at == 64 { at + DIGITS } else { end }]);
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::console::tests::rule_view;

    #[test]
    fn a_rule_stands_as_one_word_says() {
        let of = |mode, suspended: Option<&str>| {
            state(&RuleView { mode, suspended: suspended.map(str::to_owned), ..rule_view("r") })
        };
        assert_eq!(of(Mode::Live, None), ("live", "good"));
        assert_eq!(of(Mode::Live, Some("it failed")), ("suspended", "bad"));
        assert_eq!(of(Mode::Shadow, None), ("shadow", "warn"));
        assert_eq!(of(Mode::Off, Some("it is off, and does not fit")), ("off", ""));
    }

    #[test]
    fn of_a_digest_in_a_text_the_first_digits_stay_and_other_numbers_are_as_they_were() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!("publish für r: {digest} -> {digest}; process 27843, deadbeef, {digest}0");
        let wanted = format!("publish für r: 0123456789ab -> 0123456789ab; process 27843, deadbeef, {digest}0");
        assert_eq!(with_short_digests(&text), wanted);
        assert_eq!([with_short_digests(&digest), with_short_digests("")], ["0123456789ab".to_owned(), String::new()]);
    }

    #[test]
    fn a_cost_is_said_with_its_share_of_the_budget_where_both_are_known() {
        let of = |ns_per_record, budget_ns| cost(&RuleView { ns_per_record, budget_ns, ..rule_view("r") });
        assert_eq!(of(Some(9.04), Some(20_000)), ("9.0".into(), "0.0 %".into()));
        assert_eq!(of(Some(30_000.0), Some(20_000)), ("30,000.0".into(), "150.0 %".into()));
        assert_eq!(of(Some(9.0), None), ("9.0".into(), NOT_KNOWN.into()));
        assert_eq!(of(None, Some(20_000)), (NOT_KNOWN.into(), NOT_KNOWN.into()));
    }
}
