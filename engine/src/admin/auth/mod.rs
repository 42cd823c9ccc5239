//! Who calls, by a token or by a session that was begun with one, and whether the caller may do what is asked. Denies by
//! default ([`needed`]). It knows no handler and no page.

mod cookie;
mod keys;
mod needed;
mod principal;
mod refused;
mod session;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AdminState;
use super::origin::{same_machine, tells_its_page};
use super::problem::{Problem, ProblemKind};
use super::throttle::{MINUTE, WRONG};
use crate::clock::now_ms;
use crate::config::May;

pub(super) use cookie::Cookie;
pub use keys::Keys;
pub(super) use needed::{SIGN_IN, SIGN_OUT, is_console, is_probe, needed};
pub(super) use principal::Principal;
use principal::Rights;
pub(super) use refused::Refused;

/// The middleware. Whoever is let in is in the extensions of the request, and of the answer.
pub(super) async fn guard(State(state): State<AdminState>, mut request: Request, next: Next) -> Response {
    let who = match is_probe(request.uri().path()) {
        true => Ok(Principal::nobody()),
        false => identify(&state, &request),
    };
    let who = match who {
        Ok(who) => who,
        Err(problem) => return problem.into_response(),
    };
    let mut response = match needed(request.method(), request.uri().path()) {
        Some(needed) if !who.may(needed) => may_not(&who, needed).into_response(),
        _ => {
            request.extensions_mut().insert(who.clone());
            next.run(request).await
        }
    };
    response.extensions_mut().insert(who);
    response
}

/// Begins a session of whoever has this token: who it is, and what the cookie holds.
///
/// # Errors
/// It is nobody's token, or too many wrong ones came from this address.
pub(super) fn sign_in(state: &AdminState, peer: Option<IpAddr>, token: &str) -> Result<(Principal, String), Problem> {
    guess(state, peer, || state.access.keys.sign_in(token.trim(), now_s()))
}

/// Who calls. On a path that is open to all, nobody is somebody, too.
fn identify(state: &AdminState, request: &Request) -> Result<Principal, Problem> {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    let access = &state.access;
    access.site.known_host(headers)?;
    access.site.own_page(method, headers)?;
    if access.keys.open() {
        return same_machine(headers).map(|()| Principal::anonymous(Rights::of(&May::ALL)));
    }
    let is_open = needed(method, path).is_none();
    // At the console another scheme is a proxy's, which asked for a password of its own.
    let is_bearer = headers.contains_key(header::AUTHORIZATION) && (!is_console(path) || bearer(headers).is_some());
    match (is_bearer, is_console(path)) {
        // It is answered whoever asks, so a token that comes along is no guess.
        (true, _) if is_open => Ok(Principal::nobody()),
        (true, _) => by_token(state, peer(request), headers),
        (false, true) if is_open => Ok(by_session(state, method, headers).unwrap_or_else(|_| Principal::nobody())),
        (false, true) => by_session(state, method, headers),
        (false, false) => {
            state.refused.count(peer(request), Instant::now());
            Err(no_token())
        }
    }
}

fn may_not(who: &Principal, needed: May) -> Problem {
    ProblemKind::Forbidden.problem(
        format!("{} may {}, and this takes {}", who.name, who.rights(), needed.word()),
        "use a token that may do it: the viewer's may read, the publisher's all, and `may` says what a person may",
    )
}

/// The address of whoever sent it.
fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

fn by_token(state: &AdminState, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Principal, Problem> {
    guess(state, peer, || bearer(headers).and_then(|token| state.access.keys.by_token(token))).map_err(|problem| {
        let is_one = bearer(headers).is_some() || problem.status != StatusCode::UNAUTHORIZED.as_u16();
        if is_one { problem } else { no_token() }
    })
}

/// Only at the console: a browser sends a cookie by itself, so what it asks for has to be a page's own doing.
fn by_session(state: &AdminState, method: &Method, headers: &HeaderMap) -> Result<Principal, Problem> {
    let (access, now) = (&state.access, now_s());
    let found = access.cookie.sessions(headers).find_map(|session| access.keys.by_session(session, now));
    let who = found.ok_or_else(|| {
        ProblemKind::Unauthorized
            .problem("nobody is signed in here, or the session has ended", "sign in with a token; a session lasts 12 h")
    })?;
    tells_its_page(method, headers).map(|()| who)
}

/// Whoever a token finds. Wrong ones are counted by address, and from an address with too many none is looked at: a guess that
/// happens to be right must not show.
fn guess<T>(state: &AdminState, peer: Option<IpAddr>, find: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
    let now = Instant::now();
    if state.throttle.waits(peer, now) {
        state.refused.count(peer, now);
        return Err(too_many());
    }
    find().ok_or_else(|| {
        state.refused.count(peer, now);
        state.throttle.wrong(peer, now);
        ProblemKind::Unauthorized.problem(
            "the token is not one of [admin.tokens] or [admin.people]",
            "check the token; a restart or SIGHUP may have brought another one",
        )
    })
}

fn no_token() -> Problem {
    ProblemKind::Unauthorized.problem(
        "the request carries no bearer token",
        "send `Authorization: Bearer TOKEN` with a token of [admin.tokens] or [admin.people]",
    )
}

fn too_many() -> Problem {
    ProblemKind::TooMany.problem(
        format!("{WRONG} wrong tokens came from this address within {} s", MINUTE.as_secs()),
        "correct the token of whoever calls from this address, and wait a minute; a proxy in front of the API should count by itself",
    )
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Seconds since 1970. A clock that was set back makes sessions longer by so much.
fn now_s() -> u64 {
    u64::try_from(now_ms()).unwrap_or_default() / 1_000
}
