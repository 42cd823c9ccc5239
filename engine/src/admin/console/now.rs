//! "Now": what the pipeline does at this moment and did in the last 15 minutes, over all its instances, the worst first. From memory
//! alone: what the database says of the others is read every 2 s, whether somebody looks or not (`pipeline/instances/`).

mod checkpoints;
mod figures;
mod minutes;
mod partitions;

use std::cmp::Reverse;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::Params;
use super::super::pipeline_api;
use super::super::problem::Problem;
use super::super::views::{DependencyState, HistoryView, InstanceView, InstancesView, MissingView, PipelineStatus};
use super::moment::{Moment, to_the_second};
use super::number::{NOT_KNOWN, grouped};
use super::page::{Frame, page};
use super::span::span;
use crate::clock::now_ms;
use crate::conditions::Severity;
use checkpoints::Strip;
use figures::{Figures, per_second};
use minutes::Minutes;
use partitions::Partitions;

/// Characters of an instance's id that are shown.
const ID: usize = 8;
/// Instances that are listed, those heard of last.
const INSTANCES: usize = 50;

/// What is asked of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    /// Page of the partitions, from 1.
    page: Option<usize>,
    /// The checkpoint to show in detail, whatever comes after it.
    pin: Option<u64>,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    figures: Figures,
    /// What the first record takes and is not there.
    missing: Vec<MissingView>,
    /// What an operator has to look at, what keeps the pipeline from working first.
    conditions: Vec<Line>,
    minutes: Minutes,
    checkpoints: Strip,
    /// Services that the configuration names, as this instance finds them.
    services: Vec<Service>,
    instances: Vec<InstanceRow>,
    /// Instances that are not listed.
    more_instances: usize,
    partitions: Partitions,
    asked: Asked,
}

/// A condition, or a reason why an instance is not ready.
struct Line {
    class: &'static str,
    /// Empty: a reason without a code.
    code: &'static str,
    message: String,
}

struct Service {
    name: String,
    is_up: bool,
    since: Moment,
    error: String,
}

/// An instance, as the table has it.
struct InstanceRow {
    id: String,
    address: String,
    version: String,
    started: String,
    heard: String,
    state: &'static str,
    class: &'static str,
    records: String,
    partitions: String,
    revision: String,
    /// Services that do not answer it.
    away: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let (status, seen) = (pipeline_api::status(&state), state.pipeline.instances());
    let history = state.pipeline.history();
    Ok(page(StatusCode::OK, &Now::new(Frame::new(&state, &who, "now"), asked, status, &seen, &history)))
}

impl Now {
    fn new(
        frame: Frame,
        asked: Asked,
        mut status: PipelineStatus,
        seen: &InstancesView,
        history: &HistoryView,
    ) -> Self {
        let (figures, now) = (Figures::new(&status, seen, history), now_ms());
        // Where another instance judges, nothing is missing.
        let judges = seen.instances.iter().filter_map(|of| of.report.as_ref()).any(|report| report.records > 0);
        let missing = if judges { Vec::new() } else { std::mem::take(&mut status.missing) };
        Self {
            frame,
            figures,
            missing,
            conditions: lines(&mut status, seen),
            minutes: Minutes::new(history, now),
            checkpoints: Strip::new(history, asked.pin),
            services: services(&mut status),
            instances: seen.instances.iter().take(INSTANCES).map(|of| InstanceRow::new(of, now)).collect(),
            more_instances: seen.instances.len().saturating_sub(INSTANCES),
            partitions: Partitions::new(seen, asked.page.unwrap_or(1)),
            asked,
        }
    }

    /// The address of this page with another page of partitions or another checkpoint pinned.
    fn address(&self, page: Option<usize>, pin: Option<u64>) -> String {
        let page = page.filter(|page| *page > 1).map(|page| format!("page={page}"));
        let pin = pin.map(|pin| format!("pin={pin}"));
        let query: Vec<_> = [page, pin].into_iter().flatten().collect();
        if query.is_empty() { super::HOME.to_owned() } else { format!("{}?{}", super::HOME, query.join("&")) }
    }

    /// With this checkpoint pinned.
    fn pinned(&self, pin: &u64) -> String {
        self.address(self.asked.page, Some(*pin))
    }

    /// With the newest checkpoint, whichever it is.
    fn following(&self) -> String {
        self.address(self.asked.page, None)
    }

    /// With this page of partitions.
    fn paged(&self, page: usize) -> String {
        self.address(Some(page), self.asked.pin)
    }
}

/// Conditions with their codes, then reasons that no condition gave, of the other instances too.
fn lines(status: &mut PipelineStatus, seen: &InstancesView) -> Vec<Line> {
    let mut conditions = std::mem::take(&mut status.conditions);
    conditions.sort_by_key(|condition| Reverse(condition.severity));
    let reasons = std::mem::take(&mut status.not_ready);
    let told = |reason: &String| conditions.iter().any(|condition| condition.message == *reason);
    let reasons: Vec<_> = reasons.into_iter().filter(|reason| !told(reason)).collect();
    let others = seen.instances.iter().filter(|of| !of.is_this).filter_map(|of| Some((of, of.report.as_ref()?)));
    let of_others = others
        .filter(|(_, report)| !report.ready)
        .flat_map(|(of, report)| report.not_ready.iter().map(|reason| format!("instance {}: {reason}", short(&of.id))));
    let reasons = reasons.into_iter().chain(of_others).map(|message| Line { class: "bad", code: "", message });
    let reasons: Vec<_> = reasons.collect();
    let line = |condition: crate::conditions::Condition| Line {
        class: if condition.severity == Severity::NotReady { "bad" } else { "warn" },
        code: condition.code,
        message: condition.message,
    };
    reasons.into_iter().chain(conditions.into_iter().map(line)).collect()
}

fn services(status: &mut PipelineStatus) -> Vec<Service> {
    let service = |dependency: super::super::views::DependencyView| Service {
        name: dependency.name,
        is_up: dependency.state == DependencyState::Up,
        since: Moment::new(dependency.since.as_deref().unwrap_or("the start")),
        error: dependency
            .last_error
            .map(|error| format!("{}: {}", to_the_second(&error.at), error.message))
            .unwrap_or_default(),
    };
    std::mem::take(&mut status.dependencies).into_iter().map(service).collect()
}

impl InstanceRow {
    fn new(of: &InstanceView, now: i64) -> Self {
        let report = of.report.as_ref();
        let known = |text: Option<String>| text.unwrap_or_else(|| NOT_KNOWN.to_owned());
        let (state, class) = match report {
            _ if !of.is_heard => ("not heard of", "warn"),
            None => ("says it in other words", "warn"),
            Some(report) if report.ready => ("ready", "good"),
            Some(_) => ("not ready", "bad"),
        };
        let started = chrono::DateTime::parse_from_rfc3339(&of.started_at).ok().map(|at| at.timestamp_millis());
        let heard = span(i64::try_from(of.heard_ms_ago).unwrap_or(i64::MAX));
        let away = report.map(|report| {
            let away = report.dependencies.iter().filter(|service| service.state == DependencyState::Away);
            away.map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ")
        });
        Self {
            id: short(&of.id).to_owned(),
            // It is read, not followed: another instance's cookie is its own.
            address: of.address.split_once("://").map_or(of.address.as_str(), |(_, rest)| rest).to_owned(),
            version: of.version.clone(),
            started: known(started.map(|at| format!("{} ago", span(now - at)))),
            heard: if of.is_this { "this one".to_owned() } else { format!("{heard} ago") },
            state,
            class,
            records: known(report.map(|report| per_second(report.rates.records))),
            partitions: known(report.map(|report| {
                grouped(
                    i64::try_from(report.partitions.len()).unwrap_or(i64::MAX) + i64::from(report.partitions_left_out),
                )
            })),
            revision: known(report.map(|report| report.revision.to_string())),
            away: away.unwrap_or_default(),
        }
    }
}

/// The first digits of an instance's id.
fn short(id: &str) -> &str {
    id.get(..ID).unwrap_or(id)
}

/// `12:03:04`, of a time in RFC 3339, UTC as all of them are. How long ago it was stands beside it where that may be a day or more.
fn clock_time(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').and_then(|(_, time)| time.get(..8));
    time.unwrap_or(rfc3339).to_owned()
}
