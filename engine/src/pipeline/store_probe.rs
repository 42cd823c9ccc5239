//! What no batch and no checkpoint would tell: whether the store answers. It must be right on an idle topic too.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::status::{Dependency, Status};
use crate::store::ProbeStore;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long the store may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Until told to stop.
pub(super) async fn watch(store: Arc<dyn ProbeStore>, status: Arc<Status>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let away = match tokio::time::timeout(PING_TIMEOUT, store.ping()).await {
            Ok(answer) => answer.err().map(|why| why.to_string()),
            Err(_) => Some(format!("no answer within {PING_TIMEOUT:?}")),
        };
        metrics::gauge!("weir_store_up").set(f64::from(u8::from(away.is_none())));
        status.dependencies.asked(Dependency::Database, away.is_none(), away.as_deref());
        let _ = tokio::time::timeout(EVERY, stopping.cancelled()).await;
    }
}
