//! Charts of values over time: SVG that the server draws, so that a page shows them without a script, with a table of the same
//! values below. The lines stretch with the page and the texts do not: x is in thousandths of the width, y in CSS pixels.
//!
//! A picture has the precision of a screen, so positions are floating-point numbers; the table, and what is shown above a point,
//! has each value as the text that whoever asked for the chart gave. Lines differ in their dashes, not in their color alone.

mod scale;
mod values;

use askama::Template;

use super::number::cut;
use scale::{Scale, times};
use values::{Point, Table, points, shown, table};

/// Lines of a chart; more are not told apart.
pub(super) const LINES: usize = 6;
/// Height of the plane with the lines, in pixels, and where it begins below the upper edge.
const PLANE: f64 = 150.0;
const TOP: f64 = 18.0;
/// Where the times begin and end, in thousandths of the width: half a mark is beside them.
const LEFT: f64 = 15.0;
const RIGHT: f64 = 985.0;
/// Characters of a line's name.
const NAME: usize = 60;

/// What a chart shows.
#[derive(Default)]
pub(super) struct Plot {
    /// Of the element, unlike any other of the page: ASCII letters, digits, `-` and `_`.
    pub(super) id: String,
    /// What it is, with the unit: "Lag, in seconds".
    pub(super) title: String,
    /// Epoch milliseconds, ascending.
    pub(super) times: Vec<i64>,
    /// The first [`LINES`] are drawn.
    pub(super) series: Vec<Series>,
    /// The first of the times whose values can still change, each of the later ones included; None: there is none.
    pub(super) open_from: Option<i64>,
    /// What a mark on a point says, as "late records were added"; without effect where no value is marked.
    pub(super) marked: &'static str,
    /// When something happened, epoch milliseconds, ascending; the chart numbers them from 1, and whoever shows it lists them.
    pub(super) changes: Vec<i64>,
    /// The table has each n-th of the times, the newest first; None: whoever shows the chart has a table of its own.
    pub(super) table_every: Option<usize>,
}

/// A line.
pub(super) struct Series {
    /// Its name, of whatever origin.
    pub(super) name: String,
    /// One for each of the times; None: not known, the line has a gap.
    pub(super) values: Vec<Option<Value>>,
}

/// A value at a time.
#[derive(Clone, Default)]
pub(super) struct Value {
    /// Where the point is; no number: there is no point.
    pub(super) number: f64,
    /// The value as it is shown.
    pub(super) text: String,
    /// Whether the point has a mark.
    pub(super) is_marked: bool,
}

/// A chart. A page shows it by `{{ chart|safe }}`: it is a template of its own, which has escaped its texts.
#[derive(Default, Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    id: String,
    title: String,
    /// From when to when, in words.
    span: String,
    lines: Vec<Line>,
    /// Lines that were not drawn.
    left_out: usize,
    levels: Vec<Level>,
    ticks: Vec<Tick>,
    open: Option<Band>,
    marks: Vec<Mark>,
    marked: &'static str,
    changes: Vec<Change>,
    points: Vec<Point>,
    table: Option<Table>,
}

struct Line {
    /// From 0; decides color and dashes.
    number: usize,
    name: String,
    path: String,
}

/// A value that the axis names.
struct Level {
    y: String,
    label: String,
}

/// A time that the axis names.
struct Tick {
    x: String,
    anchor: &'static str,
    label: String,
}

/// The times whose values can still change, to the right edge.
struct Band {
    x: String,
    width: String,
}

struct Mark {
    line: usize,
    x: String,
    y: String,
}

struct Change {
    number: usize,
    x: String,
}

impl Chart {
    /// Height of the whole picture, in pixels: the plane, and the names of the times below it.
    const HEIGHT: u32 = 190;
    /// See [`PLANE`], for the template.
    const PLANE: f64 = PLANE;
    /// See [`TOP`].
    const TOP: f64 = TOP;

    /// Draws it.
    pub(super) fn draw(mut plot: Plot) -> Self {
        let left_out = plot.series.len().saturating_sub(LINES);
        plot.series.truncate(LINES);
        let (Some(&first), Some(&last)) = (plot.times.first(), plot.times.last()) else {
            return Self { id: plot.id, title: plot.title, ..Self::default() };
        };
        let numbers = plot.series.iter().flat_map(|series| &series.values).flatten().map(|value| value.number);
        let (scale, axis) = (Scale::of(numbers), Axis { first, last });
        let line = |(number, series): (usize, &Series)| Line {
            number,
            name: cut(&series.name, NAME),
            path: path(&plot.times, &series.values, &axis, &scale),
        };
        let marks = marks(&plot, &axis, &scale);
        Self {
            span: format!("{} to {}, UTC", shown(first), shown(last)),
            lines: plot.series.iter().enumerate().map(line).collect(),
            left_out,
            levels: scale.levels().map(|(y, label)| Level { y: coordinate(TOP + y), label }).collect(),
            ticks: ticks(&axis),
            open: band(&plot, &axis),
            marked: if marks.is_empty() { "" } else { plot.marked },
            marks,
            changes: changes(&plot, &axis),
            points: points(&plot, &axis),
            table: plot.table_every.map(|every| table(&plot, every.max(1))),
            id: plot.id,
            title: plot.title,
        }
    }

    fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.path.is_empty())
    }
}

/// Where times are.
struct Axis {
    first: i64,
    last: i64,
}

impl Axis {
    /// In thousandths of the width. A single time is in the middle.
    fn x(&self, at: i64) -> f64 {
        let span = self.last.saturating_sub(self.first);
        if span == 0 {
            return f64::midpoint(LEFT, RIGHT);
        }
        let part = at.saturating_sub(self.first) as f64 / span as f64;
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

/// As few digits as a screen shows: `12.5`, `12`.
fn coordinate(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Thousandths of the width as a percentage: `98.5%`.
fn percent(x: f64) -> String {
    let text = format!("{:.2}", x / 10.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A line with its gaps; a value between two gaps is a short dash.
fn path(times: &[i64], values: &[Option<Value>], axis: &Axis, scale: &Scale) -> String {
    let mut path = String::new();
    let mut run = 0;
    let end = |path: &mut String, run: &mut usize| {
        if std::mem::take(run) == 1 {
            path.push_str("m-3 0h6");
        }
    };
    for (at, value) in times.iter().zip(values) {
        let Some(value) = value.as_ref().filter(|value| value.number.is_finite()) else {
            end(&mut path, &mut run);
            continue;
        };
        path.push(if run == 0 { 'M' } else { 'L' });
        path += &format!("{} {}", coordinate(axis.x(*at)), coordinate(scale.y(value.number)));
        run += 1;
    }
    end(&mut path, &mut run);
    path
}

fn ticks(axis: &Axis) -> Vec<Tick> {
    let tick = |(at, label): (i64, String)| {
        let x = axis.x(at);
        let anchor = match x {
            x if x < 80.0 => "start",
            x if x > 920.0 => "end",
            _ => "middle",
        };
        Tick { x: percent(x), anchor, label }
    };
    times(axis.first, axis.last).into_iter().map(tick).collect()
}

/// From the middle between the last time that is final and the first that is not.
fn band(plot: &Plot, axis: &Axis) -> Option<Band> {
    let open = plot.times.partition_point(|at| Some(*at) < plot.open_from);
    let first = axis.x(*plot.times.get(open).filter(|_| plot.open_from.is_some())?);
    let x = open.checked_sub(1).map_or(0.0, |before| f64::midpoint(axis.x(plot.times[before]), first));
    Some(Band { x: percent(x), width: percent(1_000.0 - x) })
}

fn marks(plot: &Plot, axis: &Axis, scale: &Scale) -> Vec<Mark> {
    let of_line = |(line, series): (usize, &Series)| {
        let marked = plot.times.iter().zip(&series.values).filter_map(|(at, value)| Some((at, value.as_ref()?)));
        let marked = marked.filter(|(_, value)| value.is_marked && value.number.is_finite());
        let mark = |(at, value): (&i64, &Value)| Mark {
            line,
            x: percent(axis.x(*at)),
            y: coordinate(TOP + scale.y(value.number)),
        };
        marked.map(mark).collect::<Vec<_>>()
    };
    plot.series.iter().enumerate().flat_map(of_line).collect()
}

/// Those within the span: others would stand at its edges.
fn changes(plot: &Plot, axis: &Axis) -> Vec<Change> {
    let numbered = (1..).zip(&plot.changes).filter(|(_, at)| (axis.first..=axis.last).contains(at));
    numbered.map(|(number, at)| Change { number, x: percent(axis.x(*at)) }).collect()
}

#[cfg(test)]
mod tests;
