//! "Now": what the pipeline does at this moment, the worst first. From memory alone.

use std::cmp::Reverse;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::pipeline_api;
use super::super::views::{DependencyState, InstanceState, PartitionState, PartitionStatus, PipelineStatus};
use super::number::{NOT_KNOWN, grouped};
use super::page::{Frame, page};
use crate::conditions::Severity;

/// Partitions that the page lists; the others are counted.
const LISTED: usize = 100;

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    status: PipelineStatus,
    /// Records that are not judged yet, of all partitions of which that is known.
    lag: String,
    /// What an operator has to look at, what keeps the pipeline from working first.
    conditions: Vec<Line>,
    /// Services that the configuration names.
    services: Vec<Service>,
    /// The worst of the partitions, worst first.
    partitions: Vec<Row>,
    /// Partitions that are not listed.
    more: usize,
}

/// A condition, or a reason why the pipeline is not ready.
struct Line {
    class: &'static str,
    /// Empty: a reason without a code.
    code: &'static str,
    message: String,
}

struct Service {
    name: String,
    is_up: bool,
    since: String,
    error: String,
}

/// A partition, as the table has it.
struct Row {
    partition: i32,
    worker: u32,
    state: &'static str,
    class: &'static str,
    position: String,
    lag: String,
    watermark: String,
    error: String,
}

/// The page.
pub(super) async fn show(State(state): State<AdminState>, Extension(who): Extension<Principal>) -> Response {
    page(StatusCode::OK, &Now::new(Frame::new(&state, &who, "now"), pipeline_api::status(&state)))
}

impl Now {
    fn new(frame: Frame, mut status: PipelineStatus) -> Self {
        let mut partitions = std::mem::take(&mut status.partitions);
        let known: Vec<i64> = partitions.iter().filter_map(|partition| partition.lag).collect();
        let lag = if known.is_empty() { NOT_KNOWN.to_owned() } else { grouped(known.iter().sum()) };
        partitions.sort_by_key(|partition| (rank(partition.state), Reverse(partition.lag), partition.partition));
        let more = partitions.len().saturating_sub(LISTED);
        let partitions = partitions.into_iter().take(LISTED).map(Row::from).collect();
        let (conditions, services) = (lines(&mut status), services(&mut status));
        Self { frame, status, lag, conditions, services, partitions, more }
    }

    /// What it does, in a word.
    fn does(&self) -> &'static str {
        match (self.status.state, self.status.ready) {
            (InstanceState::Stopping, _) => "stopping",
            (InstanceState::Running, true) => "running",
            (InstanceState::Running, false) => "not ready",
        }
    }

    /// How the word of [`Now::does`] looks.
    fn class(&self) -> &'static str {
        if self.status.ready { "good" } else { "bad" }
    }

    /// The age of the last checkpoint, in seconds.
    fn last_checkpoint(&self) -> String {
        let age = self.status.last_checkpoint_age_ms;
        age.map_or_else(|| "none yet".to_owned(), |ms| format!("{}.{} s ago", ms / 1_000, ms % 1_000 / 100))
    }
}

/// Conditions with their codes, then the reasons of `not_ready` that no condition gave.
fn lines(status: &mut PipelineStatus) -> Vec<Line> {
    let mut conditions = std::mem::take(&mut status.conditions);
    conditions.sort_by_key(|condition| Reverse(condition.severity));
    let reasons = std::mem::take(&mut status.not_ready);
    let told = |reason: &String| conditions.iter().any(|condition| condition.message == *reason);
    let reasons: Vec<_> = reasons.into_iter().filter(|reason| !told(reason)).collect();
    let reasons = reasons.into_iter().map(|message| Line { class: "bad", code: "", message });
    let line = |condition: crate::conditions::Condition| Line {
        class: if condition.severity == Severity::NotReady { "bad" } else { "warn" },
        code: condition.code,
        message: condition.message,
    };
    reasons.chain(conditions.into_iter().map(line)).collect()
}

fn services(status: &mut PipelineStatus) -> Vec<Service> {
    let service = |dependency: super::super::views::DependencyView| Service {
        name: dependency.name,
        is_up: dependency.state == DependencyState::Up,
        since: dependency.since.unwrap_or_else(|| "the start".to_owned()),
        error: dependency.last_error.map(|error| format!("{}: {}", error.at, error.message)).unwrap_or_default(),
    };
    std::mem::take(&mut status.dependencies).into_iter().map(service).collect()
}

impl From<PartitionStatus> for Row {
    fn from(partition: PartitionStatus) -> Self {
        let number = |number: Option<i64>| number.map_or_else(|| NOT_KNOWN.to_owned(), grouped);
        let (state, class) = match partition.state {
            PartitionState::Stopped => ("stopped", "bad"),
            PartitionState::Taking => ("taking", "warn"),
            PartitionState::Paused => ("paused", "warn"),
            PartitionState::Running => ("running", "good"),
        };
        Self {
            partition: partition.partition,
            worker: partition.worker,
            state,
            class,
            position: number(partition.position),
            lag: number(partition.lag),
            watermark: partition.watermark.unwrap_or_else(|| NOT_KNOWN.to_owned()),
            error: partition.error.unwrap_or_default(),
        }
    }
}

/// What an operator has to see first.
fn rank(state: PartitionState) -> u8 {
    match state {
        PartitionState::Stopped => 0,
        PartitionState::Taking => 1,
        PartitionState::Paused => 2,
        PartitionState::Running => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_partitions_the_worst_are_listed_and_all_are_summed() {
        let partition = |partition: i32, state, lag| PartitionStatus {
            partition,
            worker: 0,
            position: Some(1),
            lag,
            watermark: None,
            state,
            error: None,
        };
        let mut partitions: Vec<_> =
            (0..998).map(|number| partition(number, PartitionState::Running, Some(i64::from(number)))).collect();
        partitions.push(partition(998, PartitionState::Running, None));
        partitions.push(partition(999, PartitionState::Stopped, None));
        let status = PipelineStatus {
            name: "fraud".into(),
            version: "0.1.0".into(),
            state: InstanceState::Running,
            uptime_seconds: 1,
            workers: 1,
            ready: true,
            not_ready: Vec::new(),
            last_checkpoint_age_ms: Some(1_250),
            revision: 1,
            dependencies: Vec::new(),
            partitions,
            conditions: Vec::new(),
        };
        let now = Now::new(Frame::default(), status);
        let listed: Vec<_> = now.partitions.iter().map(|row| row.partition).collect();
        assert_eq!((listed[..3].to_vec(), listed.len(), now.more), (vec![999, 997, 996], 100, 900));
        assert_eq!((now.lag.as_str(), now.last_checkpoint().as_str()), ("497,503", "1.2 s ago"));
    }
}
