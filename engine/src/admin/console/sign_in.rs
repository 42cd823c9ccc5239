//! Signing in with a token and out again. The session is in the cookie alone (`auth/session.rs`).

use std::net::SocketAddr;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, FromRequest, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::{self, Principal, SIGN_IN};
use super::super::extract::Fields;
use super::super::problem::{Problem, ProblemKind};
use super::dress::keep;
use super::page::{Frame, page, see_other};
use super::{HOME, is_page};

/// Forms of this page that are read at once. Whoever sends one has shown no token yet, and may send it by the byte: those who have one
/// keep the other places of [`Limits::requests`](crate::admin::Limits::requests).
pub(in crate::admin) const FORMS: usize = 4;
/// How long a form may take to come: it is a token and an address, one packet as a rule.
const COMES: Duration = Duration::from_secs(5);

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Next {
    next: String,
}

/// The form of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    token: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    /// Why the last try failed; empty: there was none.
    problem: String,
}

/// The form; whoever is signed in already goes on.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    query: Result<Query<Next>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let next = own(query.map(|Query(query)| query.next).unwrap_or_default());
    if !who.is_nobody() {
        return see_other(&next);
    }
    page(StatusCode::OK, &SignInPage { frame: Frame::new(&state, &who, ""), next, problem: String::new() })
}

/// A right token begins a session; of a wrong one the form says so.
pub(super) async fn sign_in(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Result<Response, Problem> {
    let SignIn { token, next } = read(&state, request).await?;
    let next = own(next);
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
    let problem = match auth::sign_in(&state, peer, &token) {
        Ok((_, session)) => return Ok(with_cookie(see_other(&next), state.access.cookie.set(&session))),
        Err(problem) => problem,
    };
    // 401 would ask for a header, which no form sends.
    let status = StatusCode::from_u16(problem.status).ok().filter(|status| *status != StatusCode::UNAUTHORIZED);
    let why = format!("{}; {}", problem.detail, problem.hint);
    let form = SignInPage { frame: Frame::new(&state, &who, ""), next, problem: why };
    let mut response = page(status.unwrap_or(StatusCode::FORBIDDEN), &form);
    keep(problem.into_response().headers(), response.headers_mut());
    Ok(response)
}

/// The form, which has to come soon and in one of few places.
async fn read(state: &AdminState, request: Request) -> Result<SignIn, Problem> {
    let Ok(_place) = state.sign_ins.try_acquire() else {
        return Err(
            ProblemKind::Busy.problem(format!("{FORMS} forms to sign in are being read"), "send it again in a moment")
        );
    };
    match tokio::time::timeout(COMES, Fields::<SignIn>::from_request(request, state)).await {
        Ok(form) => form.map(|Fields(form)| form),
        Err(_) => Err(ProblemKind::Timeout.problem(
            format!("the form to sign in did not come within {COMES:?}"),
            "open the page again and send its form",
        )),
    }
}

/// Makes the browser forget the session.
pub(super) async fn sign_out(State(state): State<AdminState>) -> Response {
    with_cookie(see_other(SIGN_IN), state.access.cookie.clear())
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

/// A page of this console, or else the first: nobody is sent elsewhere by a link that somebody made up.
fn own(next: String) -> String {
    if is_page(&next) { next } else { HOME.to_owned() }
}
