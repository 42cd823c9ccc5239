//! What an instance says of itself: figures of the workers, the partitions and the rules, bounded to what its row may hold.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::admin::problem::redact;
use crate::admin::views::{
    DependencyView, InstanceReport, PartitionFigures, PartitionState, PipelineStatus, RatesView, RuleFigures,
};
use crate::model::ids::Partition;
use crate::model::instance::Beat;
use crate::model::time::to_rfc3339;
use crate::rules::{Catalog, LiveRule, LiveSet, RuleStats};
use crate::status::{PartitionStatus, PerSecond, Rates, Status, Totals, Trend, oldest_ms};

/// Reasons why an instance is not ready that it tells the others.
const REASONS: usize = 5;
/// Characters of a text.
const TEXT: usize = 300;
/// Bytes for the numbers of what is left out.
const COUNTS: usize = 64;

/// Looks at the instance every few seconds, and remembers what a rate, a trend and a beginning need.
pub(super) struct Reporter {
    status: Arc<Status>,
    catalog: Arc<Catalog>,
    rates: Rates,
    trends: BTreeMap<Partition, Trend>,
    /// Since when each rule's figures are counted, in epoch milliseconds.
    since: Vec<(Arc<RuleStats>, i64)>,
}

impl Reporter {
    pub(super) fn new(status: Arc<Status>, catalog: Arc<Catalog>) -> Self {
        Self { status, catalog, rates: Rates::default(), trends: BTreeMap::new(), since: Vec::new() }
    }

    /// `pipeline`: what GET /pipeline answers; `now`: epoch milliseconds, and the same on the monotonic clock.
    pub(super) fn report(&mut self, pipeline: &PipelineStatus, now: i64, at: Instant) -> InstanceReport {
        let totals @ Totals { records, letters, flagged } = self.status.partitions.totals();
        let rates = self.rates.note(at, totals);
        let set = self.catalog.live();
        let mut dependencies = pipeline.dependencies.clone();
        dependencies.iter_mut().for_each(shorten);
        InstanceReport {
            workers: pipeline.workers,
            ready: pipeline.ready,
            not_ready: pipeline.not_ready.iter().take(REASONS).map(|reason| text(reason)).collect(),
            revision: pipeline.revision,
            records,
            letters,
            flagged,
            rates: rates_view(rates),
            dependencies,
            rules: self.rules(&set, now),
            partitions: self.partitions(now),
            ..InstanceReport::default()
        }
    }

    fn partitions(&mut self, now: i64) -> Vec<PartitionFigures> {
        let all = self.status.partitions.all();
        self.trends.retain(|partition, _| all.contains_key(partition));
        let mut change = |partition: Partition, lag: Option<i64>| {
            let lag = lag?;
            self.trends.entry(partition).or_insert_with(|| Trend::new(now, lag)).note(now, lag)
        };
        all.iter()
            .map(|(partition, status)| figures(*partition, status, now, change(*partition, status.lag())))
            .collect()
    }

    fn rules(&mut self, set: &LiveSet, now: i64) -> Vec<RuleFigures> {
        // A rule keeps its figures from set to set; those that are new came with the set, or the process.
        let in_force_at = now - i64::try_from(set.in_force.elapsed().as_millis()).unwrap_or_default();
        let known = std::mem::take(&mut self.since);
        let since = |rule: &Arc<LiveRule>| {
            let known = known.iter().find(|(stats, _)| Arc::ptr_eq(stats, &rule.stats));
            (rule.stats.clone(), known.map_or(in_force_at, |(_, since)| *since))
        };
        self.since = set.rules.iter().map(since).collect();
        set.rules.iter().zip(&self.since).map(|(rule, (_, since))| rule_figures(rule, *since)).collect()
    }
}

fn figures(partition: Partition, status: &PartitionStatus, now: i64, change: Option<i64>) -> PartitionFigures {
    PartitionFigures {
        partition: partition.0,
        worker: u32::try_from(status.worker).unwrap_or(u32::MAX),
        state: partition_state(status),
        epoch: status.epoch,
        judged: status.judged.or(status.committed),
        committed: status.committed,
        lag: status.lag(),
        oldest_ms: oldest_ms(status, now),
        change_per_second: change,
        watermark: status.watermark.map(to_rfc3339),
        error: status.error.as_deref().map(text),
    }
}

/// What is done with a partition.
pub(in crate::pipeline) fn partition_state(status: &PartitionStatus) -> PartitionState {
    match (&status.error, status.judged.or(status.committed)) {
        (Some(_), _) => PartitionState::Stopped,
        (None, Some(_)) => PartitionState::Running,
        (None, None) => PartitionState::Taking,
    }
}

fn rule_figures(rule: &LiveRule, since: i64) -> RuleFigures {
    let by_code = |figure: &Mutex<BTreeMap<String, u64>>| figure.lock().unwrap_or_else(PoisonError::into_inner).clone();
    RuleFigures {
        name: rule.manifest.name.clone(),
        sha256: rule.id.sha256.to_string(),
        since: to_rfc3339(since),
        records: rule.stats.rows.load(Ordering::Relaxed),
        nanos: rule.stats.nanos.load(Ordering::Relaxed),
        hits: by_code(&rule.stats.hits),
        failures: by_code(&rule.stats.failures),
        skipped: rule.stats.skipped.load(Ordering::Relaxed),
    }
}

fn rates_view(PerSecond { records, letters, flagged }: PerSecond) -> RatesView {
    RatesView { records, letters, flagged }
}

fn shorten(dependency: &mut DependencyView) {
    if let Some(error) = &mut dependency.last_error {
        error.message = text(&error.message);
    }
}

/// Without what may hold a password, and of a bounded length.
fn text(whole: &str) -> String {
    let clean = redact(whole);
    match clean.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// The report as JSON of at most [`Beat::STATE`] bytes. Where it is larger, partitions that are furthest behind and the first rules
/// stay, and the others are counted.
pub(super) fn state(report: &InstanceReport) -> String {
    let whole = json(report);
    if whole.len() <= Beat::STATE {
        return whole;
    }
    let mut report = report.clone();
    let (mut partitions, rules) = (std::mem::take(&mut report.partitions), std::mem::take(&mut report.rules));
    partitions.sort_by_key(|figures| (figures.state == PartitionState::Running, -figures.lag.unwrap_or(i64::MAX)));
    let room = Beat::STATE.saturating_sub(json(&report).len() + COUNTS);
    // Rules have a quarter at least, and what partitions leave.
    let (all, left) = (partitions.len(), rules.len());
    let used = fill(&mut report.partitions, partitions, room - room / 4);
    fill(&mut report.rules, rules, room - used);
    report.partitions_left_out = u32::try_from(all - report.partitions.len()).unwrap_or(u32::MAX);
    report.rules_left_out = u32::try_from(left - report.rules.len()).unwrap_or(u32::MAX);
    report.partitions.sort_by_key(|figures| figures.partition);
    json(&report)
}

/// Moves what has room, the first first, and says how many bytes it takes.
fn fill<T: serde::Serialize>(list: &mut Vec<T>, from: Vec<T>, room: usize) -> usize {
    let mut used = 0;
    for one in from {
        let length = json(&one).len() + 1;
        if used + length > room {
            break;
        }
        used += length;
        list.push(one);
    }
    used
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("numbers, texts and maps with text keys always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a running pipeline fills it: every figure is there.
    fn partition(number: i32, state: PartitionState, lag: i64) -> PartitionFigures {
        let offset = 1_000_000_000;
        let status = PartitionStatus {
            worker: 63,
            judged: Some(offset),
            committed: Some(offset),
            epoch: Some(123_456),
            end: Some(offset + lag),
            judged_at: Some(-123_456),
            watermark: Some(1_700_000_000_123),
            ..PartitionStatus::default()
        };
        PartitionFigures { state, ..figures(Partition(number), &status, 0, Some(-1_000)) }
    }

    fn rule(number: usize) -> RuleFigures {
        RuleFigures {
            name: format!("rule_{number}"),
            sha256: "0".repeat(64),
            since: to_rfc3339(1_700_000_000_123),
            records: 1_000_000_000,
            nanos: 1_000_000_000_000,
            hits: [("AMOUNT_ABOVE_LIMIT".to_owned(), 1_000_000)].into(),
            ..RuleFigures::default()
        }
    }

    #[test]
    fn a_row_holds_a_thousand_partitions_and_two_hundred_rules_whole() {
        let report = InstanceReport {
            rules: (0..200).map(rule).collect(),
            partitions: (0..1_000).map(|number| partition(number, PartitionState::Running, 5)).collect(),
            ..InstanceReport::default()
        };
        let text = state(&report);
        assert_eq!(serde_json::from_str::<InstanceReport>(&text).expect("its own words"), report, "{}", text.len());
    }

    #[test]
    fn what_has_no_room_is_counted_and_the_worst_partitions_stay() {
        let mut partitions: Vec<_> =
            (0..5_000).map(|number| partition(number, PartitionState::Running, i64::from(number))).collect();
        partitions[7].state = PartitionState::Stopped;
        let report = InstanceReport { rules: (0..3_000).map(rule).collect(), partitions, ..InstanceReport::default() };
        let text = state(&report);
        assert!(text.len() <= Beat::STATE && text.len() > Beat::STATE * 9 / 10, "{} bytes", text.len());
        let told: InstanceReport = serde_json::from_str(&text).expect("its own words");
        assert_eq!(told.partitions.len() + told.partitions_left_out as usize, 5_000);
        assert_eq!(told.rules.len() + told.rules_left_out as usize, 3_000);
        assert!(told.partitions.len() > 500 && told.rules.len() > 200, "both have room");
        let numbers: Vec<_> = told.partitions.iter().map(|figures| figures.partition).collect();
        assert!(numbers.is_sorted() && numbers[0] == 7 && numbers.ends_with(&[4_999]), "{:?}", &numbers[..3]);
    }

    #[test]
    fn what_another_version_says_more_or_less_is_no_error() {
        let other: InstanceReport = serde_json::from_str(r#"{"workers":3,"mood":"fine"}"#).expect("it is lenient");
        assert_eq!((other.workers, other.partitions.len()), (3, 0));
    }

    #[test]
    fn a_text_has_no_password_and_a_bounded_length() {
        let long = format!("mysql://weir:s3cret@db/risk {}", "é".repeat(1_000));
        let short = text(&long);
        assert!(!short.contains("s3cret") && short.chars().count() == TEXT + 1, "{short}");
    }
}
