//! What `/pipeline` and `/readyz` say: the workers' status in the API's words, and why the pipeline is not ready.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::ports::PipelineView;
use crate::admin::views::{
    ChangeKindView, ChangeView, CheckpointView, DependencyState, DependencyView, ErrorView, HistoryView, InstanceState,
    InstancesView, PartitionStatus, PipelineStatus, RulesChangeView, SampleView,
};
use crate::conditions::{Condition, Severity};
use crate::config::Config;
use crate::model::catalog::Mode;
use crate::model::ids::Partition;
use crate::model::time::to_rfc3339;
use crate::pipeline::instances::{Instances, partition_state};
use crate::rules::Catalog;
use crate::status::{self, Change, ChangeKind, Dependency, DependencyStatus, EndedCheckpoint, History, Sample, Status};

use super::missing::missing;

/// See the module.
pub(super) struct View {
    pub(super) config: Arc<Config>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) status: Arc<Status>,
    pub(super) instances: Arc<Instances>,
}

impl PipelineView for View {
    fn pipeline(&self) -> PipelineStatus {
        let partitions = self.status.partitions.all();
        let ready = self.ready();
        let stopping = self.status.stop_asked().is_some();
        PipelineStatus {
            name: self.config.pipeline.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: if stopping { InstanceState::Stopping } else { InstanceState::Running },
            ready: ready.is_ok(),
            not_ready: ready.err().unwrap_or_default(),
            missing: missing(&self.config, self.has_rule(), &self.status),
            last_checkpoint_age_ms: self.status.partitions.last_checkpoint_age().map(|age| age.as_millis() as u64),
            uptime_seconds: self.status.uptime(),
            workers: u32::try_from(self.status.members.workers()).unwrap_or(u32::MAX),
            revision: self.catalog.live().revision.0,
            dependencies: self.dependencies(),
            partitions: partitions.into_iter().map(|(partition, status)| partition_view(partition, status)).collect(),
            conditions: self.conditions(),
        }
    }

    fn instances(&self) -> Arc<InstancesView> {
        self.instances.view()
    }

    fn history(&self) -> HistoryView {
        HistoryView {
            every_ms: History::EVERY.as_millis() as u64,
            samples: self.status.history.samples().into_iter().map(sample_view).collect(),
            changes: self.status.history.changes().into_iter().map(change_view).collect(),
            checkpoints: self.status.checkpoints.last().into_iter().map(checkpoint_view).collect(),
        }
    }

    fn dependencies(&self) -> Vec<DependencyView> {
        let lookups = self.config.lookup.keys();
        let lookups = lookups.map(|name| (format!("lookup.{name}"), Dependency::Lookup(name.clone())));
        let all = [("kafka".to_owned(), Dependency::Kafka), ("database".to_owned(), Dependency::Database)];
        all.into_iter()
            .chain(lookups)
            .map(|(name, of)| dependency_view(name, self.status.dependencies.of(&of)))
            .collect()
    }

    fn ready(&self) -> Result<Vec<String>, Vec<String>> {
        let waiting = self.status.waits.all();
        let mut reasons: Vec<_> =
            waiting.into_iter().map(|(worker, waiting)| waiting.text(worker, &self.config)).collect();
        let database = self.status.dependencies.of(&Dependency::Database);
        reasons.extend(database.as_ref().and_then(DependencyStatus::away).map(|(long, why)| {
            let seconds = long.as_secs();
            format!("the store of [sink] does not answer for {seconds} s: {why}; start it, or correct sink.url")
        }));
        let (group, workers) = (&self.config.source.group, self.status.members.workers());
        reasons.extend(self.status.members.outside().into_iter().map(|(worker, outside)| {
            let (seconds, why) = (outside.since.elapsed().as_secs(), outside.why.map(|why| format!(" ({why})")));
            format!(
                "worker {worker} of {workers} (counted from 0) is not a member of the group {group:?} for {seconds} s{}",
                why.unwrap_or_default()
            )
        }));
        for (partition, status) in self.status.partitions.all() {
            if status.is_being_claimed() {
                reasons.push(format!("partition {partition}: its position is being asked of the store and the group"));
            }
            reasons.extend(status.error.map(|why| format!("partition {partition}: {why}")));
        }
        let (hindering, warnings): (Vec<_>, Vec<_>) =
            self.conditions().into_iter().partition(|condition| condition.severity == Severity::NotReady);
        reasons.extend(hindering.into_iter().map(|condition| condition.message));
        match reasons.is_empty() {
            true => Ok(warnings.into_iter().map(|condition| condition.message).collect()),
            false => Err(reasons),
        }
    }
}

impl View {
    fn has_rule(&self) -> bool {
        self.catalog.live().rules.iter().any(|rule| rule.mode == Mode::Live && rule.suspended.is_none())
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut all = self.status.conditions.all();
        all.extend(self.catalog.conditions().all());
        all
    }
}

fn dependency_view(name: String, status: Option<DependencyStatus>) -> DependencyView {
    let up = status.as_ref().is_none_or(|status| status.up);
    DependencyView {
        name,
        state: if up { DependencyState::Up } else { DependencyState::Away },
        since: status.as_ref().map(|status| to_rfc3339(status.since)),
        last_error: status
            .and_then(|status| status.last_error)
            .map(|(at, message)| ErrorView { at: to_rfc3339(at), message }),
    }
}

fn partition_view(partition: Partition, status: status::PartitionStatus) -> PartitionStatus {
    PartitionStatus {
        partition: partition.0,
        worker: u32::try_from(status.worker).unwrap_or(u32::MAX),
        position: status.committed,
        lag: status.lag(),
        watermark: status.watermark.map(to_rfc3339),
        state: partition_state(&status),
        error: status.error,
    }
}

fn sample_view(Sample { at, records, letters, flagged, lag, oldest_ms }: Sample) -> SampleView {
    SampleView { at: to_rfc3339(at), records, letters, flagged, lag, oldest_ms }
}

fn change_view(Change { at, kind, text, rules }: Change) -> ChangeView {
    let kind = match kind {
        ChangeKind::Instance => ChangeKindView::Instance,
        ChangeKind::Rules => ChangeKindView::Rules,
        ChangeKind::Partitions => ChangeKindView::Partitions,
        ChangeKind::Service => ChangeKindView::Service,
        ChangeKind::Condition => ChangeKindView::Condition,
    };
    let rules = rules.map(|status::RulesChange { who, reason, rule, action, revision }| RulesChangeView {
        who,
        reason,
        rule,
        action,
        revision,
    });
    ChangeView { at: to_rfc3339(at), kind, text, rules }
}

fn checkpoint_view(ended: EndedCheckpoint) -> CheckpointView {
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    CheckpointView {
        id: ended.id,
        at: to_rfc3339(ended.at),
        worker: u32::try_from(ended.worker).unwrap_or(u32::MAX),
        outcome: ended.outcome.to_owned(),
        took_us: micros(ended.took),
        clear_us: micros(ended.clear),
        offsets_us: micros(ended.group_offsets),
        database_us: micros(ended.database),
        kafka_us: micros(ended.kafka),
        partitions: u32::try_from(ended.partitions).unwrap_or(u32::MAX),
        offsets: ended.offsets,
    }
}
