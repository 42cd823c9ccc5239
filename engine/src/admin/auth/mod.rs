//! Who may do what. Denies by default: whatever is not a read needs the publisher, an unknown path included. It knows
//! no handler.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::AdminState;
use super::origin::{own_page, same_machine};
use super::problem::{Problem, ProblemKind};
use super::throttle::{MINUTE, WRONG};
use crate::config::Tokens;

/// What a caller may do; the later includes the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Viewer,
    Publisher,
}

/// The caller, as the audit names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Principal(pub(super) &'static str);

/// Digests of the tokens in force: comparing digests takes the same time whatever the guess, and a dump of the state
/// shows no token. Cheap to clone; all clones see a replacement.
#[derive(Clone)]
pub struct Keys(Arc<ArcSwap<Digests>>);

#[derive(Clone, Copy)]
struct Digests {
    viewer: Option<[u8; 32]>,
    publisher: Option<[u8; 32]>,
}

impl Digests {
    fn of(tokens: &Tokens) -> Self {
        let digest = |token: &Option<SecretString>| token.as_ref().map(|token| digest(token.expose_secret()));
        Self { viewer: digest(&tokens.viewer), publisher: digest(&tokens.publisher) }
    }
}

impl Keys {
    /// The tokens of the configuration, as digests.
    pub fn new(tokens: &Tokens) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Digests::of(tokens))))
    }

    /// Puts other tokens into force, from the next request on. Which roles have another one.
    pub fn replace(&self, tokens: &Tokens) -> Vec<&'static str> {
        let new = Digests::of(tokens);
        let old = self.0.swap(Arc::new(new));
        let changed = [("viewer", old.viewer != new.viewer), ("publisher", old.publisher != new.publisher)];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(role, _)| role).collect()
    }

    /// Whether it asks for none.
    pub fn open(&self) -> bool {
        let keys = self.0.load();
        keys.viewer.is_none() && keys.publisher.is_none()
    }

    /// Whether this is one.
    pub fn knows(&self, token: &str) -> bool {
        self.role_of(token).is_some()
    }

    fn role_of(&self, token: &str) -> Option<Role> {
        // An empty token (an environment variable set to nothing) must open no door.
        if token.is_empty() {
            return None;
        }
        let (guess, keys) = (digest(token), self.0.load());
        let is = |key: &Option<[u8; 32]>| key.is_some_and(|key| same(&key, &guess));
        match (is(&keys.publisher), is(&keys.viewer)) {
            (true, _) => Some(Role::Publisher),
            (false, true) => Some(Role::Viewer),
            (false, false) => None,
        }
    }
}

/// The middleware.
pub(super) async fn guard(State(state): State<AdminState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let now = Instant::now();
    let token = request.headers().contains_key(header::AUTHORIZATION);
    let probe = needed(request.method(), request.uri().path()).is_none();
    // Not looked at: a guess that happens to be right must not show.
    if token && !probe && state.throttle.waits(peer, now) {
        state.refused.count(peer, now);
        return too_many().into_response();
    }
    match admit(&state.keys, request.method(), request.uri().path(), request.headers()) {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => {
            if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
                state.refused.count(peer, now);
                if token {
                    state.throttle.wrong(peer, now);
                }
            }
            problem.into_response()
        }
    }
}

fn too_many() -> Problem {
    ProblemKind::TooMany.problem(
        format!("{WRONG} wrong tokens came from this address within {} s", MINUTE.as_secs()),
        "correct the token of whoever calls from this address, and wait a minute; a proxy in front of the API should count by itself",
    )
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
        metrics::counter!("weir_admin_unauthorized_requests_total").increment(1);
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.requests += 1;
        if since.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_EVERY) {
            let requests = std::mem::take(&mut since.requests);
            since.logged = Some(now);
            tracing::warn!(requests, last_from = ?peer, "requests to the admin API without a valid token were refused");
        }
    }
}

fn admit(keys: &Keys, method: &Method, path: &str, headers: &HeaderMap) -> Result<Principal, Problem> {
    let Some(needed) = needed(method, path) else {
        return Ok(Principal("anonymous"));
    };
    own_page(method, headers)?;
    if keys.open() {
        return same_machine(headers).map(|()| Principal("anonymous"));
    }
    let token = bearer(headers).ok_or_else(|| {
        ProblemKind::Unauthorized.problem(
            "the request carries no bearer token",
            "send `Authorization: Bearer TOKEN` with a token of [admin.tokens]",
        )
    })?;
    match keys.role_of(token) {
        None => Err(ProblemKind::Unauthorized.problem(
            "the token is not one of [admin.tokens]",
            "check the token; a restart or SIGHUP may have brought another one",
        )),
        Some(role) if role < needed => {
            Err(ProblemKind::Forbidden
                .problem("the viewer's token may read and not write", "use the publisher's token"))
        }
        Some(Role::Publisher) => Ok(Principal("publisher")),
        Some(Role::Viewer) => Ok(Principal("viewer")),
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
