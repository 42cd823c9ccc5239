//! The last 15 minutes: charts of rates, shares and lag on one axis of time, and what changed, by the numbers that the charts have.

use chrono::DateTime;

use super::super::chart::{Chart, Plot, Series, Value};
use super::super::number::grouped;
use super::super::span::span;
use super::super::state::with_short_digests;
use super::clock_time;
use crate::admin::views::{ChangeKindView, ChangeView, HistoryView, SampleView};

/// Milliseconds between two points: what a rate is the mean of, so that nothing is between two points.
const APART_MS: i64 = 10_000;
/// Each n-th point is in the tables: a minute.
const IN_TABLE: usize = 6;
/// Changes that the charts number; more would hide the lines.
const NUMBERED: usize = 20;
/// Changes that are listed.
const LISTED: usize = 30;

/// See the module.
pub(super) struct Minutes {
    pub(super) charts: Vec<Chart>,
    /// Newest first.
    pub(super) changes: Vec<Row>,
    /// Changes that are not listed.
    pub(super) more: usize,
}

/// A change, as the list has it.
pub(super) struct Row {
    /// Its number on the charts; empty: it is not on them.
    pub(super) number: String,
    pub(super) at: String,
    pub(super) ago: String,
    pub(super) kind: &'static str,
    /// With digests in short.
    pub(super) text: String,
    /// The same with whole digests; empty: there is none in it.
    pub(super) full: String,
    /// Who made it, of a change of the rule set.
    pub(super) who: String,
    pub(super) reason: String,
    /// The rule, if its name can be in an address.
    pub(super) rule: Option<String>,
}

impl Minutes {
    /// `now`: epoch milliseconds.
    pub(super) fn new(history: &HistoryView, now: i64) -> Self {
        let samples = thinned(&history.samples);
        let first = samples.first().map_or(i64::MAX, |(at, _)| *at);
        let changes: Vec<_> =
            history.changes.iter().map(|change| (epoch_ms(&change.at).unwrap_or(now), change)).collect();
        let in_span: Vec<_> = changes.iter().map(|(at, _)| *at).filter(|at| *at >= first).collect();
        let numbered = in_span[in_span.len().saturating_sub(NUMBERED)..].to_vec();
        let unnumbered = changes.len() - numbered.len();
        let row = |(place, (at, change)): (usize, &(i64, &ChangeView))| {
            let number = (place + 1).checked_sub(unnumbered).filter(|number| *number > 0);
            Row::new(change, number, now - at)
        };
        let rows = changes.iter().enumerate().rev().take(LISTED).map(row).collect();
        Self { charts: charts(&samples, &numbered), changes: rows, more: changes.len().saturating_sub(LISTED) }
    }
}

impl Row {
    fn new(change: &ChangeView, number: Option<usize>, age_ms: i64) -> Self {
        let rules = change.rules.as_ref();
        let kind = match change.kind {
            ChangeKindView::Instance => "instance",
            ChangeKindView::Rules => "rules",
            ChangeKindView::Partitions => "partitions",
            ChangeKindView::Service => "service",
            ChangeKindView::Condition => "condition",
        };
        let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let full = match rules {
            Some(rules) => format!("{}; revision {}", change.text, rules.revision),
            None => change.text.clone(),
        };
        let text = with_short_digests(&full);
        Self {
            number: number.map(|number| number.to_string()).unwrap_or_default(),
            at: clock_time(&change.at),
            ago: format!("{} ago", span(age_ms)),
            kind,
            full: if text == full { String::new() } else { full },
            text,
            who: rules.map(|rules| rules.who.clone()).unwrap_or_default(),
            reason: rules.and_then(|rules| rules.reason.clone()).unwrap_or_default(),
            rule: rules.map(|rules| rules.rule.as_str()).filter(plain).map(str::to_owned),
        }
    }
}

/// The last sample of each 10 s, with its time.
fn thinned(samples: &[SampleView]) -> Vec<(i64, &SampleView)> {
    let timed: Vec<_> = samples.iter().filter_map(|sample| Some((epoch_ms(&sample.at)?, sample))).collect();
    timed.chunk_by(|(a, _), (b, _)| a / APART_MS == b / APART_MS).filter_map(|run| run.last().copied()).collect()
}

fn epoch_ms(rfc3339: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(rfc3339).ok().map(|time| time.timestamp_millis())
}

fn charts(samples: &[(i64, &SampleView)], changes: &[i64]) -> Vec<Chart> {
    let series = |name: &str, value: &dyn Fn(&SampleView) -> Option<Value>| Series {
        name: name.to_owned(),
        values: samples.iter().map(|(_, sample)| value(sample)).collect(),
    };
    let plot = |id: &str, title: &str, series: Vec<Series>| {
        Chart::draw(Plot {
            id: id.to_owned(),
            title: title.to_owned(),
            times: samples.iter().map(|(at, _)| *at).collect(),
            series,
            changes: changes.to_vec(),
            table_every: Some(IN_TABLE),
            ..Plot::default()
        })
    };
    let seconds = |ms: i64| value(ms as f64 / 1_000.0, format!("{}.{}", ms / 1_000, ms % 1_000 / 100));
    let records = |number: i64| value(number as f64, grouped(number));
    vec![
        plot(
            "oldest",
            "Age of the oldest record not judged yet, at most, in seconds",
            vec![series("age", &|sample| sample.oldest_ms.map(seconds))],
        ),
        plot("behind", "Lag: records not judged yet", vec![series("records", &|sample| sample.lag.map(records))]),
        plot(
            "rate",
            "Records judged a second",
            vec![series("records", &|sample| Some(value(sample.records, format!("{:.1}", sample.records))))],
        ),
        plot(
            "share",
            "Dead letters and flagged records, in percent of all",
            vec![
                series("dead letters", &|sample| share(sample.letters, sample.records)),
                series("flagged", &|sample| share(sample.flagged, sample.records)),
            ],
        ),
    ]
}

fn value(number: f64, text: String) -> Value {
    Value { number, text, is_marked: false }
}

/// None where there is nothing to have a share of.
fn share(part: f64, of: f64) -> Option<Value> {
    let percent = part / of * 100.0;
    (of > 0.0).then(|| value(percent, format!("{percent:.2} %")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::views::{RulesChangeView, rfc3339};

    /// So many minutes of samples up to a time.
    fn history(minutes: i64, now: i64) -> HistoryView {
        let samples = (0..minutes * 30).map(|at| SampleView {
            at: rfc3339(now - (minutes * 30 - 1 - at) * 2_000),
            records: 1_000.0,
            letters: 5.0,
            flagged: 0.0,
            lag: Some(12_345),
            oldest_ms: Some(1_250),
        });
        HistoryView { samples: samples.collect(), ..HistoryView::default() }
    }

    const NOW: i64 = 1_800_000_000_000;

    fn change(at: i64, rule: &str) -> ChangeView {
        let rules = Some(RulesChangeView {
            who: "ana".into(),
            reason: Some("lower limit".into()),
            rule: rule.into(),
            action: "patch".into(),
            revision: 42,
        });
        ChangeView { at: rfc3339(at), kind: ChangeKindView::Rules, text: format!("patch {rule}"), rules }
    }

    #[test]
    fn fifteen_minutes_are_some_ninety_points() {
        let all = history(15, NOW);
        assert_eq!(all.samples.len(), 450);
        let points = thinned(&all.samples);
        assert!((90..=91).contains(&points.len()), "{}", points.len());
        assert_eq!(points.last().map(|(at, _)| *at), Some(NOW), "the newest is there");
    }

    #[test]
    fn a_change_has_the_number_that_the_charts_give_it_and_an_older_one_has_none() {
        let mut all = history(15, NOW);
        all.changes = vec![change(NOW - 3_600_000, "a"), change(NOW - 240_000, "b"), change(NOW - 1_000, "c d")];
        let minutes = Minutes::new(&all, NOW);
        let rows: Vec<_> = minutes.changes.iter().map(|row| (&*row.number, &*row.ago, row.rule.as_deref())).collect();
        assert_eq!(rows, [("2", "1.0 s ago", None), ("1", "4 min ago", Some("b")), ("", "60 min ago", Some("a"))]);
        assert_eq!((&*minutes.changes[0].text, &*minutes.changes[0].who), ("patch c d; revision 42", "ana"));
        let text = askama::Template::render(&minutes.charts[0]).expect("a chart");
        assert_eq!(text.matches("class=\"change\"").count(), 2, "{text}");
    }

    #[test]
    fn a_digest_is_short_in_the_table_and_whole_where_somebody_points() {
        let mut all = history(15, NOW);
        all.changes =
            vec![change(NOW, "a"), ChangeView { text: format!("publish a: {}", "ab".repeat(32)), ..change(NOW, "a") }];
        let rows = Minutes::new(&all, NOW).changes;
        assert_eq!(rows[0].text, "publish a: abababababab; revision 42");
        assert_eq!(rows[0].full, format!("publish a: {}; revision 42", "ab".repeat(32)));
        assert_eq!(rows[1].full, "");
    }

    #[test]
    fn of_many_changes_the_newest_are_numbered_and_listed_and_the_others_counted() {
        let mut all = history(15, NOW);
        all.changes = (0..100).map(|number| change(NOW - 200_000 + number * 1_000, "a")).collect();
        let minutes = Minutes::new(&all, NOW);
        assert_eq!((minutes.changes.len(), minutes.more), (30, 70));
        let numbers: Vec<_> = minutes.changes.iter().map(|row| row.number.as_str()).collect();
        assert_eq!((numbers[0], numbers[19], numbers[20]), ("20", "1", ""));
        let none = Minutes::new(&HistoryView::default(), NOW);
        assert_eq!((none.charts.len(), none.changes.len()), (4, 0));
    }

    #[test]
    fn where_nothing_was_judged_there_is_no_share() {
        assert!(share(0.0, 0.0).is_none());
        assert_eq!(share(5.0, 1_000.0).map(|value| value.text).as_deref(), Some("0.50 %"));
    }
}
