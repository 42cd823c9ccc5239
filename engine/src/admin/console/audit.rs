//! "Audit": who changed what in the rule set, and why.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::Params;
use super::super::pipeline_api::{AuditQuery, lines};
use super::super::problem::Problem;
use super::super::views::AuditView;
use super::moment::Moment;
use super::page::{Frame, page};

/// Lines of the page unless its address says how many.
const LINES: u32 = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    lines: Vec<AuditView>,
    rule: String,
    who: String,
    limit: u32,
    /// Whether there may be older lines than these.
    more: bool,
    /// Names in the set, of which there is a page.
    names: Vec<String>,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(mut query): Params<AuditQuery>,
) -> Result<Response, Problem> {
    // A form sends what was left empty, too.
    for filter in [&mut query.rule, &mut query.who] {
        *filter = filter.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    let limit = query.limit.unwrap_or(LINES);
    let found = lines(state.clone(), &query).await?;
    let more = found.len() as u64 >= u64::from(limit);
    let (frame, names) = (Frame::new(&state, &who, "audit"), state.rules.names());
    let (rule, who) = (query.rule.unwrap_or_default(), query.who.unwrap_or_default());
    Ok(page(StatusCode::OK, &AuditPage { frame, lines: found, rule, who, limit, more, names }))
}
