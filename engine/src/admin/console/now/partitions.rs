//! The partitions of all instances, worst first, a page of them.

use std::cmp::Reverse;

use super::super::moment::Moment;
use super::super::number::{NOT_KNOWN, grouped};
use super::super::span::span;
use super::short;
use crate::admin::views::{InstancesView, OwnedPartitionView, PartitionState};

/// Partitions of a page.
pub(super) const LISTED: usize = 100;

/// See the module.
pub(super) struct Partitions {
    pub(super) rows: Vec<Row>,
    /// How many there are.
    pub(super) all: usize,
    /// From 1.
    pub(super) page: usize,
    pub(super) pages: usize,
    /// Partitions that nobody tells of.
    pub(super) untold: u32,
}

/// A partition, as the table has it.
pub(super) struct Row {
    pub(super) partition: i32,
    /// Short id of the instance that has it.
    pub(super) instance: String,
    pub(super) worker: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) oldest: String,
    pub(super) lag: String,
    pub(super) change: String,
    pub(super) position: String,
    pub(super) committed: String,
    pub(super) watermark: Moment,
    pub(super) error: String,
}

impl Partitions {
    /// The page, or the last one if there are not so many.
    pub(super) fn new(seen: &InstancesView, page: usize) -> Self {
        let mut worst: Vec<_> = seen.partitions.iter().collect();
        worst.sort_by_key(|of| {
            let figures = &of.figures;
            // None is less than any number: unknown ones come last of those in the same state.
            (rank(figures.state), Reverse(figures.oldest_ms), Reverse(figures.lag), figures.partition)
        });
        let pages = worst.len().div_ceil(LISTED).max(1);
        let page = page.clamp(1, pages);
        let rows = worst.into_iter().skip((page - 1) * LISTED).take(LISTED).map(Row::new).collect();
        Self { rows, all: seen.partitions.len(), page, pages, untold: seen.untold_partitions }
    }
}

impl Row {
    fn new(of: &OwnedPartitionView) -> Self {
        let figures = &of.figures;
        let number = |number: Option<i64>| number.map_or_else(|| NOT_KNOWN.to_owned(), grouped);
        let (state, class) = match figures.state {
            PartitionState::Stopped => ("stopped", "bad"),
            PartitionState::Unowned => ("nobody has it", "bad"),
            PartitionState::Taking => ("taking", "warn"),
            PartitionState::Paused => ("paused", "warn"),
            PartitionState::Running => ("running", "good"),
        };
        Self {
            partition: figures.partition,
            instance: of.instance.as_deref().map_or_else(|| NOT_KNOWN.to_owned(), |id| short(id).to_owned()),
            worker: of.instance.as_ref().map_or_else(|| NOT_KNOWN.to_owned(), |_| figures.worker.to_string()),
            state,
            class,
            oldest: figures.oldest_ms.map_or_else(|| NOT_KNOWN.to_owned(), span),
            lag: number(figures.lag),
            change: figures.change_per_second.map_or_else(|| NOT_KNOWN.to_owned(), signed),
            position: number(of.position),
            committed: number(figures.committed),
            watermark: Moment::known(figures.watermark.as_deref()),
            error: figures.error.clone().unwrap_or_default(),
        }
    }
}

fn signed(number: i64) -> String {
    if number > 0 { format!("+{}", grouped(number)) } else { grouped(number) }
}

/// What an operator has to see first.
fn rank(state: PartitionState) -> u8 {
    match state {
        PartitionState::Stopped => 0,
        PartitionState::Unowned => 1,
        PartitionState::Taking => 2,
        PartitionState::Paused => 3,
        PartitionState::Running => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::views::PartitionFigures;

    fn partition(partition: i32, state: PartitionState, oldest_ms: Option<i64>) -> OwnedPartitionView {
        let figures = PartitionFigures {
            partition,
            worker: 0,
            state,
            epoch: Some(1),
            judged: None,
            committed: None,
            lag: oldest_ms,
            oldest_ms,
            change_per_second: Some(7),
            watermark: None,
            error: None,
        };
        OwnedPartitionView { position: Some(1_234_567), instance: Some("0123456789abcdef".into()), figures }
    }

    #[test]
    fn of_many_partitions_the_worst_are_on_the_first_page_and_none_is_on_two() {
        let mut all: Vec<_> =
            (0..998).map(|number| partition(number, PartitionState::Running, Some(i64::from(number)))).collect();
        all.push(partition(998, PartitionState::Running, None));
        all.push(partition(999, PartitionState::Unowned, None));
        let all = InstancesView { partitions: all, ..InstancesView::default() };
        let numbers = |page| Partitions::new(&all, page).rows.iter().map(|row| row.partition).collect::<Vec<_>>();
        assert_eq!((numbers(1)[..3].to_vec(), numbers(1).len()), (vec![999, 997, 996], LISTED));
        let mut listed: Vec<_> = (1..=10).flat_map(numbers).collect();
        listed.sort_unstable();
        assert_eq!(listed, (0..1_000).collect::<Vec<_>>());
        assert_eq!(numbers(99), numbers(10), "there are no more pages");
        assert_eq!(Partitions::new(&InstancesView::default(), 1).pages, 1);
    }

    #[test]
    fn numbers_are_exact_and_what_is_not_known_is_a_dash() {
        let row = Row::new(&partition(3, PartitionState::Running, Some(1_250)));
        assert_eq!(
            (&*row.instance, &*row.position, &*row.change, &*row.oldest),
            ("01234567", "1,234,567", "+7", "1.2 s")
        );
        assert_eq!((&*row.committed, row.watermark), (NOT_KNOWN, Moment::known(None)));
    }
}
