//! The paths about the running pipeline: state, audit, metrics, probes. All of them only read.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::AdminState;
use super::extract::{Params, within};
use super::problem::{Problem, ProblemKind, redact};
use super::views::{ActivationView, AuditView, DependencyView, HealthView, PipelineStatus};
use crate::model::store::{ReportStore, StoreError};

/// Requests that read the database at once; as many connections as the store keeps for them.
pub(super) const READERS: usize = 2;
/// Lines of the audit that are looked through, the newest.
const LINES: u32 = 1_000;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LimitQuery {
    /// 1 to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// 1 to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<u32>,
    /// Only changes of this rule.
    pub(super) rule: Option<String>,
    /// Only changes that this person, or part of the engine, made.
    pub(super) who: Option<String>,
}

/// Workers, partitions and what they depend on.
#[utoipa::path(get, path = "/pipeline", tag = "pipeline", responses((status = 200, body = PipelineStatus)))]
pub(super) async fn pipeline(State(state): State<AdminState>) -> Json<PipelineStatus> {
    Json(status(&state))
}

/// What this instance does, without what may hold a password. From memory.
pub(super) fn status(state: &AdminState) -> PipelineStatus {
    let mut status = state.pipeline.pipeline();
    for partition in &mut status.partitions {
        partition.error = partition.error.as_deref().map(redact);
    }
    status.not_ready.iter_mut().for_each(|reason| *reason = redact(reason));
    // A reason may be a condition's message: the page Now tells each once.
    for condition in &mut status.conditions {
        condition.message = redact(&condition.message);
    }
    status.dependencies = without_secrets(status.dependencies);
    status
}

fn without_secrets(mut dependencies: Vec<DependencyView>) -> Vec<DependencyView> {
    for error in dependencies.iter_mut().filter_map(|dependency| dependency.last_error.as_mut()) {
        error.message = redact(&error.message);
    }
    dependencies
}

/// Which revision judged a partition from which offset on; the newest, ascending by partition and offset.
#[utoipa::path(get, path = "/activations", tag = "pipeline", params(LimitQuery),
    responses((status = 200, body = Vec<ActivationView>), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn activations(
    State(state): State<AdminState>,
    Params(query): Params<LimitQuery>,
) -> Result<Json<Vec<ActivationView>>, Problem> {
    let limit = limit(query.limit)?;
    let rows = reading(state, move |store| async move { store.activations(limit).await }).await?;
    Ok(Json(rows.into_iter().map(ActivationView::from).collect()))
}

/// Who changed what in the rule set, newest first. Lines of one rule or person are those among the newest 1,000.
#[utoipa::path(get, path = "/audit", tag = "pipeline", params(AuditQuery),
    responses((status = 200, body = Vec<AuditView>), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn audit(
    State(state): State<AdminState>,
    Params(query): Params<AuditQuery>,
) -> Result<Json<Vec<AuditView>>, Problem> {
    Ok(Json(lines(state, &query).await?))
}

/// Lines of the audit, newest first.
pub(super) async fn lines(state: AdminState, query: &AuditQuery) -> Result<Vec<AuditView>, Problem> {
    let limit = limit(query.limit)?;
    let is_of_all = query.rule.is_none() && query.who.is_none();
    let looked_at = if is_of_all { limit } else { LINES };
    let rows = reading(state, move |store| async move { store.audit(looked_at).await }).await?;
    let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
    let wanted = rows.into_iter().filter(|line| is(&query.rule, &line.rule) && is(&query.who, &line.who));
    Ok(wanted.take(limit as usize).map(AuditView::from).collect())
}

/// Metrics in Prometheus' text format. Series of rules that are not in the set, and of partitions that this instance has not, have ended.
#[utoipa::path(get, path = "/metrics", tag = "pipeline", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(state): State<AdminState>) -> impl IntoResponse {
    metrics::gauge!("weir_ready").set(f64::from(u8::from(state.pipeline.ready().is_ok())));
    let partitions = state.pipeline.pipeline().partitions;
    let partitions = partitions.iter().map(|status| status.partition.to_string()).collect();
    let text = super::series::current(&state.metrics.render(), &state.rules.names().into_iter().collect(), &partitions);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// The process answers. Open to all.
#[utoipa::path(get, path = "/livez", tag = "probes", security(()), responses((status = 200, body = HealthView)))]
pub(super) async fn livez() -> Json<HealthView> {
    Json(HealthView { status: "alive".into(), warnings: Vec::new(), dependencies: Vec::new() })
}

/// The pipeline judges records. Open to all.
#[utoipa::path(get, path = "/readyz", tag = "probes", security(()),
    responses((status = 200, body = HealthView), (status = 503, body = Problem)))]
pub(super) async fn readyz(State(state): State<AdminState>) -> Result<Json<HealthView>, Problem> {
    let dependencies = without_secrets(state.pipeline.dependencies());
    match state.pipeline.ready() {
        Ok(warnings) => {
            let warnings = warnings.iter().map(|warning| redact(warning)).collect();
            Ok(Json(HealthView { status: "ready".into(), warnings, dependencies }))
        }
        Err(reasons) => {
            let problem = ProblemKind::Unavailable.problem(
                reasons.join("; "),
                "each reason says whom it waits for and where that is configured; the engine goes on by itself",
            );
            Err(Problem { dependencies: dependencies.into(), ..problem })
        }
    }
}

fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    within(asked.unwrap_or(100), 1..=1_000, "limit")
}

/// A turn at the database. It is kept until the database has answered, also when the peer hangs up meanwhile: whoever asks and
/// goes does not put more to work than these.
pub(super) async fn reading<T, F>(state: AdminState, ask: impl FnOnce(Arc<dyn ReportStore>) -> F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let turn = tokio::time::timeout(TURN, state.readers.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ProblemKind::Busy
            .problem(format!("{READERS} requests are reading the database already"), "send it again in a moment"));
    };
    let asked = ask(state.store);
    let answer = tokio::spawn(async move {
        let _turn = turn;
        asked.await
    });
    match answer.await {
        Ok(answer) => answer.map_err(from_store),
        Err(why) => Err(ProblemKind::Internal.problem(why.to_string(), "look at the engine's log")),
    }
}

fn from_store(error: StoreError) -> Problem {
    let text = redact(&error.to_string());
    tracing::warn!(error = text, "the store did not answer the admin API");
    ProblemKind::Unavailable
        .problem(text, "if GET /readyz is 503, bring the database of [sink] back; else ask for fewer rows, or later")
}
