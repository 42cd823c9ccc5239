//! What holds for every request: panics become errors, requests are bounded in number and time, and what is not there
//! is answered like any other error. It knows no handler.
//!
//! tower-http's layers are not used: its time-out and its limits answer without a body, so each would have to be told anew as a
//! problem, its catch of panics does not know the request, and none lets the probes through.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::AdminState;
use super::auth::is_probe;
use super::problem::{Problem, ProblemKind};

/// A handler that panics is an error of this request alone; the message may quote anything, so it stays in the log.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    let place = format!("{} {}", request.method(), request.uri().path());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(request = place, "a handler of the admin API panicked");
            ProblemKind::Internal
                .problem("a handler panicked; the pipeline goes on", "the log has the message: please report it")
                .into_response()
        }
    }
}

/// No more than so many requests at once, none longer than the time-out. The probes always get through: an
/// orchestrator that cannot see a busy engine would kill it.
pub(super) async fn bounded(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    if is_probe(request.uri().path()) {
        return next.run(request).await;
    }
    let Ok(_permit) = state.requests.try_acquire() else {
        return ProblemKind::Busy
            .problem(format!("{} requests are being served", state.limits.requests), "try again in a second")
            .into_response();
    };
    let limit = state.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ProblemKind::Timeout
            .problem(
                format!("it was not done within {}", humantime::format_duration(limit)),
                "a change of rules may still be under way: look at GET /rules before you send it again",
            )
            .into_response(),
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Problem {
    ProblemKind::NotFound.problem(format!("there is no path {}", uri.path()), "GET /openapi.json lists the paths")
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    ProblemKind::MethodNotAllowed
        .problem(format!("{} does not take {method}", uri.path()), "the header `Allow` lists what it takes")
}
