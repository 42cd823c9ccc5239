//! Gauges that no batch and no checkpoint would set: they must be right on an idle topic too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::rules::Catalog;
use crate::store::Store;

/// How often the set in force is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How often the store is asked, and how long it may take.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Sets them until told to stop.
pub(super) async fn watch(catalog: Arc<Catalog>, store: Arc<dyn Store>, mut stopping: watch::Receiver<bool>) {
    let mut pinged: Option<Instant> = None;
    while !*stopping.borrow() {
        metrics::gauge!("weir_rules_revision").set(catalog.live().revision.0 as f64);
        if pinged.is_none_or(|at| at.elapsed() >= PING_EVERY) {
            let answered = tokio::time::timeout(PING_EVERY, store.ping()).await;
            metrics::gauge!("weir_store_up").set(f64::from(u8::from(matches!(answered, Ok(Ok(()))))));
            pinged = Some(Instant::now());
        }
        // Err: whoever could tell us to stop is gone.
        if tokio::time::timeout(EVERY, stopping.changed()).await.is_ok_and(|told| told.is_err()) {
            return;
        }
    }
}
