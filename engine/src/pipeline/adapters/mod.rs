//! What is behind the admin API's ports: the catalog, the workers' status, dead letters and records.

mod advice;
mod alerts;
mod changes;
mod evaluate;
mod missing;
mod records;
mod rule_test;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::alerts::Alerts;
use self::evaluate::{Evaluation, hit_view};
use self::records::Records;
use self::view::View;
use crate::admin::ports::{
    AdminError, AlertTail, Author, EvaluateRequest, PatchRequest, PipelineView, PlanRequest, PublishRequest,
    RollbackRequest, RuleAdmin,
};
use crate::admin::views::{
    EvaluateView, FileProblemView, ManifestView, PlanView, PublishedView, RuleDetail, RuleView, RulesView, code_views,
};
use crate::admin::{Access, AdminState, Limits};
use crate::config::Config;
use crate::model::catalog::{Mode, VersionInfo};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::Schema;
use crate::pipeline::instances::Instances;
use crate::rules::{Catalog, LiveRule, LiveSet, Patch, RulesDirectory, Runtime, Trend};
use crate::status::Status;
use crate::store::{CatalogStore, Store, StoreError};
use crate::telemetry::Metrics;

/// What the API says of the running pipeline, from memory.
pub(super) fn pipeline_view(
    config: &Arc<Config>,
    catalog: &Arc<Catalog>,
    status: &Arc<Status>,
    instances: &Arc<Instances>,
) -> Arc<dyn PipelineView> {
    let (config, catalog) = (config.clone(), catalog.clone());
    Arc::new(View { config, catalog, status: status.clone(), instances: instances.clone() })
}

pub(super) fn admin_state(
    config: &Arc<Config>,
    schema: &Arc<Schema>,
    runtime: &Arc<Runtime>,
    (catalog, directory): (&Arc<Catalog>, &Arc<RulesDirectory>),
    store: &Arc<dyn Store>,
    view: Arc<dyn PipelineView>,
    metrics: Metrics,
) -> AdminState {
    let rules = Rules {
        config: config.clone(),
        schema: schema.clone(),
        runtime: runtime.clone(),
        catalog: catalog.clone(),
        directory: directory.clone(),
        store: store.clone(),
        known: Mutex::default(),
        away: Mutex::default(),
        evaluating: Arc::new(Semaphore::new(EVALUATIONS)),
    };
    let records = Records::new(config.clone(), schema.clone());
    let limits = Limits::new(config.rules.max_module.as_u64());
    let (rules, records) = (Arc::new(rules), Arc::new(records));
    let access = Access::new(&config.admin, &config.pipeline.name, schema);
    let alerts = Alerts::new(config).map(|alerts| Arc::new(alerts) as Arc<dyn AlertTail>);
    AdminState::new(rules, view, store.clone(), records, metrics, access, limits).with_alerts(alerts)
}

struct Rules {
    config: Arc<Config>,
    schema: Arc<Schema>,
    runtime: Arc<Runtime>,
    catalog: Arc<Catalog>,
    directory: Arc<RulesDirectory>,
    store: Arc<dyn CatalogStore>,
    /// Where the versions in force came from. A version never changes, so each is asked for once.
    known: Mutex<BTreeMap<Sha256, VersionInfo>>,
    /// When the store last did not say, and why.
    away: Mutex<Option<(Instant, String)>>,
    evaluating: Arc<Semaphore>,
}

/// Time-out of optional reads of the store: rules are answered from memory, and their history is added if the store replies
/// within it.
const ASK_STORE: Duration = Duration::from_secs(2);
/// How long it is not asked again after it did not: a page that is asked for every 2 s must not wait each time.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What the store says, if it says it soon.
async fn soon<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match tokio::time::timeout(ASK_STORE, asked).await {
        Ok(answer) => answer.map_err(|why| why.to_string()),
        Err(_) => Err(format!("the store did not answer within {ASK_STORE:?}")),
    }
}

impl Rules {
    /// Where the versions of the set came from, as far as that is known, and why not all is.
    async fn origins(&self, set: &LiveSet) -> (BTreeMap<Sha256, VersionInfo>, Option<String>) {
        let in_force: Vec<Sha256> = set.rules.iter().map(|rule| rule.id.sha256).collect();
        let mut known = now(&self.known);
        known.retain(|sha256, _| in_force.contains(sha256));
        if let Some((_, why)) = now(&self.away).filter(|(at, _)| at.elapsed() < ASK_AGAIN) {
            return (known, Some(why));
        }
        let asked = soon(async {
            for sha256 in in_force {
                if !known.contains_key(&sha256)
                    && let Some(version) = self.store.version_info(sha256).await?
                {
                    known.insert(sha256, version);
                }
            }
            Ok(())
        });
        let unavailable = asked.await.err();
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) =
            unavailable.clone().map(|why| (Instant::now(), why));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        (known, unavailable)
    }
}

/// A figure as it is now.
fn now<T: Clone>(figure: &Mutex<T>) -> T {
    figure.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Hits of the last 15 minutes, up to this moment.
fn trend(rule: &LiveRule) -> Trend {
    now(&rule.stats.trend).up_to(&now(&rule.stats.hits))
}

fn rule_view(rule: &LiveRule, version: Option<&VersionInfo>, config: &Config) -> RuleView {
    let budget = u64::try_from(config.rules.budget.as_nanos()).unwrap_or(u64::MAX);
    let rows = rule.stats.rows.load(Ordering::Relaxed);
    let nanos = rule.stats.nanos.load(Ordering::Relaxed);
    RuleView {
        name: rule.manifest.name.clone(),
        version: rule.manifest.version.clone(),
        summary: rule.manifest.summary.clone(),
        sha256: rule.id.sha256.to_string(),
        mode: rule.mode,
        order: rule.order,
        parameters: rule.parameters.clone(),
        set: rule.set.iter().cloned().collect(),
        codes: code_views(&rule.manifest),
        records: rows,
        hits: now(&rule.stats.hits).values().sum(),
        trend: trend(rule).all(),
        failures: now(&rule.stats.failures).values().sum(),
        skipped: rule.stats.skipped.load(Ordering::Relaxed),
        ns_per_record: (rows > 0).then(|| nanos as f64 / rows as f64),
        budget_ns: (rule.mode == Mode::Live).then_some(budget),
        origin: version.map(|version| version.origin),
        source: version.map(|version| version.source.clone()),
        suspended: rule.suspended.clone(),
        sampled_one_in: Some(rule.stats.one_in.load(Ordering::Relaxed)).filter(|&one_in| one_in > 1),
        last_change: None,
        counted_by: 1,
        counted_since: None,
    }
}

#[async_trait]
impl RuleAdmin for Rules {
    fn names(&self) -> Vec<String> {
        self.catalog.live().rules.iter().map(|rule| rule.manifest.name.clone()).collect()
    }

    async fn list(&self) -> Result<RulesView, AdminError> {
        let live = self.catalog.live();
        let (origins, history_unavailable) = self.origins(&live).await;
        let view = |rule: &Arc<LiveRule>| rule_view(rule, origins.get(&rule.id.sha256), &self.config);
        let problem = |p: crate::rules::FileProblem| FileProblemView { file: p.file, problem: p.message };
        Ok(RulesView {
            revision: live.revision.0,
            rules: live.rules.iter().map(view).collect(),
            file_problems: self.directory.problems().into_iter().map(problem).collect(),
            history_unavailable,
        })
    }

    async fn get(&self, name: &str, limit: u32) -> Result<RuleDetail, AdminError> {
        let live = self.catalog.live();
        let rule = live.rules.iter().find(|rule| rule.manifest.name == name);
        let rule = rule.ok_or_else(|| AdminError::NotFound(format!("there is no rule {name:?}")))?;
        let (origins, unavailable) = self.origins(&live).await;
        // One more than is shown tells whether there are more.
        let found = match unavailable {
            Some(why) => Err(why),
            None if limit == 0 => Ok(Vec::new()),
            None => soon(self.store.versions(Some(name), limit + 1)).await,
        };
        let (mut versions, history_unavailable) = found.map_or_else(|why| (Vec::new(), Some(why)), |all| (all, None));
        let more_versions = versions.len() > limit as usize;
        versions.truncate(limit as usize);
        Ok(RuleDetail {
            revision: live.revision.0,
            rule: rule_view(rule, origins.get(&rule.id.sha256), &self.config),
            manifest: ManifestView::from(&rule.manifest),
            versions: versions.into_iter().map(Into::into).collect(),
            more_versions,
            history_unavailable,
            hits_by_code: now(&rule.stats.hits),
            trend_by_code: trend(rule).by_code(),
            failures_by_code: now(&rule.stats.failures),
            skipped: rule.stats.skipped.load(Ordering::Relaxed),
            shadow_samples: now(&rule.stats.samples).iter().map(hit_view).collect(),
            hidden: None,
        })
    }

    async fn publish(&self, request: PublishRequest) -> Result<PublishedView, AdminError> {
        let (wasm, how) = changes::how(request);
        let done = self.catalog.publish(wasm, how).await?;
        let (sha256, revision) = (done.sha256.to_string(), done.revision.0);
        Ok(PublishedView { name: done.name, sha256, revision, new: done.new })
    }

    async fn check(&self, wasm: Vec<u8>) -> Result<ManifestView, AdminError> {
        Ok(ManifestView::from(&self.catalog.check(wasm).await?))
    }

    async fn plan(&self, request: PlanRequest, seen: Option<u64>) -> Result<PlanView, AdminError> {
        let (rule, action) = changes::action(request)?;
        Ok(changes::view(self.catalog.plan(&rule, action, seen.map(Revision)).await?, None))
    }

    async fn plan_publish(&self, request: PublishRequest) -> Result<PlanView, AdminError> {
        let (wasm, how) = changes::how(request);
        let (manifest, planned) = self.catalog.plan_publish(&wasm, &how).await?;
        Ok(changes::view(planned, Some(ManifestView::from(&manifest))))
    }

    async fn patch(&self, name: &str, patch: PatchRequest, author: &Author) -> Result<u64, AdminError> {
        let PatchRequest { mode, order, parameters, reason: _ } = patch;
        Ok(self.catalog.patch(name, Patch { mode, order, parameters }, author.by()).await?.0)
    }

    async fn rollback(&self, name: &str, request: RollbackRequest, author: &Author) -> Result<u64, AdminError> {
        Ok(self.catalog.rollback(name, changes::version(request.sha256)?, author.by()).await?.0)
    }

    async fn retire(&self, name: &str, author: &Author) -> Result<u64, AdminError> {
        Ok(self.catalog.retire(name, author.by()).await?.0)
    }

    async fn evaluate(&self, request: EvaluateRequest) -> Result<EvaluateView, AdminError> {
        let live = self.catalog.live();
        let Ok(permit) = self.evaluating.clone().try_acquire_owned() else {
            let why = format!("{EVALUATIONS} evaluations run already: try again in a moment");
            return Err(AdminError::Unavailable(why));
        };
        // Dropped with this request: what a caller does not wait for any more ends.
        let stop = StopOnDrop::default();
        let max_record = usize::try_from(self.config.source.max_record.as_u64()).unwrap_or(usize::MAX);
        let evaluation = Evaluation {
            runtime: self.runtime.clone(),
            schema: self.schema.clone(),
            max_record,
            set: live,
            stop: stop.0.clone(),
            time: EVALUATION,
        };
        let mut judging = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request.
            let _permit = permit;
            evaluation.run(&request)
        });
        let judged = match tokio::time::timeout(EVALUATION, &mut judging).await {
            Ok(judged) => judged,
            Err(_) => {
                // A call that runs ends with it, however long `rules.timeout` is.
                stop.0.store(true, Ordering::Relaxed);
                judging.await
            }
        };
        judged.unwrap_or_else(|why| Err(AdminError::Unavailable(why.to_string())))
    }
}

/// Evaluations at once: each runs rules on a thread of its own, beside the workers.
const EVALUATIONS: usize = 2;
/// All rules' time for one evaluation; what is not asked by then says so.
const EVALUATION: Duration = Duration::from_secs(5);

/// Set when the request is over, whether it was answered or the caller hung up.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
