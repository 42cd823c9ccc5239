//! Who may do what. Denies by default: whatever is not a read needs the publisher, an unknown path included. It knows
//! no handler.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::AdminState;
use super::problem::{Problem, Trouble};
use crate::config::Tokens;

/// What a caller may do; the later includes the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Viewer,
    Publisher,
}

/// The caller, as the audit names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who(pub(super) &'static str);

/// Digests of the configured tokens: comparing digests takes the same time whatever the guess, and a dump of the
/// state shows no token.
#[derive(Clone)]
pub(super) struct Keys {
    viewer: Option<[u8; 32]>,
    publisher: Option<[u8; 32]>,
}

impl Keys {
    pub(super) fn new(tokens: &Tokens) -> Self {
        Self { viewer: tokens.viewer.as_deref().map(digest), publisher: tokens.publisher.as_deref().map(digest) }
    }

    fn open(&self) -> bool {
        self.viewer.is_none() && self.publisher.is_none()
    }

    fn role_of(&self, token: &str) -> Option<Role> {
        // An empty token (an environment variable set to nothing) must open no door.
        if token.is_empty() {
            return None;
        }
        let guess = digest(token);
        let is = |key: &Option<[u8; 32]>| key.is_some_and(|key| same(&key, &guess));
        match (is(&self.publisher), is(&self.viewer)) {
            (true, _) => Some(Role::Publisher),
            (false, true) => Some(Role::Viewer),
            (false, false) => None,
        }
    }
}

/// The middleware.
pub(super) async fn guard(State(state): State<AdminState>, mut request: Request, next: Next) -> Response {
    match admit(&state.keys, request.method(), request.uri().path(), request.headers()) {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
            if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
                state.refused.count(peer, Instant::now());
            }
            problem.into_response()
        }
    }
}

/// Guesses show in a counter, and in the log once in a while: whoever guesses must not be able to fill a disk.
#[derive(Default)]
pub(super) struct Refused(Mutex<Since>);

#[derive(Default)]
struct Since {
    logged: Option<Instant>,
    requests: u64,
}

const LOG_EVERY: Duration = Duration::from_secs(60);

impl Refused {
    fn count(&self, peer: Option<IpAddr>, now: Instant) {
        metrics::counter!("weir_admin_unauthorized_total").increment(1);
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.requests += 1;
        if since.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_EVERY) {
            let requests = std::mem::take(&mut since.requests);
            since.logged = Some(now);
            tracing::warn!(requests, last_from = ?peer, "requests to the admin API without a valid token were refused");
        }
    }
}

fn admit(keys: &Keys, method: &Method, path: &str, headers: &HeaderMap) -> Result<Who, Problem> {
    let Some(needed) = needed(method, path) else {
        return Ok(Who("anonymous"));
    };
    if keys.open() {
        return same_machine(headers).map(|()| Who("anonymous"));
    }
    let token = bearer(headers).ok_or_else(|| {
        Trouble::Unauthorized.problem(
            "the request carries no bearer token",
            "send `Authorization: Bearer TOKEN` with a token of [admin.tokens]",
        )
    })?;
    match keys.role_of(token) {
        None => Err(Trouble::Unauthorized.problem(
            "the token is not one of [admin.tokens]",
            "check the token; a restart may have brought another one",
        )),
        Some(role) if role < needed => {
            Err(Trouble::Forbidden.problem("the viewer's token may read and not write", "use the publisher's token"))
        }
        Some(Role::Publisher) => Ok(Who("publisher")),
        Some(Role::Viewer) => Ok(Who("viewer")),
    }
}

/// None: open to all, for the probes of an orchestrator.
fn needed(method: &Method, path: &str) -> Option<Role> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    match path {
        "/livez" | "/readyz" => None,
        "/evaluate" => Some(Role::Viewer),
        _ if reads => Some(Role::Viewer),
        _ => Some(Role::Publisher),
    }
}

/// Without tokens the API listens on loopback only, but a web page open in a browser on the machine reaches it there,
/// under a name that was rebound (`Host`) or as a cross-site POST (`Origin`). Neither is let in.
fn same_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |what: &str| {
        Trouble::Forbidden.problem(
            format!("without tokens only callers on this machine are served, and `{what}` names another"),
            "call it as localhost or 127.0.0.1, or set tokens in [admin.tokens]",
        )
    };
    for (name, scheme) in [(header::HOST, ""), (header::ORIGIN, "://")] {
        let Some(value) = headers.get(&name) else {
            continue;
        };
        let value = value.to_str().unwrap_or("?");
        let authority = value.split_once(scheme).map_or(value, |(_, rest)| rest);
        if !is_loopback(authority) {
            return Err(refuse(name.as_str()));
        }
    }
    Ok(())
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Looks at every byte, whatever the first ones say.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}
