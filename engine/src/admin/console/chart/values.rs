//! The values of a chart as texts: in its table, and where somebody points at a time.

use super::super::moment::exact;
use super::super::number::{NOT_KNOWN, cut};
use super::{Axis, NAME, Plot, Series, percent};
use crate::admin::views::rfc3339;

/// Times up to which a chart says its values where it is pointed at: more are too narrow to point at, and make a page heavy.
const POINTED: usize = 120;

/// What is said where somebody points at a time.
pub(super) struct Point {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) text: String,
}

pub(super) struct Table {
    pub(super) every: usize,
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) at: String,
    pub(super) is_open: bool,
    pub(super) cells: Vec<String>,
}

/// A time in words, UTC, with its milliseconds unless they are 0.
pub(super) fn shown(at: i64) -> String {
    exact(&rfc3339(at))
}

/// One for each of the times; none where there are many.
pub(super) fn points(plot: &Plot, axis: &Axis) -> Vec<Point> {
    if plot.times.len() > POINTED {
        return Vec::new();
    }
    let xs: Vec<f64> = plot.times.iter().map(|at| axis.x(*at)).collect();
    let point = |(number, at): (usize, &i64)| {
        let from = number.checked_sub(1).map_or(0.0, |before| f64::midpoint(xs[before], xs[number]));
        let to = xs.get(number + 1).map_or(1_000.0, |after| f64::midpoint(xs[number], *after));
        let said = |series: &Series| {
            let value = series.values.get(number)?.as_ref()?;
            let marked = if value.is_marked { format!(" ({})", plot.marked) } else { String::new() };
            Some(format!(" · {}: {}{marked}", cut(&series.name, NAME), value.text))
        };
        let open = if plot.open_from.is_some_and(|open| *at >= open) { ", open" } else { "" };
        let values: String = plot.series.iter().filter_map(said).collect();
        Point { x: percent(from), width: percent(to - from), text: format!("{}{open}{values}", shown(*at)) }
    };
    plot.times.iter().enumerate().map(point).collect()
}

/// The values of each `every`-th of the times, from the newest on.
pub(super) fn table(plot: &Plot, every: usize) -> Table {
    let row = |(number, at): (usize, &i64)| {
        let cell = |series: &Series| {
            let value = series.values.get(number).and_then(Option::as_ref);
            value.map_or_else(|| NOT_KNOWN.to_owned(), |value| value.text.clone())
        };
        let is_open = plot.open_from.is_some_and(|open| *at >= open);
        Row { at: shown(*at), is_open, cells: plot.series.iter().map(cell).collect() }
    };
    let names = plot.series.iter().map(|series| cut(&series.name, NAME)).collect();
    Table { every, names, rows: plot.times.iter().enumerate().rev().step_by(every).map(row).collect() }
}
