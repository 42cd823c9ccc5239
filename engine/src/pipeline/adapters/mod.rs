//! What is behind the admin API's ports: the catalog, the workers' status and the dead-letter topic.

mod advice;
mod alerts;
mod evaluate;
mod letters;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::advice::advice;
use self::alerts::Alerts;
use self::evaluate::{Evaluation, hit_view};
use self::letters::Letters;
use self::view::View;
use crate::admin::ports::{AdminError, AlertTail, Author, PatchRequest, PublishRequest, RollbackRequest, RuleAdmin};
use crate::admin::views::{
    EvaluateView, FileProblemView, ManifestView, PublishedView, RuleDetail, RuleView, RulesView, code_views,
};
use crate::admin::{Access, AdminState, Limits};
use crate::config::Config;
use crate::model::catalog::{Origin, VersionInfo};
use crate::model::ids::Sha256;
use crate::model::record::Schema;
use crate::rules::{Catalog, LiveRule, LiveSet, Patch, Publish, Refused, RulesDirectory, Runtime};
use crate::status::Status;
use crate::store::{CatalogStore, Store, StoreError};
use crate::telemetry::Metrics;

pub(super) fn admin_state(
    config: &Arc<Config>,
    schema: &Arc<Schema>,
    runtime: &Arc<Runtime>,
    (catalog, directory): (&Arc<Catalog>, &Arc<RulesDirectory>),
    store: &Arc<dyn Store>,
    status: &Arc<Status>,
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
        evaluating: Arc::new(Semaphore::new(EVALUATIONS)),
    };
    let view = View { config: config.clone(), catalog: catalog.clone(), status: status.clone() };
    let letters = Letters::new(config.clone(), schema.clone());
    let limits = Limits::new(config.rules.max_module.as_u64());
    let (rules, view, letters) = (Arc::new(rules), Arc::new(view), Arc::new(letters));
    let access = Access::new(&config.admin, &config.pipeline.name, schema);
    let alerts = Alerts::new(config).map(|alerts| Arc::new(alerts) as Arc<dyn AlertTail>);
    AdminState::new(rules, view, store.clone(), letters, metrics, access, limits).with_alerts(alerts)
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
    evaluating: Arc<Semaphore>,
}

/// Time-out of optional reads of the store: rules are answered from memory, and their history is added if the store replies
/// within it.
const ASK_STORE: Duration = Duration::from_secs(2);

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::TooLarge { most, .. } => Self::TooLarge { limit: most as u64 },
            Refused::NotWasm => Self::NotWasm,
            Refused::Module(_) => Self::Invalid { hint: advice(&detail).into(), detail },
            Refused::Unfit(_) => Self::Invalid {
                detail,
                hint: "change the rule, or declare the field or the parameter in the pipeline's configuration".into(),
            },
            Refused::NoSuchRule(_) | Refused::NoSuchVersion { .. } => Self::NotFound(detail),
            Refused::Conflict(_) => Self::Conflict(detail),
            Refused::InForce { .. } => Self::InForce(detail),
            Refused::Unknown { rule, .. } => Self::Unknown { rule, detail },
            Refused::Compiler(_) | Refused::Store(_) => Self::Unavailable(detail),
        }
    }
}

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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.retain(|sha256, _| in_force.contains(sha256));
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
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        (known, unavailable)
    }
}

/// A figure as it is now.
fn now<T: Clone>(figure: &Mutex<T>) -> T {
    figure.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn rule_view(rule: &LiveRule, version: Option<&VersionInfo>) -> RuleView {
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
        codes: code_views(&rule.manifest),
        hits: now(&rule.stats.hits).values().sum(),
        failures: now(&rule.stats.failures).values().sum(),
        ns_per_record: (rows > 0).then(|| nanos as f64 / rows as f64),
        origin: version.map(|version| version.origin),
        source: version.map(|version| version.source.clone()),
        suspended: rule.suspended.clone(),
        sampled_one_in: Some(rule.stats.one_in.load(Ordering::Relaxed)).filter(|&one_in| one_in > 1),
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
        let view = |rule: &Arc<LiveRule>| rule_view(rule, origins.get(&rule.id.sha256));
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
            None => soon(self.store.versions(Some(name), limit + 1)).await,
        };
        let (mut versions, history_unavailable) = found.map_or_else(|why| (Vec::new(), Some(why)), |all| (all, None));
        let more_versions = versions.len() > limit as usize;
        versions.truncate(limit as usize);
        Ok(RuleDetail {
            rule: rule_view(rule, origins.get(&rule.id.sha256)),
            manifest: ManifestView::from(&rule.manifest),
            versions: versions.into_iter().map(Into::into).collect(),
            more_versions,
            history_unavailable,
            hits_by_code: now(&rule.stats.hits),
            failures_by_code: now(&rule.stats.failures),
            skipped: rule.stats.skipped.load(Ordering::Relaxed),
            shadow_samples: now(&rule.stats.samples).iter().map(hit_view).collect(),
            hidden: None,
        })
    }

    async fn publish(&self, request: PublishRequest) -> Result<PublishedView, AdminError> {
        let PublishRequest { wasm, source, author: Author { who, reason }, order, mode, replace } = request;
        let how = Publish { origin: Origin::Api, source, who: who.to_string(), reason, order, mode, replace };
        let done = self.catalog.publish(wasm, how).await?;
        let (sha256, revision) = (done.sha256.to_string(), done.revision.0);
        Ok(PublishedView { name: done.name, sha256, revision, new: done.new })
    }

    async fn check(&self, wasm: Vec<u8>) -> Result<ManifestView, AdminError> {
        Ok(ManifestView::from(&self.catalog.check(wasm).await?))
    }

    async fn patch(&self, name: &str, patch: PatchRequest, author: &Author) -> Result<u64, AdminError> {
        let PatchRequest { mode, order, parameters, reason: _ } = patch;
        Ok(self.catalog.patch(name, Patch { mode, order, parameters }, author.by()).await?.0)
    }

    async fn rollback(&self, name: &str, request: RollbackRequest, author: &Author) -> Result<u64, AdminError> {
        let to = request.sha256.map(|text| text.parse::<Sha256>()).transpose();
        let to = to.map_err(|why| AdminError::NotFound(why.to_string()))?;
        Ok(self.catalog.rollback(name, to, author.by()).await?.0)
    }

    async fn retire(&self, name: &str, author: &Author) -> Result<u64, AdminError> {
        Ok(self.catalog.retire(name, author.by()).await?.0)
    }

    async fn evaluate(&self, records: Vec<Vec<u8>>) -> Result<EvaluateView, AdminError> {
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
            set: live.clone(),
            stop: stop.0.clone(),
            time: EVALUATION,
        };
        let mut judging = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request.
            let _permit = permit;
            evaluation.run(&records)
        });
        let judged = match tokio::time::timeout(EVALUATION, &mut judging).await {
            Ok(judged) => judged,
            Err(_) => {
                // A call that runs ends with it, however long `rules.timeout` is.
                stop.0.store(true, Ordering::Relaxed);
                judging.await
            }
        };
        let records = judged.map_err(|why| why.to_string()).and_then(|judged| judged.map_err(|why| why.to_string()));
        Ok(EvaluateView { revision: live.revision.0, records: records.map_err(AdminError::Unavailable)? })
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
