//! A pipeline whose first partition is stopped and whose database is away.

use std::sync::Arc;

use weir::admin::ports::PipelineView;
use weir::admin::views::*;
use weir::conditions::{Condition, Severity};

use super::{instances, url};

pub(super) struct Pipeline {
    pub(super) not_ready: Vec<String>,
    pub(super) partitions: i32,
    pub(super) begun: bool,
    pub(super) alone: bool,
    /// Rules of which an instance says what it counted, where each row has figures of its own; None: rows are alike.
    pub(super) rules: Option<u32>,
}

impl PipelineView for Pipeline {
    fn pipeline(&self) -> PipelineStatus {
        let stopped = PartitionStatus {
            partition: 0,
            worker: 1,
            position: Some(12),
            lag: None,
            watermark: Some("2026-01-01T00:00:00.000Z".into()),
            state: PartitionState::Stopped,
            error: Some(url()),
        };
        let running = |partition| PartitionStatus {
            partition,
            lag: Some(partition.into()),
            state: PartitionState::Running,
            error: None,
            ..stopped.clone()
        };
        let others = (1..self.partitions).map(running);
        PipelineStatus {
            name: "fraud".into(),
            version: "0.1.0".into(),
            state: InstanceState::Running,
            uptime_seconds: 3,
            workers: 2,
            ready: self.not_ready.is_empty(),
            not_ready: [vec![url()], self.not_ready.clone()].concat(),
            missing: if self.begun { Vec::new() } else { vec![missing()] },
            last_checkpoint_age_ms: Some(300),
            revision: 4,
            dependencies: self.dependencies(),
            partitions: std::iter::once(stopped.clone()).chain(others).collect(),
            conditions: vec![hindering()],
        }
    }

    fn instances(&self) -> Arc<InstancesView> {
        let alone = AloneView { since: rfc3339(0), why: "no connection to db:3306 within 5s".into() };
        Arc::new(match self.begun {
            true => instances::instances(self.partitions, self.alone.then_some(alone), self.rules),
            false => InstancesView::default(),
        })
    }

    fn history(&self) -> HistoryView {
        if self.begun { instances::history() } else { HistoryView::default() }
    }

    fn dependencies(&self) -> Vec<DependencyView> {
        let up = |name: &str| DependencyView {
            name: name.into(),
            state: DependencyState::Up,
            since: None,
            last_error: None,
        };
        let error = ErrorView { at: "2026-01-01T00:00:00.000Z".into(), message: url() };
        let database = DependencyView { state: DependencyState::Away, last_error: Some(error), ..up("database") };
        vec![up("kafka"), database, up("lookup.customer")]
    }

    fn ready(&self) -> Result<Vec<String>, Vec<String>> {
        if self.not_ready.is_empty() { Ok(Vec::new()) } else { Err(self.not_ready.clone()) }
    }
}

/// The reason why the instance is not ready, with its code.
fn hindering() -> Condition {
    Condition { code: "admin.open", subject: String::new(), severity: Severity::NotReady, message: url() }
}

fn missing() -> MissingView {
    MissingView { what: "no rule is live".into(), command: "weir rules push RULE.wasm".into() }
}
