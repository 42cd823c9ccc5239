//! A module by a form: chosen, checked and shown with what it changes, then published. The file is sent once and kept meanwhile
//! (`uploaded.rs`).

use askama::Template;
use axum::body::{Bytes, HttpBody};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{ConnectInfo, FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, http};
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::changing::{peer, to_the_end, upload_permit};
use super::super::extract::{BodyLimit, Fields, reason, too_large};
use super::super::ports::{Author, PublishRequest};
use super::super::problem::{Problem, ProblemKind};
use super::change_form::{mode_of, order_of};
use super::page::{Frame, page, see_other};
use super::plan::{PlanPage, parts};
use crate::config::May;
use crate::model::ids::Sha256;

#[derive(Template)]
#[template(path = "publish.html")]
struct PublishPage {
    frame: Frame,
    may_publish: bool,
    /// What the check found, each finding by itself; empty: nothing was checked.
    findings: Vec<String>,
    /// What to do about them.
    hint: String,
    mode: String,
    order: String,
}

/// The parts of the form.
#[derive(Default)]
struct Form {
    module: Bytes,
    mode: String,
    order: String,
}

/// What is sent to publish what was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmed {
    sha256: String,
    revision: u64,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    reason: Option<String>,
}

/// The form.
pub(super) async fn show(State(state): State<AdminState>, Extension(who): Extension<Principal>) -> Response {
    page(StatusCode::OK, &PublishPage::new(&state, &who))
}

/// Checks the module, and shows what a publish of it would change.
pub(super) async fn check(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    let (source, permit) = (peer(&request), upload_permit(&state)?);
    let form = match read(&state, request).await {
        Ok(form) => form,
        Err(problem) => return PublishPage::with(&state, &who, &Form::default(), problem),
    };
    let (mode, order) = (mode_of(&form.mode)?, order_of(&form.order)?);
    let (rules, wasm) = (state.rules.clone(), form.module.to_vec());
    // It is shown that a live version goes out of force, and what that means.
    let author = Author { who: who.name.clone(), reason: None, seen: None };
    let planned = to_the_end(async move {
        let _permit = permit;
        rules.plan_publish(PublishRequest { wasm, source, author, order, mode, replace: true }).await
    });
    let plan = match planned.await {
        Ok(plan) => plan,
        Err(problem) => return PublishPage::with(&state, &who, &form, problem),
    };
    let sha256 = state.uploaded.keep(who.name.clone(), form.module);
    let version = plan.manifest.as_ref().map(|manifest| manifest.version.clone()).unwrap_or_default();
    let heading = format!("Publish {} {version}", plan.rule);
    let fields = [("sha256", sha256.to_string()), ("mode", form.mode), ("order", form.order)];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let planned = PlanPage::of(Frame::new(&state, &who, "rules"), heading, plan);
    Ok(page(StatusCode::OK, &PlanPage { publishes: true, fields, ..planned }))
}

/// Publishes what was shown.
pub(super) async fn publish(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    peer: Option<Extension<ConnectInfo<std::net::SocketAddr>>>,
    Fields(form): Fields<Confirmed>,
) -> Result<Response, Problem> {
    let reason = reason(form.reason)?;
    let (mode, order) = (mode_of(&form.mode)?, order_of(&form.order)?);
    let kept = form.sha256.parse::<Sha256>().ok().and_then(|sha256| state.uploaded.get(&who.name, sha256));
    let Some(wasm) = kept else {
        return Err(ProblemKind::NotFound.problem(
            "the module is kept no longer: brought 15 minutes ago, to another instance, or before four others",
            "choose the file again, at Rules, \"Publish a module\"",
        ));
    };
    let permit = upload_permit(&state)?;
    let source = peer.map_or_else(|| "unknown".to_owned(), |Extension(ConnectInfo(peer))| peer.ip().to_string());
    let author = Author { who: who.name, reason, seen: Some(form.revision) };
    let rules = state.rules.clone();
    let published = to_the_end(async move {
        let _permit = permit;
        rules.publish(PublishRequest { wasm: wasm.into(), source, author, order, mode, replace: true }).await
    });
    let published = published.await?;
    Ok(see_other(&format!("/console/rules/{}?done={}", published.name, published.revision)))
}

/// The parts of a form, each once.
async fn read(state: &AdminState, request: Request) -> Result<Form, Problem> {
    // Said in its head already: not a byte of it is read.
    let limit = request.extensions().get::<BodyLimit>().map_or(u64::MAX, BodyLimit::bytes);
    if request.body().size_hint().lower() > limit {
        return Err(too_large());
    }
    let mut parts = Multipart::from_request(request, state).await.map_err(|_| no_form())?;
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        match part.name() {
            Some("module") => form.module = part.bytes().await.map_err(broken)?,
            Some("mode") => form.mode = text(part).await?,
            Some("order") => form.order = text(part).await?,
            _ => return Err(no_form()),
        }
    }
    match form.module.is_empty() {
        true => Err(ProblemKind::Invalid.problem("no file was chosen", "choose the .wasm file of a rule")),
        false => Ok(form),
    }
}

async fn text(part: Field<'_>) -> Result<String, Problem> {
    part.text().await.map_err(broken)
}

fn broken(error: MultipartError) -> Problem {
    match error.status() {
        http::StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => no_form(),
    }
}

fn no_form() -> Problem {
    ProblemKind::BadRequest.problem("the form cannot be read", "open the page again and send its form")
}

impl PublishPage {
    fn new(state: &AdminState, who: &Principal) -> Self {
        let (frame, may_publish) = (Frame::new(state, who, "rules"), who.may(May::Publish));
        let (findings, [hint, mode, order]) = (Vec::new(), <[String; 3]>::default());
        Self { frame, may_publish, findings, hint, mode, order }
    }

    /// The form again, with what is wrong with what was sent; whatever is no fault of that is a page of its own.
    fn with(state: &AdminState, who: &Principal, form: &Form, problem: Problem) -> Result<Response, Problem> {
        let status = StatusCode::from_u16(problem.status).ok().filter(StatusCode::is_client_error);
        let Some(status) = status.filter(|status| *status != StatusCode::CONFLICT) else { return Err(problem) };
        let (findings, hint) = (parts(&problem.detail), problem.hint);
        let (mode, order) = (form.mode.clone(), form.order.clone());
        Ok(page(status, &Self { findings, hint, mode, order, ..Self::new(state, who) }))
    }
}
