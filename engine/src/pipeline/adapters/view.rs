//! What `/pipeline` and `/readyz` say: the workers' status in the API's words, and why the pipeline is not ready.

use std::sync::Arc;

use crate::admin::ports::PipelineView;
use crate::admin::views::{
    DependencyState, DependencyView, ErrorView, InstanceState, PartitionState, PartitionStatus, PipelineStatus,
};
use crate::conditions::{Condition, Severity};
use crate::config::Config;
use crate::model::ids::Partition;
use crate::model::time::to_rfc3339;
use crate::rules::Catalog;
use crate::status::{self, Dependency, DependencyStatus, Status};

/// See the module.
pub(super) struct View {
    pub(super) config: Arc<Config>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) status: Arc<Status>,
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
            last_checkpoint_age_ms: self.status.partitions.last_checkpoint_age().map(|age| age.as_millis() as u64),
            uptime_seconds: self.status.uptime(),
            workers: u32::try_from(self.status.members.workers()).unwrap_or(u32::MAX),
            revision: self.catalog.live().revision.0,
            dependencies: self.dependencies(),
            partitions: partitions.into_iter().map(|(partition, status)| partition_view(partition, status)).collect(),
            conditions: self.conditions(),
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
        watermark: status.watermark.map(to_rfc3339),
        state,
        error: status.error,
    }
}
