//! Two instances that run, one that is not heard of any more, and the minutes before: what a page shows of a pipeline in full flow.

use weir::admin::views::*;

use super::filled;

/// The instance that answers.
pub const OWN: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
/// The other one, which has the partitions with odd numbers.
pub const OTHER: &str = "b7c10d22b7c10d22b7c10d22b7c10d22";
/// One that is not heard of.
pub const SILENT: &str = "deadbeefdeadbeefdeadbeefdeadbeef";
/// The newest sample, in epoch milliseconds.
const NOW: i64 = 1_767_225_600_000;

/// Of partitions like [`Fakes::partitions`](super::Fakes::partitions): the first is stopped, the last nobody has, the others run.
/// `rules`: of which each instance says what it counted, and figures differ from row to row; None: rows are alike.
pub(super) fn instances(partitions: i32, alone: Option<AloneView>, rules: Option<u32>) -> InstancesView {
    let figures = (0..partitions).map(|partition| figures(partition, partitions));
    let figures: Vec<_> = figures.map(|of| if rules.is_some() { filled::partition(of) } else { of }).collect();
    let of = |owner: &str| figures.iter().filter(|f| self::owner(f) == Some(owner)).cloned().collect::<Vec<_>>();
    let instance = |id: &str, heard_ms_ago: u64, report: Option<InstanceReport>| InstanceView {
        id: id.into(),
        is_this: id == OWN,
        address: format!("http://{}.example:8080", &id[..4]),
        version: "0.1.0".into(),
        started_at: rfc3339(NOW - 3_600_000),
        heard_ms_ago,
        is_heard: report.is_some(),
        report,
    };
    let others = [instance(OTHER, 1_400, Some(report(of(OTHER), false, rules))), instance(SILENT, 44_000, None)];
    let own = instance(OWN, 0, Some(report(of(OWN), true, rules)));
    let view = |figures: &PartitionFigures| OwnedPartitionView {
        position: Some(18_234_771),
        instance: owner(figures).map(str::to_owned),
        figures: figures.clone(),
    };
    InstancesView {
        at: rfc3339(NOW),
        rates: RatesView { records: 1_610_000.0, letters: 14_490.0, flagged: 22_540.0 },
        lag: LagView {
            records: Some(190_220),
            oldest_ms: Some(12_400),
            oldest_in: Some(1),
            change_per_second: Some(-45_000),
            clears_in_seconds: Some(5),
            unknown_partitions: 1,
        },
        instances: if alone.is_some() { vec![own] } else { [vec![own], others.to_vec()].concat() },
        partitions: figures.iter().map(view).collect(),
        untold_partitions: 0,
        alone,
    }
}

fn owner(figures: &PartitionFigures) -> Option<&'static str> {
    match figures.state {
        PartitionState::Unowned => None,
        _ if figures.partition % 2 == 0 => Some(OWN),
        _ => Some(OTHER),
    }
}

fn figures(partition: i32, of: i32) -> PartitionFigures {
    let state = match partition {
        0 => PartitionState::Stopped,
        last if last == of - 1 => PartitionState::Unowned,
        _ => PartitionState::Running,
    };
    PartitionFigures {
        partition,
        worker: 0,
        state,
        epoch: Some(7),
        judged: Some(18_234_771),
        committed: Some(18_233_900),
        lag: Some(partition.into()),
        oldest_ms: Some(i64::from(partition) * 10),
        change_per_second: Some(-3),
        watermark: Some(rfc3339(NOW - 5_000)),
        error: (partition == 0).then(|| "the offset is outside the log".to_owned()),
    }
}

fn report(partitions: Vec<PartitionFigures>, ready: bool, rules: Option<u32>) -> InstanceReport {
    let rule = RuleFigures {
        name: "high_amount".into(),
        since: rfc3339(NOW - 600_000),
        records: 1_000_000,
        nanos: 41_000_000,
        hits: [("AMOUNT_HIGH".to_owned(), 14_210)].into(),
        ..RuleFigures::default()
    };
    InstanceReport {
        workers: 2,
        ready,
        not_ready: if ready { Vec::new() } else { vec!["worker 0 waits for Kafka for 12 s".into()] },
        revision: 4,
        records: 88_131_004,
        letters: 793_179,
        flagged: 1_233_834,
        rates: RatesView { records: 805_000.0, letters: 7_245.0, flagged: 11_270.0 },
        rules: rules.map_or_else(|| vec![rule], filled::rules_of_a_report),
        partitions,
        ..InstanceReport::default()
    }
}

/// 15 minutes with what changed in them, and 60 checkpoints.
pub(super) fn history() -> HistoryView {
    let sample = |at: i64| SampleView {
        at: rfc3339(NOW - (449 - at) * 2_000),
        records: 1_600_000.0 + (at % 40) as f64 * 1_000.0,
        letters: 14_000.0 + (at % 7) as f64 * 100.0,
        flagged: 22_000.0,
        lag: Some(at * 421),
        oldest_ms: Some(at * 27),
    };
    let change = |at, kind, text: &str| ChangeView { at: rfc3339(at), kind, text: text.into(), rules: None };
    let swap = RulesChangeView {
        who: "ana".into(),
        reason: Some("lower limit".into()),
        rule: "high_amount".into(),
        action: "patch".into(),
        revision: 4,
    };
    let checkpoint = |id: u64| CheckpointView {
        id,
        at: rfc3339(NOW - (60 - id as i64) * 1_000),
        worker: (id % 2) as u32,
        outcome: if id == 50 { "fenced" } else { "committed" }.into(),
        took_us: 40_000 + id * 700,
        clear_us: 800,
        offsets_us: 1_100,
        database_us: 31_000,
        kafka_us: 7_100 + id * 700,
        partitions: 12,
        offsets: 1_610_000,
    };
    HistoryView {
        every_ms: 2_000,
        samples: (0..450).map(sample).collect(),
        changes: vec![
            change(NOW - 3_600_000, ChangeKindView::Instance, "instance 0a1b2c3d runs: Weir 0.1.0 at 0a1b.example"),
            ChangeView {
                rules: Some(swap),
                ..change(NOW - 600_000, ChangeKindView::Rules, "patch high_amount: most 1000 to 750")
            },
            change(NOW - 44_000, ChangeKindView::Instance, "instance deadbeef is not heard of any more"),
            change(NOW - 42_000, ChangeKindView::Partitions, "instance b7c10d22 has partitions 1, 3 from now on"),
        ],
        checkpoints: (1..=60).map(checkpoint).collect(),
    }
}
