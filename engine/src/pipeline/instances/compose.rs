//! One view out of what this instance knows of itself and what the database says of the others. Pure.

use std::collections::BTreeMap;

use super::HEARD_MS;
use super::exchange::{Known, Other};
use crate::admin::views::{
    InstanceReport, InstanceView, InstancesView, LagView, OwnedPartitionView, PartitionFigures, PartitionState,
    RatesView,
};
use crate::model::time::to_rfc3339;
use crate::store::Position;

/// `own` has its report; `now`: epoch milliseconds. Rows are as old as they were when they were read, and what passed since.
pub(super) fn compose(own: InstanceView, known: &Known, now: i64) -> InstancesView {
    let since_read = known.read.map_or(0, |read| i64::try_from(read.elapsed().as_millis()).unwrap_or(i64::MAX));
    let others = known.rows.iter().filter(|other| other.row.instance != own.id);
    let others: Vec<_> = others.map(|other| instance(other, since_read)).collect();
    let instances = [vec![own], others].concat();
    let (partitions, untold_partitions) = partitions(&instances, &known.positions);
    InstancesView {
        at: to_rfc3339(now),
        alone: known.alone.clone(),
        rates: rates(&instances),
        lag: lag(&partitions, untold_partitions),
        instances,
        partitions,
        untold_partitions,
    }
}

fn instance(Other { row, report }: &Other, since_read: i64) -> InstanceView {
    let age = row.age_ms.saturating_add(since_read);
    let is_heard = age <= HEARD_MS;
    InstanceView {
        id: row.instance.clone(),
        is_this: false,
        address: row.address.clone(),
        version: row.version.clone(),
        started_at: to_rfc3339(row.started_at),
        heard_ms_ago: u64::try_from(age).unwrap_or_default(),
        is_heard,
        report: report.as_deref().filter(|_| is_heard).cloned(),
    }
}

fn reports(instances: &[InstanceView]) -> impl Iterator<Item = (&InstanceView, &InstanceReport)> {
    instances.iter().filter_map(|instance| Some((instance, instance.report.as_ref()?)))
}

fn rates(instances: &[InstanceView]) -> RatesView {
    reports(instances).fold(RatesView::default(), |sum, (_, report)| RatesView {
        records: sum.records + report.rates.records,
        letters: sum.letters + report.rates.letters,
        flagged: sum.flagged + report.rates.flagged,
    })
}

/// Whoever claimed a partition last has it: two may believe so for a moment, and the epoch in the database says which is right.
/// Also how many nobody tells of because an instance has more than its row holds: one of those would look like one without owner.
fn partitions(instances: &[InstanceView], positions: &[Position]) -> (Vec<OwnedPartitionView>, u32) {
    let is_cut = reports(instances).any(|(_, report)| report.partitions_left_out > 0);
    let mut untold = 0;
    let mut claimed: BTreeMap<i32, Vec<(&InstanceView, &PartitionFigures)>> = BTreeMap::new();
    for (instance, report) in reports(instances) {
        for figures in &report.partitions {
            claimed.entry(figures.partition).or_default().push((instance, figures));
        }
    }
    let mut all = BTreeMap::new();
    for position in positions {
        let claims = claimed.remove(&position.partition.0).unwrap_or_default();
        let owner = claims.iter().find(|(_, figures)| figures.epoch == Some(position.epoch));
        // One that is being claimed has no epoch yet; one that was stopped may have none.
        let owner = owner.or_else(|| claims.iter().find(|(_, figures)| figures.epoch.is_none()));
        if owner.is_none() && is_cut {
            untold += 1;
            continue;
        }
        let view = OwnedPartitionView {
            position: Some(position.next_offset.0),
            instance: owner.map(|(instance, _)| instance.id.clone()),
            figures: owner.map_or_else(|| unowned(position), |(_, figures)| (*figures).clone()),
        };
        all.insert(position.partition.0, view);
    }
    // Those that never began, and all where the database says nothing.
    for (partition, claims) in claimed {
        let newest = claims.into_iter().max_by_key(|(_, figures)| figures.epoch);
        let view = newest.map(|(instance, figures)| OwnedPartitionView {
            position: None,
            instance: Some(instance.id.clone()),
            figures: figures.clone(),
        });
        all.extend(view.map(|view| (partition, view)));
    }
    (all.into_values().collect(), untold)
}

fn unowned(position: &Position) -> PartitionFigures {
    PartitionFigures {
        partition: position.partition.0,
        worker: 0,
        state: PartitionState::Unowned,
        epoch: Some(position.epoch),
        judged: None,
        committed: None,
        lag: None,
        oldest_ms: None,
        change_per_second: None,
        watermark: position.watermark.map(to_rfc3339),
        error: None,
    }
}

fn lag(partitions: &[OwnedPartitionView], untold: u32) -> LagView {
    let figures = || partitions.iter().map(|partition| &partition.figures);
    let sum = |numbers: &mut dyn Iterator<Item = i64>| numbers.reduce(i64::saturating_add);
    let oldest = figures().filter_map(|figures| Some((figures.oldest_ms?, figures.partition)));
    // Of equally old ones the first.
    let oldest = oldest.max_by_key(|(age, partition)| (*age, std::cmp::Reverse(*partition)));
    let unknown = u32::try_from(figures().filter(|figures| figures.lag.is_none()).count()).unwrap_or(u32::MAX);
    LagView {
        records: sum(&mut figures().filter_map(|figures| figures.lag)),
        oldest_ms: oldest.map(|(age, _)| age),
        oldest_in: oldest.filter(|(age, _)| *age > 0).map(|(_, partition)| partition),
        change_per_second: sum(&mut figures().filter_map(|figures| figures.change_per_second)),
        clears_in_seconds: clears_in(partitions),
        unknown_partitions: unknown.saturating_add(untold),
    }
}

/// As long as the slowest of those that are behind needs; None: one of them does not get nearer, or none is behind.
fn clears_in(partitions: &[OwnedPartitionView]) -> Option<u64> {
    let mut slowest = None;
    for PartitionFigures { lag, change_per_second, .. } in partitions.iter().map(|partition| &partition.figures) {
        let Some(lag) = lag.filter(|lag| *lag > 0) else { continue };
        let falls = change_per_second.filter(|change| *change < 0)?.unsigned_abs();
        slowest = slowest.max(Some(lag.unsigned_abs().div_ceil(falls)));
    }
    slowest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::ids::{Offset, Partition};
    use crate::model::instance::InstanceRow;

    fn figures(partition: i32, epoch: u64, lag: i64, change: i64) -> PartitionFigures {
        let position =
            Position { partition: Partition(partition), next_offset: Offset(0), watermark: None, epoch, checkpoint: 0 };
        PartitionFigures {
            state: PartitionState::Running,
            lag: Some(lag),
            oldest_ms: Some(lag * 10),
            change_per_second: Some(change),
            ..unowned(&position)
        }
    }

    fn position(partition: i32, epoch: u64) -> Position {
        Position {
            partition: Partition(partition),
            next_offset: Offset(100),
            watermark: Some(5_000),
            epoch,
            checkpoint: 1,
        }
    }

    fn report(partitions: Vec<PartitionFigures>) -> InstanceReport {
        let rates = RatesView { records: 1_000.0, letters: 10.0, flagged: 1.0 };
        InstanceReport { rates, partitions, ..InstanceReport::default() }
    }

    fn own(partitions: Vec<PartitionFigures>) -> InstanceView {
        InstanceView {
            id: "own".into(),
            is_this: true,
            is_heard: true,
            report: Some(report(partitions)),
            ..InstanceView::default()
        }
    }

    fn other(id: &str, age_ms: i64, partitions: Vec<PartitionFigures>) -> Other {
        let row = InstanceRow {
            instance: id.into(),
            address: String::new(),
            version: String::new(),
            started_at: 0,
            age_ms,
            state: String::new(),
        };
        Other { row, report: Some(Arc::new(report(partitions))) }
    }

    fn owners(view: &InstancesView) -> Vec<(i32, Option<&str>, PartitionState)> {
        let all = view.partitions.iter();
        all.map(|of| (of.figures.partition, of.instance.as_deref(), of.figures.state)).collect()
    }

    #[test]
    fn a_partition_is_whose_epoch_the_database_has() {
        let known = Known {
            rows: vec![
                other("own", 0, Vec::new()),
                other("b", 2_000, vec![figures(0, 5, 1, 0), figures(1, 7, 30, -3)]),
            ],
            positions: vec![position(0, 6), position(1, 7), position(2, 9)],
            read: Some(Instant::now()),
            alone: None,
        };
        let view = compose(own(vec![figures(0, 6, 4, -1), figures(3, 1, 0, 0)]), &known, 0);
        let running = PartitionState::Running;
        let wanted = [
            (0, Some("own"), running),
            (1, Some("b"), running),
            (2, None, PartitionState::Unowned),
            (3, Some("own"), running),
        ];
        assert_eq!(owners(&view), wanted, "b believes that it has partition 0 still");
        assert_eq!(view.partitions[2].position, Some(100));
        assert_eq!(view.instances.len(), 2, "its own row is itself");
        assert_eq!(view.rates, RatesView { records: 2_000.0, letters: 20.0, flagged: 2.0 });
        let LagView { records, oldest_ms, oldest_in, change_per_second, clears_in_seconds, unknown_partitions } =
            view.lag;
        assert_eq!((records, oldest_ms, oldest_in), (Some(34), Some(300), Some(1)));
        assert_eq!((change_per_second, clears_in_seconds, unknown_partitions), (Some(-4), Some(10), 1));
    }

    #[test]
    fn a_partition_that_had_no_room_in_its_instances_row_is_not_called_one_without_owner() {
        let mut full = other("b", 0, vec![figures(0, 5, 1, 0)]);
        let cut = InstanceReport { partitions_left_out: 1, ..report(vec![figures(0, 5, 1, 0)]) };
        full.report = Some(Arc::new(cut));
        let known = Known {
            rows: vec![full],
            positions: vec![position(0, 5), position(1, 5)],
            read: Some(Instant::now()),
            alone: None,
        };
        let view = compose(own(Vec::new()), &known, 0);
        assert_eq!(owners(&view), [(0, Some("b"), PartitionState::Running)]);
        assert_eq!((view.untold_partitions, view.lag.unknown_partitions), (1, 1));
    }

    #[test]
    fn an_instance_that_is_silent_for_ten_seconds_has_nothing() {
        let ago = Instant::now().checked_sub(Duration::from_secs(7)).expect("the machine runs longer");
        let known = Known {
            rows: vec![other("b", 4_000, vec![figures(0, 5, 1, 0)])],
            positions: vec![position(0, 5)],
            read: Some(ago),
            alone: None,
        };
        let view = compose(own(Vec::new()), &known, 0);
        assert_eq!(owners(&view), [(0, None, PartitionState::Unowned)]);
        assert!(!view.instances[1].is_heard && view.instances[1].heard_ms_ago >= 11_000, "{:?}", view.instances[1]);
        assert_eq!((view.rates.records, view.lag.records), (1_000.0, None));
    }

    #[test]
    fn what_grows_or_stands_still_has_no_end_and_what_is_not_behind_does_not_count() {
        let clears = |all: &[(i64, i64)]| {
            let numbered = (0..).zip(all).map(|(number, (lag, change))| figures(number, 1, *lag, *change));
            compose(own(numbered.collect()), &Known::default(), 0).lag.clears_in_seconds
        };
        assert_eq!(clears(&[(100, -10), (5, -2), (0, 3)]), Some(10));
        assert_eq!(clears(&[(100, -10), (5, 0)]), None);
        assert_eq!(clears(&[(100, -10), (5, 2)]), None);
        assert_eq!(clears(&[(0, 0)]), None);
        assert_eq!(clears(&[]), None);
    }
}
