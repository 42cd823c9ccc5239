//! The paths about all instances and the last minutes. Both answer from memory, so that whoever asks again and again asks no database.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::AdminState;
use super::views::{HistoryView, InstancesView};

/// All instances of the pipeline and the partitions of all, as of 2 s ago. Where the database does not answer, `alone` says so, and
/// the rest is about the instance that answers.
#[utoipa::path(get, path = "/instances", tag = "pipeline", responses((status = 200, body = InstancesView)))]
pub(super) async fn instances(State(state): State<AdminState>) -> Json<Arc<InstancesView>> {
    Json(state.pipeline.instances())
}

/// The last 15 minutes: rates, lag, what changed, and the last checkpoints of the instance that answers.
#[utoipa::path(get, path = "/history", tag = "pipeline", responses((status = 200, body = HistoryView)))]
pub(super) async fn history(State(state): State<AdminState>) -> Json<HistoryView> {
    Json(state.pipeline.history())
}
