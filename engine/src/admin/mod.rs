//! The admin API: rules in and out while records flow, and what the pipeline does. It knows the ports in `ports`, the
//! store and the configuration; what is behind the ports only `pipeline` knows.
//!
//! Every request passes, in this order: what makes a page of an error at the console (`console/dress.rs`), a catch for panics,
//! the bound on requests at once, the time-out, the token.

mod access;
mod alerts_api;
mod auth;
mod changes_api;
mod changing;
mod console;
mod evaluate_api;
mod everywhere;
mod extract;
mod guard;
mod kept;
mod last_changes;
mod now_api;
mod openapi;
mod origin;
mod pipeline_api;
pub mod ports;
pub mod problem;
mod records_api;
mod rule_history;
mod rules_api;
mod series;
mod serve;
mod throttle;
pub mod views;
mod windows_api;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use crate::config::May;
use crate::model::store::ReportStore;
use crate::telemetry::Metrics;
use extract::BodyLimit;
use ports::{AlertTail, PipelineView, RecordReader, RuleAdmin};

pub use access::Access;
pub use auth::Keys;
pub use serve::serve;

/// Any body but a module's.
const BODY_LIMIT: usize = 1024 * 1024;

/// The bounds of the API.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `rules.max_module`: a larger upload is answered with 413.
    pub max_module: u64,
    /// A publish may compile for 15 s, so this is longer.
    pub request_timeout: Duration,
    /// Requests at once; one more is answered with 503. `/livez` and `/readyz` do not count.
    pub requests: usize,
    /// Uploads held in memory at once; more wait.
    pub uploads: usize,
}

impl Limits {
    /// The defaults, with this bound on a module.
    pub fn new(max_module: u64) -> Self {
        Self { max_module, request_timeout: Duration::from_secs(30), requests: 64, uploads: 4 }
    }
}

/// What the handlers work on. Cheap to clone.
#[derive(Clone)]
pub struct AdminState {
    rules: Arc<dyn RuleAdmin>,
    pipeline: Arc<dyn PipelineView>,
    store: Arc<dyn ReportStore>,
    records: Arc<dyn RecordReader>,
    /// None: `[alerts]` is not configured.
    alerts: Option<Arc<dyn AlertTail>>,
    metrics: Metrics,
    access: Arc<Access>,
    throttle: Arc<throttle::Throttle>,
    refused: Arc<auth::Refused>,
    limits: Limits,
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// Forms to sign in that are being read.
    sign_ins: Arc<Semaphore>,
    /// Requests that read the database.
    readers: Arc<Semaphore>,
    last_changes: Arc<last_changes::LastChanges>,
    histories: Arc<changes_api::Histories>,
    /// Modules that forms brought, until they are published.
    uploaded: Arc<console::Uploaded>,
    /// Windows as they were read last.
    windows: Arc<windows_api::Windows>,
}

impl AdminState {
    /// The state of the API.
    pub fn new(
        rules: Arc<dyn RuleAdmin>,
        pipeline: Arc<dyn PipelineView>,
        store: Arc<dyn ReportStore>,
        records: Arc<dyn RecordReader>,
        metrics: Metrics,
        access: Access,
        limits: Limits,
    ) -> Self {
        Self {
            rules,
            pipeline,
            store,
            records,
            alerts: None,
            metrics,
            access: Arc::new(access),
            throttle: Arc::default(),
            refused: Arc::default(),
            requests: Arc::new(Semaphore::new(limits.requests)),
            uploads: Arc::new(Semaphore::new(limits.uploads)),
            sign_ins: Arc::new(Semaphore::new(console::SIGN_INS)),
            readers: Arc::new(Semaphore::new(pipeline_api::READERS)),
            last_changes: Arc::new(last_changes::unknown()),
            histories: Arc::new(changes_api::no_histories()),
            uploaded: Arc::default(),
            windows: Arc::new(windows_api::no_windows()),
            limits,
        }
    }
}

impl AdminState {
    /// With the alerts, where some are reported.
    pub fn with_alerts(self, alerts: Option<Arc<dyn AlertTail>>) -> Self {
        Self { alerts, ..self }
    }

    /// The tokens in force, for whoever replaces them.
    pub fn keys(&self) -> Keys {
        self.access.keys.clone()
    }

    /// What is hidden from this caller; None: nothing.
    fn hide(&self, who: &auth::Principal) -> Option<&views::Hide> {
        self.access.hide.as_ref().filter(|_| !who.may(May::Values))
    }
}

/// Every path of the API and of the console.
pub fn router(state: AdminState) -> Router {
    let module_limit = usize::try_from(state.limits.max_module).unwrap_or(usize::MAX);
    let modules = Router::new()
        .route("/rules", get(rules_api::list).post(rules_api::publish))
        .route("/rules/check", post(rules_api::check))
        .route("/rules/plan", post(changes_api::plan))
        .layer(BodyLimit::layer(module_limit));
    let others = Router::new()
        .route("/rules/{name}", get(rules_api::show).patch(rules_api::patch).delete(rules_api::retire))
        .route("/rules/{name}/rollback", post(rules_api::rollback))
        .route("/rules/{name}/history", get(changes_api::rule_history))
        .route("/evaluate", post(evaluate_api::evaluate))
        .route("/pipeline", get(pipeline_api::pipeline))
        .route("/instances", get(now_api::instances))
        .route("/history", get(now_api::history))
        .route("/windows", get(windows_api::windows))
        .route("/windows.csv", get(windows_api::windows_csv))
        .route("/activations", get(pipeline_api::activations))
        .route("/audit", get(pipeline_api::audit))
        .route("/dead-letters", get(records_api::letters))
        .route("/dead-letters.ndjson", get(records_api::letters_ndjson))
        .route("/dead-letters/groups", get(records_api::groups))
        .route("/dead-letters/{position}", get(records_api::letter))
        .route("/dead-letters/{position}/value", get(records_api::letter_value))
        .route("/records/{position}", get(records_api::record))
        .route("/records/{position}/value", get(records_api::record_value))
        .route("/alerts", get(alerts_api::alerts))
        .route("/metrics", get(pipeline_api::metrics))
        .route("/livez", get(pipeline_api::livez))
        .route("/readyz", get(pipeline_api::readyz))
        .route("/openapi.json", get(openapi::serve))
        .layer(BodyLimit::layer(BODY_LIMIT));
    modules
        .merge(others)
        .merge(console::routes(module_limit))
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(from_fn_with_state(state.clone(), auth::guard))
        .layer(from_fn_with_state(state.clone(), guard::bounded))
        .layer(from_fn(guard::catch_panic))
        .layer(from_fn_with_state(state.clone(), console::dress))
        .with_state(state)
}
