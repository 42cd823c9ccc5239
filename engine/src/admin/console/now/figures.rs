//! The figures at the head of the page, in words: how far behind, whether that passes, how much, and of how many processes.

use super::super::number::{NOT_KNOWN, grouped};
use super::super::span::{millis, span};
use crate::admin::views::{
    CheckpointView, HistoryView, InstanceState, InstancesView, LagView, PartitionState, PipelineStatus,
};

/// Younger than this the oldest record that is not judged is no backlog, in milliseconds: the ends of the logs are asked for every
/// 5 s.
const KEEPS_UP_MS: i64 = 5_000;

/// See the module.
pub(super) struct Figures {
    /// What the pipeline does, and how the word looks.
    pub(super) state: String,
    pub(super) class: &'static str,
    /// Age of the oldest record that is not judged.
    pub(super) oldest: String,
    /// Its partition; empty: there is none.
    pub(super) oldest_in: String,
    /// Records that are not judged.
    pub(super) lag: String,
    /// Of how many partitions that is not known; empty: of none.
    pub(super) unknown: String,
    /// How that goes on.
    pub(super) trend: String,
    /// Records a second.
    pub(super) records: String,
    /// Share of dead letters, and how many a second.
    pub(super) letters: String,
    /// Share of flagged records, and how many a second.
    pub(super) flagged: String,
    /// Age of the last checkpoint of this instance, and how long its transactions took.
    pub(super) checkpoint: String,
    pub(super) checkpoint_took: String,
    /// Revisions that are in force.
    pub(super) revision: String,
    /// What the figures are about.
    pub(super) about: String,
}

impl Figures {
    pub(super) fn new(status: &PipelineStatus, seen: &InstancesView, history: &HistoryView) -> Self {
        let (state, class) = state(status, seen);
        let LagView { records, oldest_ms, oldest_in, .. } = seen.lag;
        let rates = seen.rates;
        Self {
            state,
            class,
            oldest: oldest_ms
                .map_or_else(|| NOT_KNOWN.to_owned(), |ms| if ms == 0 { "none".to_owned() } else { span(ms) }),
            oldest_in: oldest_in.map(|partition| format!("partition {partition}")).unwrap_or_default(),
            lag: records.map_or_else(|| NOT_KNOWN.to_owned(), grouped),
            unknown: unknown(seen.lag.unknown_partitions),
            trend: trend(&seen.lag),
            records: per_second(rates.records),
            letters: share(rates.letters, rates.records),
            flagged: share(rates.flagged, rates.records),
            checkpoint: checkpoint_age(status),
            checkpoint_took: history.checkpoints.last().map(took).unwrap_or_default(),
            revision: revisions(status, seen),
            about: about(seen),
        }
    }
}

/// What the pipeline does as a whole.
fn state(status: &PipelineStatus, seen: &InstancesView) -> (String, &'static str) {
    let unowned = seen.partitions.iter().filter(|of| of.figures.state == PartitionState::Unowned).count();
    let others = seen.instances.iter().filter(|of| of.is_heard && !of.is_this);
    let reports = others.filter_map(|of| of.report.as_ref());
    let (ready, all) = reports
        .fold((usize::from(status.ready), 1), |(ready, all), report| (ready + usize::from(report.ready), all + 1));
    match status.state {
        InstanceState::Stopping => ("this instance stops".to_owned(), "warn"),
        InstanceState::Running if ready < all && all == 1 => ("not ready".to_owned(), "bad"),
        InstanceState::Running if ready < all => (format!("{} of {all} instances not ready", all - ready), "bad"),
        InstanceState::Running if unowned == 1 => ("1 partition without an instance".to_owned(), "bad"),
        InstanceState::Running if unowned > 1 => (format!("{unowned} partitions without an instance"), "bad"),
        InstanceState::Running if all == 1 => ("running".to_owned(), "good"),
        InstanceState::Running => (format!("running on {all} instances"), "good"),
    }
}

fn unknown(partitions: u32) -> String {
    match partitions {
        0 => String::new(),
        1 => "1 partition not known".to_owned(),
        many => format!("{many} partitions not known"),
    }
}

/// Whether the lag passes, and when.
fn trend(lag: &LagView) -> String {
    match (lag.records, lag.oldest_ms, lag.clears_in_seconds, lag.change_per_second) {
        (None, ..) => "not known yet".to_owned(),
        (Some(0), ..) => "nothing is behind".to_owned(),
        (_, Some(ms), ..) if ms <= KEEPS_UP_MS => "keeps up".to_owned(),
        (_, _, Some(seconds), _) => {
            format!("falls; clears in {}", span(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)))
        }
        (.., None, Some(change)) if change > 0 => format!("grows by {} a second", grouped(change)),
        (.., None, Some(_)) => "does not clear as it goes on now".to_owned(),
        (.., None, None) => "not known yet".to_owned(),
    }
}

/// `1,234`, and tenths of few.
pub(super) fn per_second(rate: f64) -> String {
    // A rate beyond 2⁶³ is none.
    if rate < 100.0 { format!("{rate:.1}") } else { grouped(rate.round() as i64) }
}

/// `0.92 %, 12.3 a second`
fn share(part: f64, of: f64) -> String {
    if of <= 0.0 {
        return NOT_KNOWN.to_owned();
    }
    format!("{:.2} %, {} a second", part / of * 100.0, per_second(part))
}

fn checkpoint_age(status: &PipelineStatus) -> String {
    let age = status.last_checkpoint_age_ms.map(|ms| span(i64::try_from(ms).unwrap_or(i64::MAX)));
    age.map_or_else(|| "none yet".to_owned(), |age| format!("{age} ago"))
}

fn took(checkpoint: &CheckpointView) -> String {
    format!("database {}, Kafka {}", millis(checkpoint.database_us), millis(checkpoint.kafka_us))
}

/// Of all instances: for a moment after a change they differ.
fn revisions(status: &PipelineStatus, seen: &InstancesView) -> String {
    let others = seen.instances.iter().filter(|of| !of.is_this).filter_map(|of| of.report.as_ref());
    let all: std::collections::BTreeSet<u64> = others.map(|report| report.revision).chain([status.revision]).collect();
    let all: Vec<_> = all.iter().map(u64::to_string).collect();
    format!("revision {}", all.join(" and "))
}

fn about(seen: &InstancesView) -> String {
    let heard = seen.instances.iter().filter(|of| of.is_heard).count();
    match &seen.alone {
        Some(alone) => format!(
            "The database does not say who else there is, since {}: {}. What follows is about this instance alone, from its memory.",
            alone.since, alone.why
        ),
        None if heard <= 1 => "Of the one instance that there is, as of 2 s ago at most.".to_owned(),
        None => format!("Rates and lag are sums over the {heard} instances that are heard of, as of 4 s ago at most."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_told_with_how_it_goes_on() {
        let lag = |records, oldest_ms, clears_in_seconds, change_per_second| LagView {
            records,
            oldest_ms,
            clears_in_seconds,
            change_per_second,
            ..LagView::default()
        };
        for (lag, wanted) in [
            (lag(None, None, None, None), "not known yet"),
            (lag(Some(0), Some(0), None, Some(0)), "nothing is behind"),
            (lag(Some(90), Some(4_000), None, Some(9)), "keeps up"),
            (lag(Some(90_000), Some(40_000), Some(200), Some(-450)), "falls; clears in 3 min"),
            (lag(Some(90_000), Some(40_000), None, Some(1_450)), "grows by 1,450 a second"),
            (lag(Some(90_000), Some(40_000), None, Some(-10)), "does not clear as it goes on now"),
            (lag(Some(90_000), None, None, None), "not known yet"),
        ] {
            assert_eq!(trend(&lag), wanted, "{lag:?}");
        }
    }

    #[test]
    fn a_share_is_told_with_its_rate_and_of_nothing_there_is_none() {
        assert_eq!(share(0.3, 40.0), "0.75 %, 0.3 a second");
        assert_eq!(share(1_500.0, 1_000_000.0), "0.15 %, 1,500 a second");
        assert_eq!(share(0.0, 0.0), NOT_KNOWN);
    }
}
