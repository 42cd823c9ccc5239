//! The path about alerts: the newest of the alert topic, from memory.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;

use super::AdminState;
use super::auth::Principal;
use super::extract::{Params, within};
use super::ports::AlertTail;
use super::problem::{Problem, ProblemKind, redact};
use super::views::{AlertsView, AlertsWanted, GroupBy, Mark};

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertsQuery {
    /// 1 to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<u32>,
    /// Only those that a hit with this code made, and summaries that count it.
    pub(super) code: Option<String>,
    /// Only those with a hit of this rule.
    pub(super) rule: Option<String>,
    /// Only those of records with this key.
    pub(super) key: Option<String>,
    /// What groups have in common: `key`, which is meant where somebody may see values, or `code`.
    pub(super) by: Option<GroupBy>,
    /// Only what had been read up to this `mark` of an earlier answer.
    pub(super) until: Option<String>,
}

/// The newest alerts, and groups of them. The first request makes this instance read the topic, for as long as somebody asks.
/// Where a field is sensitive, those who may not see values get rules, codes, positions and the other fields.
#[utoipa::path(get, path = "/alerts", tag = "pipeline", params(AlertsQuery),
    responses((status = 200, body = AlertsView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn alerts(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<AlertsQuery>,
) -> Result<Json<AlertsView>, Problem> {
    Ok(Json(view(&state, &who, query).await?))
}

/// As this caller may see them.
pub(super) async fn view(state: &AdminState, who: &Principal, query: AlertsQuery) -> Result<AlertsView, Problem> {
    let tail = configured(state)?;
    let hide = state.hide(who);
    let until = query.until.as_deref().map(str::parse::<Mark>).transpose();
    let until = until.map_err(|why| {
        ProblemKind::Invalid.problem(why.to_string(), "give as until the mark of an earlier answer, or leave it out")
    })?;
    if let Some(hide) = hide
        && (query.key.is_some() || query.by == Some(GroupBy::Key))
    {
        return Err(ProblemKind::Forbidden.problem(
            hide.why(),
            "filter by code or rule, and group by code; or ask for a token with `values` in admin.people.NAME.may",
        ));
    }
    let by = query.by.unwrap_or(if hide.is_some() { GroupBy::Code } else { GroupBy::Key });
    let wanted = AlertsWanted {
        limit: within(query.limit.unwrap_or(100), 1..=1_000, "limit")? as usize,
        code: query.code,
        rule: query.rule,
        key: query.key,
        by,
        until,
    };
    let mut view = AlertsView::of(&tail.held().await, &wanted);
    view.problem = view.problem.as_deref().map(redact);
    if let Some(hide) = hide {
        hide.alerts(&mut view);
    }
    Ok(view)
}

fn configured(state: &AdminState) -> Result<&Arc<dyn AlertTail>, Problem> {
    state.alerts.as_ref().ok_or_else(|| {
        ProblemKind::NotFound.problem("this pipeline reports no alerts", "name a topic and codes in [alerts]")
    })
}
