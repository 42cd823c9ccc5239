//! Guesses show in a counter, and in the log once in a while: whoever guesses must not be able to fill a disk.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the log tells of them at most.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Requests without a valid token.
#[derive(Default)]
pub(in crate::admin) struct Refused(Mutex<Since>);

#[derive(Default)]
struct Since {
    logged: Option<Instant>,
    requests: u64,
}

impl Refused {
    pub(super) fn count(&self, peer: Option<IpAddr>, now: Instant) {
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
