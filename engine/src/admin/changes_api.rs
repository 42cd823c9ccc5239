//! The paths about changes of rules: what one would do, and what was done.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, FromRequest, Request, State};
use serde::Deserialize;

use super::auth::Principal;
use super::changing::{is_digest, peer, to_the_end, upload_permit};
use super::extract::{Content, IfMatch, Name, Params, too_large, within};
use super::kept::Kept;
use super::pipeline_api::reading;
use super::ports::{AdminError, Author, PlanRequest, PlannedAction, PublishRequest};
use super::problem::{Problem, ProblemKind};
use super::rule_history::{ACTIVATIONS, history};
use super::views::{PlanView, RuleHistoryView};
use super::{AdminState, BODY_LIMIT};
use crate::model::catalog::Mode;

/// How long the history of a rule is good: as long as a page that shows it waits until it asks again.
const FRESH: Duration = Duration::from_secs(2);
/// How long it is remembered that the database did not say it.
const NO_ANSWER: Duration = Duration::from_secs(5);

/// Histories by rule, revision in force and limit.
pub(super) type Histories = Kept<(String, u64, u32), RuleHistoryView, String>;

/// None is known yet.
pub(super) fn no_histories() -> Histories {
    Kept::new(FRESH, NO_ANSWER)
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlanQuery {
    /// Of a module: what the rule would start with.
    mode: Option<Mode>,
    /// Of a module: place among the rules, ascending.
    order: Option<i32>,
    /// Of a module: as POST /rules has it.
    replace: Option<bool>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// Changes to list, 1 to 100; 20 unless given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What a change would do, of a module (a publish) or without one; changes nothing. It is refused as the change itself would be.
#[utoipa::path(post, path = "/rules/plan", tag = "rules",
    params(PlanQuery, IfMatch),
    request_body(description = "A module, or what is to be done to a rule.",
        content((PlanRequest = "application/json"), (Vec<u8> = "application/wasm"))),
    responses((status = 200, body = PlanView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn plan(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<PlanQuery>,
    IfMatch(seen): IfMatch,
    request: Request,
) -> Result<Json<PlanView>, Problem> {
    const MODULE: &str = "application/wasm";
    let (source, permit) = (peer(&request), upload_permit(&state)?);
    let content = Content::from_request(request, &state).await?;
    content.expect(&["application/json", MODULE])?;
    let rules = state.rules.clone();
    if content.expect(&[MODULE]).is_ok() {
        let author = Author { who: who.name, reason: None, seen };
        let PlanQuery { mode, order, replace } = query;
        let (wasm, replace) = (content.bytes.into(), replace.unwrap_or(false));
        let planned = to_the_end(async move {
            let _permit = permit;
            rules.plan_publish(PublishRequest { wasm, source, author, order, mode, replace }).await
        });
        return Ok(Json(planned.await?));
    }
    if content.bytes.len() > BODY_LIMIT {
        return Err(too_large());
    }
    let request: PlanRequest = content.json()?;
    goes_together(&request, &query)?;
    let planned = to_the_end(async move {
        let _permit = permit;
        rules.plan(request, seen).await
    });
    Ok(Json(planned.await?))
}

/// A setting that the action has no use for is a slip, and to leave it out would plan something else than is meant.
pub(super) fn goes_together(request: &PlanRequest, query: &PlanQuery) -> Result<(), Problem> {
    let PlanRequest { action, mode, order, parameters, sha256, .. } = request;
    let refuse = |what: &str, hint: &str| Err(ProblemKind::Invalid.problem(what, hint));
    if *query != PlanQuery::default() {
        return refuse("the query is of a module, and the body is none", "give mode and order in the body");
    }
    let patches = mode.is_some() || order.is_some() || parameters.is_some();
    match action {
        PlannedAction::Patch if !patches => refuse("the patch changes nothing", "give mode, order or parameters"),
        PlannedAction::Patch if sha256.is_some() => {
            refuse("a patch has no sha256", "roll back to a version, or leave it out")
        }
        PlannedAction::Rollback | PlannedAction::Retire if patches => {
            refuse("mode, order and parameters are a patch's", "leave them out, or plan a patch")
        }
        PlannedAction::Retire if sha256.is_some() => refuse("retiring takes no sha256", "leave it out"),
        PlannedAction::Patch | PlannedAction::Rollback | PlannedAction::Retire => is_digest(sha256.as_deref()),
    }
}

/// What was done to a rule, newest first, how it was afterwards, and which offsets it judged so. A rule that was retired has one, too.
#[utoipa::path(get, path = "/rules/{name}/history", tag = "rules", params(("name" = String, Path), HistoryQuery),
    responses((status = 200, body = RuleHistoryView), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn rule_history(
    State(state): State<AdminState>,
    Name(name): Name,
    Params(query): Params<HistoryQuery>,
) -> Result<Json<RuleHistoryView>, Problem> {
    let limit = within(query.limit.unwrap_or(20), 1..=100, "limit")?;
    Ok(Json(read_history(state, name, limit).await?))
}

/// See [`rule_history`].
///
/// # Errors
/// There was no such rule among the newest changes of the set, or the database does not say.
pub(super) async fn read_history(state: AdminState, name: String, limit: u32) -> Result<RuleHistoryView, Problem> {
    let rule = name.clone();
    let asked = reading(state.clone(), move |store| async move {
        Ok((store.rule_changes(&rule, limit + 1).await?, store.activations(ACTIVATIONS).await?))
    });
    let (changes, activations) = asked.await?;
    if changes.is_empty() && !state.rules.names().contains(&name) {
        return Err(AdminError::NotFound(format!("there is no rule {name:?}")).into());
    }
    Ok(history(&name, changes, limit as usize, &activations))
}

/// The same for a page that asks every 2 s: of at most 2 s ago.
///
/// # Errors
/// Why it is not known; a text for a person.
pub(super) async fn kept_history(
    state: &AdminState,
    name: &str,
    revision: u64,
    limit: u32,
) -> Result<RuleHistoryView, String> {
    let ask = async { read_history(state.clone(), name.to_owned(), limit).await.map_err(|problem| problem.detail) };
    state.histories.get((name.to_owned(), revision, limit), ask).await
}
