//! What of windows is drawn: records, flagged and late ones, then each measure, over time, a line for each of the largest groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::chart::{LINES, Plot, Series, Value};
use super::super::number::{decimal, grouped};
use crate::admin::views::WindowView;
use crate::model::time::from_rfc3339;

/// Charts of measures; those of further measures would be a page of their own.
const MEASURES: usize = 9;

/// What is drawn.
pub(super) struct Plots {
    pub(super) charts: Vec<Plot>,
    /// Measures that are not.
    pub(super) more_measures: usize,
    /// Groups that have no line.
    pub(super) more_groups: usize,
}

/// Values of the group's fields, in their order.
type Group<'w> = Vec<Option<&'w str>>;

/// Of windows, newest first. `is_cut`: there may be further rows, so the oldest window may lack some, and is not drawn.
pub(super) fn of(windows: &[WindowView], is_cut: bool) -> Plots {
    let windows = if is_cut { without_the_oldest(windows) } else { windows };
    let Some(first) = windows.first() else {
        return Plots { charts: Vec::new(), more_measures: 0, more_groups: 0 };
    };
    let mut rows: BTreeMap<Group<'_>, BTreeMap<i64, &WindowView>> = BTreeMap::new();
    for window in windows {
        if let Ok(start) = from_rfc3339(&window.window_start) {
            let group = window.group.values().map(Option::as_deref).collect();
            rows.entry(group).or_default().insert(start, window);
        }
    }
    let mut groups: Vec<_> = rows.into_iter().collect();
    groups.sort_by_cached_key(|(_, rows)| Reverse(rows.values().map(|window| window.records).sum::<i64>()));
    let more_groups = groups.len().saturating_sub(LINES);
    groups.truncate(LINES);

    let times = times(windows);
    let open = windows.iter().filter(|window| !window.r#final);
    let open_from = open.filter_map(|window| from_rfc3339(&window.window_start).ok()).min();
    let plot = |name: &str, value: &dyn Fn(Option<&WindowView>) -> Option<Value>| {
        let values = |rows: &BTreeMap<i64, &WindowView>| {
            let marked = |at: &i64| {
                let window = rows.get(at).copied();
                let is_marked = window.is_some_and(|window| window.late > 0);
                value(window).map(|value| Value { is_marked, ..value })
            };
            times.iter().map(marked).collect()
        };
        let series = groups.iter().map(|(group, rows)| Series { name: name_of(group), values: values(rows) });
        Plot {
            id: format!("chart-{}", name.replace('.', "-")),
            title: name.to_owned(),
            times: times.clone(),
            series: series.collect(),
            open_from,
            marked: "late records are among them",
            changes: Vec::new(),
            table_every: None,
        }
    };
    // A window in which a group has no row had none of its records.
    let count = |number: i64| Some(Value { number: number as f64, text: grouped(number), is_marked: false });
    let mut charts = vec![
        plot("records", &|window| count(window.map_or(0, |window| window.records))),
        plot("flagged", &|window| count(window.map_or(0, |window| window.flagged))),
    ];
    if windows.iter().any(|window| window.late > 0) {
        charts.push(plot("late", &|window| count(window.map_or(0, |window| window.late))));
    }
    let measures = first.measures.keys();
    charts.extend(measures.clone().take(MEASURES).map(|column| {
        plot(column, &|window| {
            let text = window?.measures.get(column)?.as_deref()?;
            Some(Value { number: text.parse().ok()?, text: decimal(text), is_marked: false })
        })
    }));
    Plots { charts, more_measures: measures.len().saturating_sub(MEASURES), more_groups }
}

fn without_the_oldest(windows: &[WindowView]) -> &[WindowView] {
    let oldest = windows.last().map(|window| &window.window_start);
    let whole = windows.iter().take_while(|window| Some(&window.window_start) != oldest).count();
    // Of a single one, a part is more than nothing.
    if whole == 0 { windows } else { &windows[..whole] }
}

/// When windows begin, ascending. Where one has no row of any group, the lines must not pass over it: its neighbors are there, too.
fn times(windows: &[WindowView]) -> Vec<i64> {
    let ms = |text: &str| from_rfc3339(text).ok();
    let known: BTreeSet<(i64, i64)> =
        windows.iter().filter_map(|window| Some((ms(&window.window_start)?, ms(&window.window_end)?))).collect();
    let mut times = Vec::new();
    for (start, end) in known {
        let before: Option<(i64, i64)> = times.last().copied();
        if let Some((_, ended)) = before.filter(|(_, ended)| *ended < start) {
            let size = end - start;
            times.push((ended, ended + size));
            if ended + size < start {
                times.push((start - size, start));
            }
        }
        times.push((start, end));
    }
    times.into_iter().map(|(start, _)| start).collect()
}

fn name_of(group: &Group<'_>) -> String {
    if group.is_empty() {
        return "all records".to_owned();
    }
    group.iter().map(|value| group_value(*value)).collect::<Vec<_>>().join(" · ")
}

/// A value of a group in words: a missing one and an empty one look alike otherwise.
pub(super) fn group_value(value: Option<&str>) -> String {
    match value {
        None => "(missing)".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::store::StatsRow;

    const SIZE: i64 = 5_000;

    /// A row of a window by its number, and of a type.
    fn row(number: i64, kind: Option<&str>, records: i64, late: i64) -> WindowView {
        let row = StatsRow {
            window_start: number * SIZE,
            window_end: (number + 1) * SIZE,
            group: vec![("type".into(), kind.map(str::to_owned))],
            records,
            flagged: 1,
            late,
            measures: vec![("amount_sum".into(), (records > 1).then(|| "1234.50".to_owned()))],
        };
        WindowView::new(row, Some(3 * SIZE))
    }

    fn texts(series: &Series) -> Vec<&str> {
        series.values.iter().map(|value| value.as_ref().map_or("–", |value| value.text.as_str())).collect()
    }

    #[test]
    fn a_line_is_a_group_the_largest_first_and_a_window_without_a_row_had_no_records() {
        let windows = [row(3, Some("A"), 1, 0), row(2, None, 9, 1), row(2, Some("A"), 2, 0)];
        let Plots { charts, more_measures, .. } = of(&windows, false);
        let titles: Vec<_> = charts.iter().map(|chart| chart.title.as_str()).collect();
        assert_eq!((titles, more_measures), (vec!["records", "flagged", "late", "amount_sum"], 0));
        assert_eq!(charts[0].times, [2 * SIZE, 3 * SIZE]);
        assert_eq!(charts[0].open_from, Some(3 * SIZE), "the window before it ended at the watermark");
        let names: Vec<_> = charts[0].series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["(missing)", "A"]);
        assert_eq!([texts(&charts[0].series[0]), texts(&charts[0].series[1])], [["9", "0"], ["2", "1"]]);
        assert_eq!([texts(&charts[3].series[0]), texts(&charts[3].series[1])], [["1,234.50", "–"], ["1,234.50", "–"]]);
        let marked = |series: &Series| series.values.iter().flatten().any(|value| value.is_marked);
        assert_eq!([marked(&charts[0].series[0]), marked(&charts[0].series[1])], [true, false]);
    }

    #[test]
    fn of_many_groups_the_largest_have_lines_and_the_others_are_counted() {
        let kinds: Vec<_> = (0..10).map(|number| number.to_string()).collect();
        let windows: Vec<_> = (0..).zip(&kinds).map(|(number, kind)| row(0, Some(kind), number, 0)).collect();
        let plots = of(&windows, false);
        let names: Vec<_> = plots.charts[0].series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!((names, plots.more_groups), (vec!["9", "8", "7", "6", "5", "4"], 4));
    }

    #[test]
    fn the_oldest_window_is_not_drawn_where_it_may_lack_rows() {
        let windows = [row(2, Some("A"), 1, 0), row(1, Some("B"), 1, 0), row(1, Some("A"), 1, 0)];
        assert_eq!(of(&windows, true).charts[0].times, [2 * SIZE]);
        assert_eq!(of(&windows[1..], true).charts[0].times, [SIZE]);
        assert!(of(&[], true).charts.is_empty());
    }

    #[test]
    fn a_time_without_windows_is_a_gap_and_not_a_line_across() {
        let at = |numbers: &[i64]| {
            let windows: Vec<_> = numbers.iter().rev().map(|number| row(*number, None, 3, 0)).collect();
            of(&windows, false).charts.swap_remove(0)
        };
        let gap = at(&[0, 1, 9]);
        assert_eq!(gap.times, [0, 1, 2, 8, 9].map(|number| number * SIZE));
        assert_eq!(texts(&gap.series[0]), ["3", "3", "0", "0", "3"]);
        assert_eq!(at(&[0, 2]).times, [0, 1, 2].map(|number| number * SIZE));
    }
}
