//! Rows of the statistics as both databases read them.

use std::ops::Range;

use super::{Bind, Result, Transaction, columns, schema, text};
use crate::model::aggregate::Measure;
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::{StatsRow, StoreError};
use crate::model::text::push_decimal;

/// The texts that a statement's binds borrow, one behind the other: there may be a million windows in a checkpoint.
#[derive(Default)]
pub(crate) struct Texts {
    all: String,
    /// Ranges of `all`, for each window: its start, its end, then every measure of the layout; None: no value.
    places: Vec<Option<Range<usize>>>,
    each: usize,
}

impl Texts {
    pub(crate) fn of(layout: &StatsLayout, windows: &[WindowDelta]) -> Result<Self> {
        let mut texts = Self::default();
        // Windows come in the order of their start, so neighbors share their times.
        let mut before: Option<(i64, i64, [Range<usize>; 2])> = None;
        for window in windows {
            let times = match before.take() {
                Some((start, end, times)) if (start, end) == (window.start, window.end) => times,
                _ => [texts.time(window.start)?, texts.time(window.end)?],
            };
            texts.places.extend(times.clone().map(Some));
            before = Some((window.start, window.end, times));
            debug_assert_eq!(layout.measures.len(), window.measures.len(), "a value or none for each measure");
            for (measure, value) in layout.measures.iter().zip(&window.measures) {
                let place = value.map(|value| texts.write(|all| push_decimal(all, value, measure.scale)));
                texts.places.push(place);
            }
        }
        texts.each = texts.places.len().checked_div(windows.len()).unwrap_or(0);
        Ok(texts)
    }

    fn time(&mut self, ms: i64) -> Result<Range<usize>> {
        let time = text::time(ms);
        let time = time.ok_or_else(|| StoreError::Fatal(format!("no calendar holds a window at {ms} ms")))?;
        Ok(self.write(|all| all.push_str(&time)))
    }

    fn write(&mut self, write: impl FnOnce(&mut String)) -> Range<usize> {
        let from = self.all.len();
        write(&mut self.all);
        from..self.all.len()
    }

    /// Appends the binds of `window`, which is at `at`, in the order of [`columns::filled`].
    pub(crate) fn push<'a>(&'a self, binds: &mut Vec<Bind<'a>>, at: usize, window: &'a WindowDelta) {
        let text = |place: &Option<Range<usize>>| Bind::text(place.clone().map(|place| &self.all[place]));
        let [start, end, measures @ ..] = &self.places[at * self.each..(at + 1) * self.each] else {
            unreachable!("every window has a start and an end")
        };
        binds.extend([text(start), Bind::Blob(&window.group.id), text(end)]);
        binds.extend(window.group.values.iter().map(|value| Bind::text(value.as_deref().map(text::cut))));
        binds.extend([window.records, window.flagged, window.late].map(Bind::Int));
        binds.extend(measures.iter().map(text));
    }
}

/// Newest first, groups of one window by their id. `final_idle`: only final ones, with `window.idle_after` in ms.
///
/// The key is walked backwards, which costs no more than the rows that are shown, however many there are; so within a window
/// it begins with the last group.
pub(super) async fn read(
    tx: &mut Transaction,
    layout: &StatsLayout,
    limit: u32,
    final_idle: Option<i64>,
) -> Result<Vec<StatsRow>> {
    let d = tx.dialect();
    let mut selected = format!("{}, {}, records, flagged, late", d.text_of("window_start"), d.text_of("window_end"));
    for field in &layout.group_by {
        selected += &format!(", `{field}`");
    }
    for measure in &layout.measures {
        selected += &format!(", {}", d.text_of(&columns::quoted(measure)));
    }
    // A window starts before it ends: what is said of the start is what lets the key be entered at the right place.
    let mut upto = String::new();
    if let Some(idle_ms) = final_idle {
        let sql = format!("SELECT {}", d.text_of(&schema::final_upto(d, layout, idle_ms)));
        match tx.rows(&sql, &[]).await?.first_mut().map(super::Row::maybe_text).transpose()?.flatten() {
            Some(time) => upto = time,
            None => return Ok(Vec::new()),
        }
    }
    let only = if final_idle.is_some() { "WHERE window_start < ? AND window_end <= ? " } else { "" };
    let table = &layout.table;
    let sql = format!("SELECT {selected} FROM `{table}` {only}ORDER BY window_start DESC, group_id DESC LIMIT ?");
    let mut binds = vec![Bind::Text(&upto); if final_idle.is_some() { 2 } else { 0 }];
    binds.push(Bind::Int(limit.into()));
    let time = |text: String| {
        text::epoch_ms(&text).ok_or_else(|| StoreError::Fatal(format!("{text:?} in {table} is not a time")))
    };
    let mut windows = Vec::new();
    for mut row in tx.rows(&sql, &binds).await? {
        let mut window = StatsRow {
            window_start: time(row.text()?)?,
            window_end: time(row.text()?)?,
            records: row.int()?,
            flagged: row.int()?,
            late: row.int()?,
            group: Vec::new(),
            measures: Vec::new(),
        };
        for field in &layout.group_by {
            window.group.push((field.clone(), row.maybe_text()?));
        }
        for column in layout.measures.iter().map(Measure::column) {
            window.measures.push((column, row.maybe_text()?));
        }
        windows.push(window);
    }
    windows.chunk_by_mut(|a, b| a.window_start == b.window_start).for_each(<[StatsRow]>::reverse);
    Ok(windows)
}
