//! What the API's paths and the console's forms share when they change the rule set.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use tokio::sync::OwnedSemaphorePermit;

use super::AdminState;
use super::ports::AdminError;
use super::problem::{Problem, ProblemKind};
use crate::model::ids::Sha256;

/// Err: it is there, and no digest of a version.
pub(super) fn is_digest(sha256: Option<&str>) -> Result<(), Problem> {
    match sha256.map(str::parse::<Sha256>) {
        Some(Err(error)) => {
            Err(ProblemKind::Invalid.problem(error.to_string(), "GET /rules/{name} lists the versions"))
        }
        Some(Ok(_)) | None => Ok(()),
    }
}

/// The address that a request came from, as the catalog keeps it of a version.
pub(super) fn peer(request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or_else(|| "unknown".to_owned(), |ConnectInfo(peer)| peer.ip().to_string())
}

/// A place for a module that is being checked.
pub(super) fn upload_permit(state: &AdminState) -> Result<OwnedSemaphorePermit, Problem> {
    state.uploads.clone().try_acquire_owned().map_err(|_| {
        ProblemKind::Unavailable
            .problem("as many modules as may be held are being checked", "send it again in a few seconds")
    })
}

/// Runs a change as a task of its own: a caller that hangs up or times out must not stop it half-way, between the
/// store and the live set.
pub(super) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, AdminError>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(change).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(%error, "a change of the rule set panicked");
            Err(ProblemKind::Internal
                .problem("the change panicked", "look at GET /rules, and at the log for the message"))
        }
    }
}
