//! The last checkpoints of this instance as a strip of bars, one of them in detail, and their table.

use super::super::number::grouped;
use super::super::span::millis;
use super::clock_time;
use crate::admin::views::{CheckpointView, HistoryView};

/// Height of the strip, in pixels.
const HEIGHT: u64 = 56;
/// From one bar to the next, and how much of it the bar has, in parts of the strip's width.
const STEP: usize = 10;
const WIDTH: usize = 8;

/// See the module.
#[derive(Default)]
pub(super) struct Strip {
    pub(super) bars: Vec<Bar>,
    /// Width of all bars that there may be.
    pub(super) width: usize,
    /// What the tallest bar stands for.
    pub(super) longest: String,
    /// Half of them took no longer.
    pub(super) median: String,
    /// Newest first.
    pub(super) rows: Vec<Row>,
    /// The one in detail: the newest, or the one that is pinned.
    pub(super) shown: Option<Row>,
    /// Whether it is pinned.
    pub(super) is_pinned: bool,
    /// One that was asked for and is no longer kept.
    pub(super) gone: Option<u64>,
    /// Neighbors of the one in detail.
    pub(super) earlier: Option<u64>,
    pub(super) later: Option<u64>,
}

/// A checkpoint as a bar; from top to bottom Kafka, the database, the rest.
pub(super) struct Bar {
    pub(super) x: usize,
    kafka: Part,
    database: Part,
    rest: Part,
    /// Whether it was committed.
    pub(super) is_committed: bool,
    pub(super) is_shown: bool,
}

/// A part of a bar, in pixels from the upper edge.
pub(super) struct Part {
    pub(super) y: u64,
    pub(super) height: u64,
}

/// A checkpoint in words.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) at: String,
    pub(super) worker: u32,
    pub(super) outcome: String,
    pub(super) class: &'static str,
    pub(super) took: String,
    pub(super) database: String,
    pub(super) kafka: String,
    pub(super) clear: String,
    pub(super) offsets: String,
    pub(super) partitions: u32,
    pub(super) moved: String,
}

impl Strip {
    pub(super) const HEIGHT: u64 = HEIGHT;
    pub(super) const BAR: usize = WIDTH;

    /// `pin`: the one to show in detail; the newest unless given.
    pub(super) fn new(history: &HistoryView, pin: Option<u64>) -> Self {
        let all = &history.checkpoints;
        let at = pin.and_then(|id| all.iter().position(|checkpoint| checkpoint.id == id));
        let Some(shown) = at.or(all.len().checked_sub(1)) else { return Self { gone: pin, ..Self::default() } };
        let mut times: Vec<_> = all.iter().map(|checkpoint| checkpoint.took_us).collect();
        times.sort_unstable();
        let longest = times[times.len() - 1];
        let id = |at: usize| all.get(at).map(|checkpoint| checkpoint.id);
        Self {
            bars: all.iter().enumerate().map(|(at, of)| Bar::new(at, of, longest, at == shown)).collect(),
            width: all.len().max(60) * STEP,
            longest: millis(longest),
            median: millis(times[(times.len() - 1) / 2]),
            rows: all.iter().rev().map(Row::new).collect(),
            shown: Some(Row::new(&all[shown])),
            is_pinned: at.is_some(),
            gone: pin.filter(|_| at.is_none()),
            earlier: shown.checked_sub(1).and_then(id),
            later: id(shown + 1),
        }
    }
}

impl Bar {
    fn new(at: usize, of: &CheckpointView, longest: u64, is_shown: bool) -> Self {
        let pixels = |us: u64| (u128::from(us) * u128::from(HEIGHT) / u128::from(longest.max(1))) as u64;
        // Every bar is seen, and no part is more than the whole.
        let all = pixels(of.took_us).clamp(2, HEIGHT);
        let kafka = pixels(of.kafka_us).min(all);
        let database = pixels(of.database_us).min(all - kafka);
        let top = HEIGHT - all;
        Self {
            x: at * STEP,
            kafka: Part { y: top, height: kafka },
            database: Part { y: top + kafka, height: database },
            rest: Part { y: top + kafka + database, height: all - kafka - database },
            is_committed: of.outcome == "committed",
            is_shown,
        }
    }

    /// With the class of each.
    pub(super) fn parts(&self) -> [(&Part, &'static str); 3] {
        [(&self.kafka, "kafka"), (&self.database, "database"), (&self.rest, "rest")]
    }
}

impl Row {
    fn new(of: &CheckpointView) -> Self {
        Self {
            id: of.id,
            at: clock_time(&of.at),
            worker: of.worker,
            outcome: of.outcome.clone(),
            class: if of.outcome == "committed" { "good" } else { "bad" },
            took: millis(of.took_us),
            database: millis(of.database_us),
            kafka: millis(of.kafka_us),
            clear: millis(of.clear_us),
            offsets: millis(of.offsets_us),
            partitions: of.partitions,
            moved: grouped(of.offsets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(id: u64, database_us: u64, kafka_us: u64) -> CheckpointView {
        CheckpointView {
            id,
            at: "2026-01-01T12:00:00.000Z".into(),
            worker: 0,
            outcome: "committed".into(),
            took_us: database_us + kafka_us + 1_000,
            clear_us: 500,
            offsets_us: 500,
            database_us,
            kafka_us,
            partitions: 1,
            offsets: 12_345,
        }
    }

    fn history() -> HistoryView {
        let checkpoints = vec![checkpoint(41, 3_000, 4_000), checkpoint(42, 20_000, 7_000), checkpoint(43, 1, 1)];
        HistoryView { checkpoints, ..HistoryView::default() }
    }

    #[test]
    fn bars_are_as_tall_as_their_checkpoints_took_long_and_have_their_parts() {
        let strip = Strip::new(&history(), None);
        let parts = |bar: &Bar| (bar.kafka.height, bar.database.height, bar.rest.height);
        assert_eq!(strip.bars.iter().map(parts).collect::<Vec<_>>(), [(8, 6, 2), (14, 40, 2), (0, 0, 2)]);
        assert!(strip.bars.iter().all(|bar| bar.rest.y + bar.rest.height == HEIGHT), "they stand on the ground");
        assert_eq!((&*strip.longest, &*strip.median), ("28.0 ms", "8.0 ms"));
    }

    #[test]
    fn the_newest_is_shown_unless_one_is_pinned_that_is_still_kept() {
        let shown = |pin| {
            let strip = Strip::new(&history(), pin);
            let id = strip.shown.as_ref().map(|row| row.id);
            (id, strip.is_pinned, strip.gone, strip.earlier, strip.later)
        };
        assert_eq!(shown(None), (Some(43), false, None, Some(42), None));
        assert_eq!(shown(Some(42)), (Some(42), true, None, Some(41), Some(43)));
        assert_eq!(shown(Some(7)), (Some(43), false, Some(7), Some(42), None));
        let none = Strip::new(&HistoryView::default(), Some(7));
        assert!(none.shown.is_none() && none.bars.is_empty());
    }
}
