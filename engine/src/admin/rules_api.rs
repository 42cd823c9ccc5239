//! The paths about rules. They read the request, ask the catalog through its port, and shape the answer; what a rule
//! set is they do not know.

use std::future::Future;

use axum::Json;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::AdminState;
use super::auth::Principal;
use super::changing::{is_digest, peer, to_the_end, upload_permit};
use super::everywhere;
use super::extract::{Content, IfMatch, Name, Params, reason, within};
use super::last_changes::last_changes;
use super::ports::{AdminError, Author, PatchRequest, PublishRequest, RollbackRequest};
use super::problem::{Problem, ProblemKind, redact};
use super::views::{ChangedView, ManifestView, PublishedView, RuleDetail, RulesView};
use crate::model::catalog::Mode;

type Answer<T> = Result<Json<T>, Problem>;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PublishQuery {
    /// What the rule starts with.
    mode: Option<Mode>,
    /// Place among the rules, ascending.
    order: Option<i32>,
    /// Another version than the live one with mode shadow or off takes it out of force: refused with 409 unless this
    /// is true.
    replace: Option<bool>,
    /// Why, for the audit, 500 characters at most.
    #[param(max_length = 500)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReasonQuery {
    /// Why, for the audit, 500 characters at most.
    #[param(max_length = 500)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionsQuery {
    /// Versions to list, 1 to 100; 20 unless given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// All rules of the set in force, in the order that they judge.
#[utoipa::path(get, path = "/rules", tag = "rules", responses((status = 200, body = RulesView)))]
pub(super) async fn list(State(state): State<AdminState>) -> Answer<RulesView> {
    Ok(Json(rules(&state).await?))
}

/// The rule set in force, with what was done last to each of its rules.
pub(super) async fn rules(state: &AdminState) -> Result<RulesView, Problem> {
    let mut rules = state.rules.list().await?;
    match last_changes(state, rules.revision).await {
        Ok(last) => rules.rules.iter_mut().for_each(|rule| rule.last_change = last.get(&rule.name).cloned()),
        Err(why) => drop(rules.history_unavailable.get_or_insert(why)),
    }
    rules.history_unavailable = rules.history_unavailable.as_deref().map(redact);
    let seen = state.pipeline.instances();
    rules.rules.iter_mut().for_each(|rule| everywhere::sum(rule, &seen));
    Ok(rules)
}

/// Publishes a module: checks it, stores it and makes it live with the next batch.
#[utoipa::path(post, path = "/rules", tag = "rules", params(PublishQuery, ("if-match" = Option<String>, Header, description = "Revision that the change was decided on, as \"42\": on another it is refused, with what differs.")),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, description = "new", body = PublishedView),
        (status = 200, description = "it was live already", body = PublishedView),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn publish(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<PublishQuery>,
    IfMatch(seen): IfMatch,
    request: Request,
) -> Result<Response, Problem> {
    let author = Author { who: who.name, reason: reason(query.reason)?, seen };
    let source = peer(&request);
    let (wasm, permit) = upload(&state, request).await?;
    let (order, mode, replace) = (query.order, query.mode, query.replace.unwrap_or(false));
    let rules = state.rules.clone();
    let published = to_the_end(async move {
        let _permit = permit;
        rules.publish(PublishRequest { wasm, source, author, order, mode, replace }).await
    })
    .await?;
    let status = if published.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(published)).into_response())
}

/// The checks of a publish; changes nothing.
#[utoipa::path(post, path = "/rules/check", tag = "rules",
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 200, body = ManifestView), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn check(State(state): State<AdminState>, request: Request) -> Answer<ManifestView> {
    let (wasm, permit) = upload(&state, request).await?;
    let rules = state.rules.clone();
    let checked = to_the_end(async move {
        let _permit = permit;
        rules.check(wasm).await
    });
    Ok(Json(checked.await?))
}

/// One rule: what its module says of itself, its versions and its figures. Where a field is sensitive, what the rule said of
/// its first shadow hits is shown to those alone who may see values.
#[utoipa::path(get, path = "/rules/{name}", tag = "rules", params(("name" = String, Path), VersionsQuery),
    responses((status = 200, body = RuleDetail), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    Params(query): Params<VersionsQuery>,
) -> Answer<RuleDetail> {
    let limit = within(query.limit.unwrap_or(20), 1..=100, "limit")?;
    Ok(Json(rule(&state, &who, &name, limit).await?))
}

/// One rule as this caller may see it, with the newest `versions` of its versions.
pub(super) async fn rule(
    state: &AdminState,
    who: &Principal,
    name: &str,
    versions: u32,
) -> Result<RuleDetail, Problem> {
    let mut rule = state.rules.get(name, versions).await?;
    match last_changes(state, rule.revision).await {
        Ok(last) => rule.rule.last_change = last.get(name).cloned(),
        Err(why) => drop(rule.history_unavailable.get_or_insert(why)),
    }
    rule.history_unavailable = rule.history_unavailable.as_deref().map(redact);
    everywhere::sum_by_code(&mut rule, &state.pipeline.instances());
    if let Some(hide) = state.hide(who) {
        hide.rule(&mut rule);
    }
    Ok(rule)
}

/// Changes mode, order or parameters.
#[utoipa::path(patch, path = "/rules/{name}", tag = "rules", request_body = PatchRequest,
    params(("name" = String, Path), ("if-match" = Option<String>, Header, description = "Revision that the change was decided on, as \"42\": on another it is refused, with what differs.")),
    responses((status = 200, body = ChangedView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn patch(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    IfMatch(seen): IfMatch,
    content: Content,
) -> Answer<ChangedView> {
    let mut patch: PatchRequest = content.json()?;
    let author = Author { who: who.name, reason: reason(patch.reason.take())?, seen };
    if patch == PatchRequest::default() {
        return Err(ProblemKind::Invalid.problem("the patch changes nothing", "give mode, order or parameters"));
    }
    let rules = state.rules.clone();
    changed(name, |name| async move { rules.patch(&name, patch, &author).await }).await
}

/// Back to the previous version, or to the one named.
#[utoipa::path(post, path = "/rules/{name}/rollback", tag = "rules",
    params(("name" = String, Path), ("if-match" = Option<String>, Header, description = "Revision that the change was decided on, as \"42\": on another it is refused, with what differs.")),
    request_body(content = Option<RollbackRequest>, description = "May be left out, or null."),
    responses((status = 200, body = ChangedView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn rollback(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    IfMatch(seen): IfMatch,
    content: Content,
) -> Answer<ChangedView> {
    let request: Option<RollbackRequest> = if content.bytes.is_empty() { None } else { content.json()? };
    let mut request = request.unwrap_or_default();
    let author = Author { who: who.name, reason: reason(request.reason.take())?, seen };
    is_digest(request.sha256.as_deref())?;
    let rules = state.rules.clone();
    changed(name, |name| async move { rules.rollback(&name, request, &author).await }).await
}

/// Takes a rule out of the set. Its versions stay.
#[utoipa::path(delete, path = "/rules/{name}", tag = "rules",
    params(("name" = String, Path), ReasonQuery, ("if-match" = Option<String>, Header, description = "Revision that the change was decided on, as \"42\": on another it is refused, with what differs.")),
    responses((status = 200, body = ChangedView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn retire(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    Params(query): Params<ReasonQuery>,
    IfMatch(seen): IfMatch,
) -> Answer<ChangedView> {
    let author = Author { who: who.name, reason: reason(query.reason)?, seen };
    let rules = state.rules.clone();
    changed(name, |name| async move { rules.retire(&name, &author).await }).await
}

/// A module, held by one of few callers at a time so that uploads cannot fill the memory. The permit goes with it: what
/// compiles it outlives the caller's time-out.
async fn upload(state: &AdminState, request: Request) -> Result<(Vec<u8>, OwnedSemaphorePermit), Problem> {
    let permit = upload_permit(state)?;
    let content = Content::from_request(request, state).await?;
    content.expect(&["application/wasm"])?;
    Ok((content.bytes.into(), permit))
}

async fn changed<F>(name: String, change: impl FnOnce(String) -> F) -> Answer<ChangedView>
where
    F: Future<Output = Result<u64, AdminError>> + Send + 'static,
{
    let revision = to_the_end(change(name.clone())).await?;
    Ok(Json(ChangedView { name, revision }))
}
