//! Rows of the statistics as both databases read them.

use std::ops::Range;

use super::{Bind, Result, Transaction, columns, schema, text};
use crate::model::aggregate::Measure;
use crate::model::checkpoint::{StatsLayout, WindowDelta};
use crate::model::store::{StatsRow, StoreError, WindowRows, WindowsWanted};
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

/// Newest first, groups of one window by their id. `idle_ms`: `window.idle_after`.
///
/// The key is walked backwards, which costs no more than the rows that are shown, however many there are; so within a window
/// it begins with the last group.
pub(super) async fn read(
    tx: &mut Transaction,
    layout: &StatsLayout,
    wanted: WindowsWanted,
    idle_ms: i64,
) -> Result<WindowRows> {
    let d = tx.dialect();
    // Before the rows: what became final meanwhile is said to be open, and not the other way around.
    let sql = format!("SELECT {}", d.text_of(&schema::final_upto(d, layout, idle_ms)));
    let upto = tx.rows(&sql, &[]).await?.first_mut().map(super::Row::maybe_text).transpose()?.flatten();
    let final_upto = upto.as_deref().map(|text| time(layout, text)).transpose()?;
    if wanted.final_only && upto.is_none() {
        return Ok(WindowRows::default());
    }
    let mut only = Vec::new();
    let mut times = Vec::new();
    if let Some(upto) = upto.filter(|_| wanted.final_only) {
        // A window starts before it ends: what is said of the start is what lets the key be entered at the right place.
        only.extend(["window_start < ?", "window_end <= ?"]);
        times.extend([upto.clone(), upto]);
    }
    for (at, condition) in [(wanted.from, "window_start >= ?"), (wanted.to, "window_start < ?")] {
        if let Some(at) = at {
            let text = text::time(at);
            times.push(text.ok_or_else(|| StoreError::Fatal(format!("no calendar holds a window at {at} ms")))?);
            only.push(condition);
        }
    }
    let mut selected = format!("{}, {}, records, flagged, late", d.text_of("window_start"), d.text_of("window_end"));
    for field in &layout.group_by {
        selected += &format!(", `{field}`");
    }
    for measure in &layout.measures {
        selected += &format!(", {}", d.text_of(&columns::quoted(measure)));
    }
    let only = if only.is_empty() { String::new() } else { format!("WHERE {} ", only.join(" AND ")) };
    let table = &layout.table;
    let sql = format!("SELECT {selected} FROM `{table}` {only}ORDER BY window_start DESC, group_id DESC LIMIT ?");
    let mut binds: Vec<_> = times.iter().map(|time| Bind::Text(time)).collect();
    binds.push(Bind::Int(wanted.limit.into()));
    let mut rows = Vec::new();
    for mut row in tx.rows(&sql, &binds).await? {
        let mut window = StatsRow {
            window_start: time(layout, &row.text()?)?,
            window_end: time(layout, &row.text()?)?,
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
        rows.push(window);
    }
    rows.chunk_by_mut(|a, b| a.window_start == b.window_start).for_each(<[StatsRow]>::reverse);
    Ok(WindowRows { rows, final_upto })
}

fn time(layout: &StatsLayout, text: &str) -> Result<i64> {
    text::epoch_ms(text).ok_or_else(|| StoreError::Fatal(format!("{text:?} in {} is not a time", layout.table)))
}
