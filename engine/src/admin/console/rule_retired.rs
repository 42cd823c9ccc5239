//! The page of a rule that is out of the set: who retired it and why, its versions, and where each was in force. Its dead letters and the
//! audit link to it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::changes_api::read_history;
use super::super::problem::Problem;
use super::super::views::RuleHistoryView;
use super::page::{Frame, page};
use super::rule_compared::{CHANGES, Compared, RuleQuery};
use super::rule_rows::Change;
use crate::config::May;

#[derive(Template)]
#[template(path = "rule_retired.html")]
struct RetiredPage {
    frame: Frame,
    may_bring_back: bool,
    /// Whether the table offers to go back to a version: a rollback is refused for a rule that is not in the set.
    may_publish: bool,
    /// Revision that retired it.
    revision: u64,
    name: String,
    changes: Vec<Change>,
    more_changes: bool,
    in_force_cut: bool,
    /// Always empty: without its history the rule has no page.
    unavailable: String,
    compared: Option<Compared>,
}

/// The page.
///
/// # Errors
/// There was no such rule among the newest changes of the set, or they are not known now.
pub(super) async fn show(
    state: &AdminState,
    who: &Principal,
    name: String,
    query: &RuleQuery,
) -> Result<Response, Problem> {
    let history = read_history(state.clone(), name, CHANGES).await?;
    let frame = Frame::new(state, who, "rules");
    Ok(page(StatusCode::OK, &RetiredPage::new(frame, who.may(May::Publish), history, query)))
}

impl RetiredPage {
    fn new(frame: Frame, may_bring_back: bool, history: RuleHistoryView, query: &RuleQuery) -> Self {
        Self {
            frame,
            may_bring_back,
            may_publish: false,
            revision: history.changes.first().map(|change| change.line.revision).unwrap_or_default(),
            changes: Change::all(&history, ""),
            more_changes: history.more,
            in_force_cut: history.in_force_cut,
            unavailable: String::new(),
            compared: Compared::of(query, Some(&history)),
            name: history.rule,
        }
    }

    /// The change that took it out of the set.
    fn retired(&self) -> Option<&Change> {
        self.changes.first().filter(|change| change.version.is_empty())
    }
}
