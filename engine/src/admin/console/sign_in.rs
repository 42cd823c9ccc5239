//! Signing in with a token and out again. The session is in the cookie alone (`auth/session.rs`).

use std::net::SocketAddr;

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::{self, Principal, SIGN_IN};
use super::super::extract::Fields;
use super::super::problem::Problem;
use super::page::{Frame, page, see_other};
use super::{HOME, is_page};

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
    Fields(form): Fields<SignIn>,
) -> Response {
    let next = own(form.next);
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
    match auth::sign_in(&state, peer, &form.token) {
        Ok((_, session)) => with_cookie(see_other(&next), state.access.cookie.set(&session)),
        Err(Problem { status, detail, hint, .. }) => {
            // 401 would ask for a header, which no form sends.
            let status = StatusCode::from_u16(status).ok().filter(|status| *status != StatusCode::UNAUTHORIZED);
            let form = SignInPage { frame: Frame::new(&state, &who, ""), next, problem: format!("{detail}; {hint}") };
            page(status.unwrap_or(StatusCode::FORBIDDEN), &form)
        }
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
