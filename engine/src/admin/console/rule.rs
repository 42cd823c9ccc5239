//! A rule: what it is and how it fares, its parameters and what else can be changed of it, and what was done to it. Its figures are
//! from memory; its history is of at most 2 s ago, however many pages ask for it.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::changes_api::kept_history;
use super::super::extract::{Name, Params};
use super::super::problem::{Problem, redact};
use super::super::rules_api;
use super::super::views::{CodeView, FieldView, HitView, RuleDetail, RuleHistoryView};
use super::moment::to_the_second;
use super::number::{NOT_KNOWN, count};
use super::page::{Frame, page};
use super::rule_compared::{CHANGES, Compared, RuleQuery};
use super::rule_retired;
use super::rule_rows::{Change, Parameter};
use super::state::{cost, does, short, state};
use super::trend::Trend;
use crate::config::May;
use crate::model::catalog::Mode;

#[derive(Template)]
#[template(path = "rule.html")]
struct RulePage {
    frame: Frame,
    may_publish: bool,
    /// Revision that the page shows, and that its forms are decided on.
    revision: u64,
    done: Option<u64>,
    name: String,
    summary: String,
    state: &'static str,
    class: &'static str,
    suspended: String,
    sampled: String,
    mode: &'static str,
    order: i32,
    /// What the page shows once, with its label.
    figures: Vec<(&'static str, String)>,
    /// By how many instances, and since when.
    counted: String,
    codes: Vec<Code>,
    failures: Vec<(String, String)>,
    fields: Vec<FieldView>,
    parameters: Vec<Parameter>,
    samples: Vec<HitView>,
    hidden: String,
    changes: Vec<Change>,
    more_changes: bool,
    in_force_cut: bool,
    unavailable: String,
    compared: Option<Compared>,
}

/// A code, as the table has it.
struct Code {
    name: String,
    summary: String,
    does: &'static str,
    hits: String,
    trend: Trend,
}

/// The page; of a rule that is out of the set the one that says so.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    Params(query): Params<RuleQuery>,
) -> Result<Response, Problem> {
    let found = rules_api::rule(&state, &who, &name, 0).await;
    let detail = match found {
        Err(why) if why.status == StatusCode::NOT_FOUND.as_u16() => {
            return rule_retired::show(&state, &who, name, &query).await;
        }
        detail => detail?,
    };
    let history = kept_history(&state, &name, detail.revision, CHANGES).await;
    let frame = Frame::new(&state, &who, "rules");
    Ok(page(StatusCode::OK, &RulePage::new(frame, who.may(May::Publish), detail, history, &query)))
}

impl RulePage {
    fn new(
        frame: Frame,
        may_publish: bool,
        detail: RuleDetail,
        history: Result<RuleHistoryView, String>,
        query: &RuleQuery,
    ) -> Self {
        let (history, unavailable) = match history {
            Ok(history) => (Some(history), String::new()),
            Err(why) => (None, redact(&why)),
        };
        let (parameters, codes, (state, class)) = (Parameter::all(&detail), Code::all(&detail), state(&detail.rule));
        let compared = Compared::of(query, history.as_ref());
        let RuleDetail { revision, rule, manifest, failures_by_code, shadow_samples, hidden, .. } = detail;
        let (ns, share) = cost(&rule);
        let sampled = rule
            .sampled_one_in
            .map(|n| format!("It judges one batch in {n}: shadow rules together have a part of the time only."));
        let figures = vec![
            ("Version", format!("{} {}", rule.version, short(&rule.sha256))),
            ("Order", rule.order.to_string()),
            ("Records judged", count(rule.records)),
            ("Hits", count(rule.hits)),
            ("Failures", count(rule.failures)),
            ("Skipped", count(rule.skipped)),
            ("Time a record", if ns == NOT_KNOWN { ns } else { format!("{ns} ns") }),
            ("Share of rules.budget", share),
        ];
        let counted = counted(rule.counted_by, rule.counted_since.as_deref());
        Self {
            frame,
            may_publish,
            revision,
            counted,
            done: query.done,
            state,
            class,
            suspended: rule.suspended.unwrap_or_default(),
            sampled: sampled.unwrap_or_default(),
            mode: super::change_form::mode_word(rule.mode),
            order: rule.order,
            figures,
            codes,
            failures: failures_by_code.into_iter().map(|(code, number)| (code, count(number))).collect(),
            fields: manifest.fields,
            parameters,
            samples: if rule.mode == Mode::Shadow { shadow_samples } else { Vec::new() },
            hidden: hidden.unwrap_or_default(),
            changes: history.as_ref().map(|history| Change::all(history, &rule.sha256)).unwrap_or_default(),
            more_changes: history.as_ref().is_some_and(|history| history.more),
            in_force_cut: history.as_ref().is_some_and(|history| history.in_force_cut),
            unavailable,
            compared,
            name: rule.name,
            summary: rule.summary,
        }
    }

    /// What is in force now, if it is known.
    fn current(&self) -> Option<&Change> {
        self.changes.first().filter(|change| !change.version.is_empty())
    }

    /// Whether there is a version to go back to, as far as is known.
    fn has_another(&self) -> bool {
        !self.unavailable.is_empty() || self.changes.iter().any(|change| change.is_another)
    }
}

impl Code {
    fn all(detail: &RuleDetail) -> Vec<Self> {
        let code = |code: &CodeView| Self {
            name: code.name.clone(),
            summary: code.summary.clone(),
            does: does(code.effect).1,
            hits: count(detail.hits_by_code.get(&code.name).copied().unwrap_or_default()),
            trend: Trend::of(detail.trend_by_code.get(&code.name).map_or(&[][..], Vec::as_slice), "15 min"),
        };
        detail.manifest.codes.iter().map(code).collect()
    }
}

/// What the figures are sums of, in words.
fn counted(by: u32, since: Option<&str>) -> String {
    let by = if by == 1 { "one instance".to_owned() } else { format!("{by} instances together") };
    let since = since.map(|since| format!(", completely since {} UTC", to_the_second(since))).unwrap_or_default();
    format!(
        "Skipped: the record lacks a field that the rule needs. Counted by {by}{since}. What is of the last 15 minutes is of the instance \
         that answers."
    )
}
