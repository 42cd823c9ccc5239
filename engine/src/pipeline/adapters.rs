//! What stands behind the admin API's ports: the catalog, the workers' status and the dead-letter topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;

use super::status::Status;
use crate::admin::ports::{
    AdminError, LetterTail, PatchRequest, PipelineView, PublishRequest, RollbackRequest, RuleAdmin,
};
use crate::admin::views::{
    EvaluateView, EvaluatedView, FaultView, FileProblemView, HeaderView, HitView, LetterView, LettersView,
    ManifestView, OutcomeView, PartitionState, PartitionStatus, PipelineStatus, PublishedView, RuleDetail, RuleView,
    RulesView, VerdictView, code_views,
};
use crate::admin::{AdminState, Limits};
use crate::config::Config;
use crate::dead_letters;
use crate::decode::Decoder;
use crate::model::catalog::{Mode, Origin, VersionInfo};
use crate::model::finding::{Effect, Fault, Stage};
use crate::model::ids::{Offset, Partition, Sha256};
use crate::model::record::{Batch, Column, FieldId, Schema};
use crate::rules::{Catalog, Halt, LiveRule, Patch, Publish, Refused, RuleVerdict};
use crate::store::Store;

pub(super) fn admin_state(
    config: &Arc<Config>,
    schema: &Arc<Schema>,
    catalog: &Arc<Catalog>,
    store: &Arc<dyn Store>,
    status: &Arc<Status>,
    metrics: PrometheusHandle,
) -> AdminState {
    let rules =
        Rules { config: config.clone(), schema: schema.clone(), catalog: catalog.clone(), store: store.clone() };
    let view = View { config: config.clone(), catalog: catalog.clone(), status: status.clone() };
    let letters = Letters { config: config.clone() };
    let limits = Limits::new(config.rules.max_module.as_u64());
    let (rules, view, letters) = (Arc::new(rules), Arc::new(view), Arc::new(letters));
    AdminState::new(rules, view, store.clone(), letters, metrics, &config.admin.tokens, limits)
}

struct Rules {
    config: Arc<Config>,
    schema: Arc<Schema>,
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
}

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::TooLarge { most, .. } => Self::TooLarge { limit: most as u64 },
            Refused::NotWasm => Self::NotWasm,
            Refused::Module(_) => {
                Self::Invalid { detail, mend: "build the module with weir-sdk and try `weir rules check`".into() }
            }
            Refused::Unfit(_) => Self::Invalid {
                detail,
                mend: "change the rule, or declare the field or the parameter in the pipeline's configuration".into(),
            },
            Refused::NoSuchRule(_) | Refused::NoSuchVersion { .. } => Self::NotFound(detail),
            Refused::Conflict(_) => Self::Conflict(detail),
            Refused::Compiler(_) | Refused::Store(_) => Self::Unavailable(detail),
        }
    }
}

impl Rules {
    async fn versions(&self, name: Option<&str>) -> Result<Vec<VersionInfo>, AdminError> {
        self.store.versions(name).await.map_err(|why| AdminError::Unavailable(why.to_string()))
    }

    /// The records as one batch that holds every field, and what did not decode.
    fn decode(&self, records: &[Vec<u8>]) -> (Batch, BTreeMap<usize, Fault>, Vec<usize>) {
        let limit = usize::try_from(self.config.source.max_record.as_u64()).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new(self.schema.clone(), limit);
        let all: Vec<FieldId> = (0..self.schema.fields.len()).map(FieldId).collect();
        decoder.set_needed(&all);
        let mut batch = Batch::new(&self.schema);
        let (mut faults, mut rows) = (BTreeMap::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            match decoder.decode(None, Some(record), Offset(index as i64), &mut batch) {
                Ok(()) => rows.push(index),
                Err(fault) => drop(faults.insert(index, fault)),
            }
        }
        // Lookups are not asked here: a rule that reads their fields sees a row that lacks them.
        for (field, column) in self.schema.fields.iter().zip(&mut batch.columns) {
            if field.lookup.is_some() {
                *column = Column::new(field.kind);
                rows.iter().for_each(|_| column.push(None));
            }
        }
        (batch, faults, rows)
    }
}

fn rule_view(rule: &LiveRule, version: Option<&VersionInfo>) -> RuleView {
    let total = |map: &std::sync::Mutex<BTreeMap<String, u64>>| {
        map.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).values().sum()
    };
    let rows = rule.figures.rows.load(Ordering::Relaxed);
    let nanos = rule.figures.nanos.load(Ordering::Relaxed);
    RuleView {
        name: rule.manifest.name.clone(),
        version: rule.manifest.version.clone(),
        summary: rule.manifest.summary.clone(),
        sha256: rule.id.sha256.to_string(),
        mode: rule.mode,
        order: rule.order,
        parameters: rule.parameters.clone(),
        codes: code_views(&rule.manifest),
        hits: total(&rule.figures.hits),
        failures: total(&rule.figures.failures),
        ns_per_record: (rows > 0).then(|| nanos as f64 / rows as f64),
        origin: version.map_or(Origin::Api, |version| version.origin),
        source: version.map_or_else(String::new, |version| version.source.clone()),
        suspended: rule.suspended.clone(),
    }
}

#[async_trait]
impl RuleAdmin for Rules {
    async fn list(&self) -> Result<RulesView, AdminError> {
        let versions = self.versions(None).await?;
        let live = self.catalog.live();
        let view = |rule: &Arc<LiveRule>| rule_view(rule, versions.iter().find(|v| v.sha256 == rule.id.sha256));
        let problem = |p: crate::rules::FileProblem| FileProblemView { file: p.file, problem: p.message };
        Ok(RulesView {
            revision: live.revision.0,
            rules: live.rules.iter().map(view).collect(),
            file_problems: self.catalog.problems().into_iter().map(problem).collect(),
        })
    }

    async fn get(&self, name: &str) -> Result<RuleDetail, AdminError> {
        let live = self.catalog.live();
        let rule = live.rules.iter().find(|rule| rule.manifest.name == name);
        let rule = rule.ok_or_else(|| AdminError::NotFound(format!("there is no rule {name:?}")))?;
        let versions = self.versions(Some(name)).await?;
        let hits = rule.figures.hits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        Ok(RuleDetail {
            rule: rule_view(rule, versions.iter().find(|version| version.sha256 == rule.id.sha256)),
            manifest: ManifestView::from(&rule.manifest),
            versions: versions.into_iter().map(Into::into).collect(),
            hits_by_code: hits,
        })
    }

    async fn publish(&self, request: PublishRequest) -> Result<PublishedView, AdminError> {
        let PublishRequest { wasm, source, who, order, mode } = request;
        let how = Publish { origin: Origin::Api, source, who, order, mode };
        let done = self.catalog.publish(wasm, how).await?;
        let (sha256, revision) = (done.sha256.to_string(), done.revision.0);
        Ok(PublishedView { name: done.name, sha256, revision, new: done.new })
    }

    async fn check(&self, wasm: Vec<u8>) -> Result<ManifestView, AdminError> {
        Ok(ManifestView::from(&self.catalog.check(wasm).await?))
    }

    async fn patch(&self, name: &str, patch: PatchRequest, who: &str) -> Result<u64, AdminError> {
        let PatchRequest { mode, order, parameters } = patch;
        Ok(self.catalog.patch(name, Patch { mode, order, parameters }, who).await?.0)
    }

    async fn rollback(&self, name: &str, request: RollbackRequest, who: &str) -> Result<u64, AdminError> {
        let to = request.sha256.map(|text| text.parse::<Sha256>()).transpose();
        let to = to.map_err(|why| AdminError::NotFound(why.to_string()))?;
        Ok(self.catalog.rollback(name, to, who).await?.0)
    }

    async fn retire(&self, name: &str, who: &str) -> Result<u64, AdminError> {
        Ok(self.catalog.retire(name, who).await?.0)
    }

    async fn evaluate(&self, records: Vec<Vec<u8>>) -> Result<EvaluateView, AdminError> {
        let (batch, mut faults, rows) = self.decode(&records);
        let (live, catalog) = (self.catalog.live(), self.catalog.clone());
        let set = live.clone();
        let judged = tokio::task::spawn_blocking(move || catalog.evaluate(&set, &batch)).await;
        let judged = judged.map_err(|why| AdminError::Unavailable(why.to_string()))?;
        let views = (0..records.len()).map(|index| match rows.iter().position(|row| *row == index) {
            Some(row) => judged_view(&judged, row as u32, Offset(index as i64)),
            None => undecoded_view(faults.remove(&index)),
        });
        Ok(EvaluateView { revision: live.revision.0, records: views.collect() })
    }
}

fn undecoded_view(fault: Option<Fault>) -> EvaluatedView {
    let fault = fault.map(|fault| FaultView {
        stage: match fault.stage {
            Stage::Decode => "decode",
            Stage::Rule => "rule",
            Stage::Window => "window",
        }
        .to_owned(),
        code: fault.code.to_owned(),
        message: fault.message,
    });
    EvaluatedView { outcome: OutcomeView::DeadLetter, fault, verdicts: Vec::new() }
}

fn judged_view(judged: &[RuleVerdict], row: u32, at: Offset) -> EvaluatedView {
    let halt = judged.iter().filter_map(|verdict| verdict.halt.as_ref()).find(|halt| halt.offset == at);
    // Shadow rules are shown and decide nothing.
    let live = judged.iter().filter(|verdict| verdict.rule.mode == Mode::Live);
    let of_row = live.flat_map(|verdict| &verdict.findings).filter(|finding| finding.row == row);
    let outcome = match of_row.map(|finding| finding.effect).max_by_key(|e| *e == Effect::DeadLetter) {
        _ if halt.is_some() => OutcomeView::Halt,
        Some(Effect::DeadLetter) => OutcomeView::DeadLetter,
        Some(Effect::Flag) => OutcomeView::Flagged,
        None => OutcomeView::Valid,
    };
    let verdicts = judged.iter().map(|RuleVerdict { rule, findings, .. }| VerdictView {
        rule: rule.manifest.name.clone(),
        sha256: rule.id.sha256.to_string(),
        mode: rule.mode,
        hits: (findings.iter().filter(|finding| finding.row == row))
            .map(|f| HitView { code: f.code.clone().into_owned(), effect: f.effect, detail: f.detail.clone() })
            .collect(),
    });
    EvaluatedView { outcome, fault: halt.map(halt_view), verdicts: verdicts.collect() }
}

fn halt_view(halt: &Halt) -> FaultView {
    let Halt { rule, code, message, .. } = halt;
    let message = format!("rule {rule} fails and its on_failure is halt, the pipeline would stop here: {message}");
    FaultView { stage: "rule".to_owned(), code: (*code).to_owned(), message }
}

struct View {
    config: Arc<Config>,
    catalog: Arc<Catalog>,
    status: Arc<Status>,
}

impl PipelineView for View {
    fn pipeline(&self) -> PipelineStatus {
        let waiting = self.status.waiting();
        let partitions = self.status.partitions();
        PipelineStatus {
            name: self.config.pipeline.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.status.uptime(),
            workers: u32::try_from(self.status.workers()).unwrap_or(u32::MAX),
            revision: self.catalog.live().revision.0,
            kafka_up: self.status.kafka_up(),
            store_up: self.status.store_away().is_none(),
            lookups_up: self
                .config
                .lookup
                .keys()
                .map(|name| (name.clone(), !waiting.iter().any(|why| why.contains("lookup"))))
                .collect(),
            partitions: partitions.into_iter().map(|(partition, status)| partition_view(partition, status)).collect(),
        }
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        let mut reasons = self.status.waiting();
        reasons.extend(self.status.store_away().map(|why| format!("the store of [sink] does not answer: {why}")));
        if !self.status.kafka_up() {
            reasons.push("no worker is a member of the group yet, or Kafka is away".to_owned());
        }
        for (partition, status) in self.status.partitions() {
            if status.is_being_taken() {
                reasons.push(format!("partition {partition}: its position is being asked of the store and the group"));
            }
            reasons.extend(status.error.map(|why| format!("partition {partition}: {why}")));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }
}

fn partition_view(partition: Partition, status: super::status::PartitionStatus) -> PartitionStatus {
    let state = match (&status.error, status.judged.or(status.committed)) {
        (Some(_), _) => PartitionState::Stopped,
        (None, Some(_)) => PartitionState::Running,
        (None, None) => PartitionState::Taking,
    };
    PartitionStatus {
        partition: partition.0,
        worker: u32::try_from(status.worker).unwrap_or(u32::MAX),
        position: status.committed,
        lag: status.end.zip(status.judged.or(status.committed)).map(|(end, at)| (end - at).max(0)),
        state,
        error: status.error,
    }
}

/// Within the time that the API gives a request.
const READ_LETTERS: Duration = Duration::from_secs(5);

struct Letters {
    config: Arc<Config>,
}

#[async_trait]
impl LetterTail for Letters {
    async fn tail(&self, limit: usize, code: Option<String>) -> Result<LettersView, String> {
        let config = self.config.clone();
        let read = tokio::task::spawn_blocking(move || {
            let (source, topic) = (&config.source, &config.dead_letters.topic);
            let wanted = dead_letters::Wanted { topic, limit, code: code.as_deref(), within: READ_LETTERS };
            dead_letters::tail(&source.brokers, &source.properties, &wanted)
        });
        let tail = read.await.map_err(|why| why.to_string())?.map_err(|why| why.to_string())?;
        let letters = tail.letters.into_iter().rev().map(letter_view).collect();
        Ok(LettersView { complete: tail.complete, letters })
    }
}

fn letter_view(letter: dead_letters::Shown) -> LetterView {
    let header = |name: &str| Some(letter.header(name).to_owned()).filter(|text| !text.is_empty());
    LetterView {
        code: header("weir.code"),
        message: header("__dlq.errors.message"),
        partition: letter.partition,
        offset: letter.offset,
        key: letter.key,
        value: letter.value,
        headers: letter.headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
    }
}
