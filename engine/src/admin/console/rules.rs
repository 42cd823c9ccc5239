//! "Rules": the set in force, in the order that it judges, or the most expensive or noisiest first. From memory.

use std::cmp::Reverse;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::Params;
use super::super::problem::Problem;
use super::super::rules_api;
use super::super::views::{FileProblemView, RuleView, RulesView};
use super::moment::Moment;
use super::number::{NOT_KNOWN, count};
use super::page::{Frame, page};
use super::state::{cost, short, state};
use super::trend::Trend;
use crate::config::May;

/// Rules of a page.
const LISTED: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RulesQuery {
    sort: Sort,
    /// From 1.
    page: usize,
    /// The revision that a change just made, and of which rule, to be told.
    done: Option<u64>,
    rule: Option<String>,
}

/// What stands first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Order,
    Cost,
    Hits,
    Failures,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    frame: Frame,
    may_publish: bool,
    revision: u64,
    /// What was just done; empty: nothing.
    done: String,
    /// Each order with its name in the address, in words, and whether it is this one.
    sorts: [(&'static str, &'static str, bool); 4],
    rows: Vec<Row>,
    /// Rules of the whole set.
    all: usize,
    /// Instances that count, of the rule that most count.
    counted_by: u32,
    sort: &'static str,
    number: usize,
    pages: usize,
    file_problems: Vec<FileProblemView>,
    unavailable: String,
}

/// A rule, as the table has it.
struct Row {
    name: String,
    summary: String,
    state: &'static str,
    class: &'static str,
    /// Why it is suspended, or how few batches it judges; empty: neither.
    note: String,
    version: String,
    sha256: String,
    order: i32,
    parameters: Vec<(String, String)>,
    records: String,
    hits: String,
    trend: Trend,
    failures: String,
    fails: bool,
    skipped: String,
    ns: String,
    /// Of its budget; empty: not known, or it has none of its own.
    share: String,
    changed_at: Moment,
    changed: String,
    reason: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<RulesQuery>,
) -> Result<Response, Problem> {
    let rules = rules_api::rules(&state).await?;
    Ok(page(StatusCode::OK, &RulesPage::new(Frame::new(&state, &who, "rules"), who.may(May::Publish), rules, &query)))
}

impl RulesPage {
    fn new(frame: Frame, may_publish: bool, rules: RulesView, query: &RulesQuery) -> Self {
        let RulesView { revision, mut rules, file_problems, history_unavailable } = rules;
        let all = rules.len();
        let counted_by = rules.iter().map(|rule| rule.counted_by).max().unwrap_or_default();
        query.sort.apply(&mut rules);
        let pages = all.div_ceil(LISTED).max(1);
        let number = query.page.clamp(1, pages);
        let rows = rules.into_iter().skip((number - 1) * LISTED).take(LISTED).map(Row::from).collect();
        let done = match (query.done, &query.rule) {
            (Some(revision), Some(rule)) => format!("Rule {rule} is out of the set: revision {revision}."),
            _ => String::new(),
        };
        let sorts = [
            (Sort::Order, "in the order that they judge"),
            (Sort::Cost, "the most expensive first"),
            (Sort::Hits, "the most hits in 15 min first"),
            (Sort::Failures, "the most failures first"),
        ];
        Self {
            frame,
            may_publish,
            revision,
            done,
            sorts: sorts.map(|(sort, words)| (sort.word(), words, sort == query.sort)),
            rows,
            all,
            counted_by,
            sort: query.sort.word(),
            number,
            pages,
            file_problems,
            unavailable: history_unavailable.unwrap_or_default(),
        }
    }
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Cost => "cost",
            Self::Hits => "hits",
            Self::Failures => "failures",
        }
    }

    /// Rules come in the order that they judge, which stays where the figure is the same.
    fn apply(self, rules: &mut [RuleView]) {
        match self {
            Self::Order => {}
            Self::Cost => rules.sort_by(|a, b| {
                let ns = |rule: &RuleView| rule.ns_per_record.unwrap_or(-1.0);
                ns(b).total_cmp(&ns(a))
            }),
            Self::Hits => rules.sort_by_key(|rule| Reverse(rule.trend.iter().sum::<u64>())),
            Self::Failures => rules.sort_by_key(|rule| Reverse(rule.failures)),
        }
    }
}

impl From<RuleView> for Row {
    fn from(rule: RuleView) -> Self {
        let ((state, class), (ns, share)) = (state(&rule), cost(&rule));
        let sampled = rule.sampled_one_in.map(|n| format!("judges one batch in {n}"));
        let (changed_at, changed, reason) = match rule.last_change {
            Some(line) => {
                let changed = format!("by {}, {}, revision {}", line.who, line.action, line.revision);
                (Moment::new(&line.at), changed, line.reason.unwrap_or_default())
            }
            None => (Moment::known(None), String::new(), String::new()),
        };
        Self {
            state,
            class,
            note: rule.suspended.or(sampled).unwrap_or_default(),
            sha256: short(&rule.sha256),
            order: rule.order,
            parameters: rule.parameters.into_iter().collect(),
            records: count(rule.records),
            hits: count(rule.hits),
            trend: Trend::of(&rule.trend, "15 min"),
            failures: count(rule.failures),
            fails: rule.failures > 0,
            skipped: count(rule.skipped),
            ns,
            share: if share == NOT_KNOWN { String::new() } else { format!("{share} of budget") },
            changed_at,
            changed,
            reason,
            name: rule.name,
            summary: rule.summary,
            version: rule.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::console::tests::rule_view;

    fn listed(rules: Vec<RuleView>, query: &RulesQuery) -> (Vec<String>, usize) {
        let rules = RulesView { revision: 1, rules, file_problems: Vec::new(), history_unavailable: None };
        let page = RulesPage::new(Frame::default(), false, rules, query);
        (page.rows.into_iter().map(|row| row.name).collect(), page.pages)
    }

    #[test]
    fn rules_stand_as_they_judge_or_the_most_expensive_the_noisiest_or_the_most_failing_first() {
        let rule = |name: &str, ns, trend: &[u64], failures| RuleView {
            ns_per_record: ns,
            trend: trend.to_vec(),
            failures,
            ..rule_view(name)
        };
        let rules = || vec![rule("a", None, &[], 0), rule("b", Some(9.0), &[1, 1], 0), rule("c", Some(41.5), &[1], 7)];
        let by = |sort| listed(rules(), &RulesQuery { sort, ..RulesQuery::default() }).0.concat();
        assert_eq!([Sort::Order, Sort::Cost, Sort::Hits, Sort::Failures].map(by), ["abc", "cba", "bca", "cab"]);
    }

    #[test]
    fn a_hundred_rules_are_a_page_and_a_page_that_is_not_there_is_the_last_one() {
        let rules = || (0..250).map(|number| rule_view(&format!("r{number}"))).collect::<Vec<_>>();
        let at = |page| {
            let (names, pages) = listed(rules(), &RulesQuery { page, ..RulesQuery::default() });
            (names[0].clone(), names.len(), pages)
        };
        assert_eq!(at(0), ("r0".into(), 100, 3));
        assert_eq!(at(2), ("r100".into(), 100, 3));
        assert_eq!(at(99), ("r200".into(), 50, 3));
    }
}
