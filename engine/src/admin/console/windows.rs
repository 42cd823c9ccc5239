//! "Windows": rows of `risk_stats` as people look at them, a chart a measure over time, a line a group. It refreshes: many browsers
//! are one read of the database a second, by its key.

mod plots;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::{Params, within};
use super::super::problem::Problem;
use super::super::views::WindowView;
use super::super::windows_api::{self, MOST_LINES, MOST_ROWS};
use super::chart::Chart;
use super::dress::encoded;
use super::moment::Moment;
use super::number::{NOT_KNOWN, decimal, grouped};
use super::page::{Frame, page};
use crate::model::store::WindowsWanted;

/// Rows that are read unless the form says otherwise.
const ROWS: u32 = 300;
/// Rows that the table lists; the charts show all that were read.
const LISTED: usize = 200;

/// What the form of the page asks for. An empty text is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    from: String,
    to: String,
    limit: String,
    #[serde(rename = "final")]
    only_final: String,
}

#[derive(Template)]
#[template(path = "windows.html")]
struct Windows {
    frame: Frame,
    form: Query,
    /// Choices of how many rows are read, and whether each is the present one.
    limits: Vec<(String, bool)>,
    charts: Vec<Chart>,
    /// Measures that have no chart.
    more_measures: usize,
    /// Groups that have no line.
    more_groups: usize,
    /// Names of the group's fields and of the measures.
    fields: Vec<String>,
    measures: Vec<String>,
    rows: Vec<Row>,
    /// Rows that were read and are not listed.
    more: usize,
    /// Whether there may be older rows than these.
    is_cut: bool,
    /// Why some measures are not shown; None: all are.
    hidden: Option<String>,
    /// The query of the same as JSON and as CSV: `?from=…`, or nothing.
    json: String,
    csv: String,
}

/// A row of the table.
struct Row {
    start: Moment,
    group: Vec<String>,
    records: String,
    flagged: String,
    late: Option<String>,
    measures: Vec<String>,
    is_final: bool,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(form): Params<Query>,
) -> Result<Response, Problem> {
    let wanted = form.wanted()?;
    let rows = windows_api::recent(&state, wanted).await?;
    let windows = windows_api::views(&state, &who, &rows);
    let hidden = state.hide(&who).map(super::super::views::Hide::why);
    let made = Windows::new(Frame::new(&state, &who, "windows"), form, wanted, &windows, hidden);
    Ok(page(StatusCode::OK, &made))
}

/// The same as a file.
pub(super) async fn csv(
    state: State<AdminState>,
    who: Extension<Principal>,
    query: Params<windows_api::WindowsQuery>,
) -> Result<Response, Problem> {
    windows_api::windows_csv(state, who, query).await
}

impl Query {
    fn wanted(&self) -> Result<WindowsWanted, Problem> {
        let at = |text: &str, name| {
            let text = Some(rfc3339_of(text)).filter(|text| !text.is_empty());
            text.map(|text| windows_api::time(&text, name)).transpose()
        };
        // What is no number is outside of the range, too.
        let limit = if self.limit.is_empty() { ROWS } else { self.limit.parse().unwrap_or_default() };
        Ok(WindowsWanted {
            limit: within(limit, 1..=MOST_ROWS, "limit")?,
            final_only: !self.only_final.is_empty(),
            from: at(&self.from, "from")?,
            to: at(&self.to, "to")?,
        })
    }

    /// The query of the API that asks for the same.
    fn of_api(&self, limit: u32) -> String {
        let time = |name: &str, text: &str| {
            let text = Some(rfc3339_of(text)).filter(|text| !text.is_empty());
            text.map(|text| format!("&{name}={}", encoded(&text))).unwrap_or_default()
        };
        let only = if self.only_final.is_empty() { "" } else { "&final=true" };
        format!("?limit={limit}{}{}{only}", time("from", &self.from), time("to", &self.to))
    }
}

/// What a browser's field for a time sends has neither a zone nor, where they are 0, seconds. It stands beside "UTC".
fn rfc3339_of(text: &str) -> String {
    match text.trim() {
        text if text.len() == "2026-01-31T12:00".len() => format!("{text}:00Z"),
        text if text.is_empty()
            || text.ends_with(['Z', 'z'])
            || text.get(19..).is_some_and(|z| z.contains(['+', '-'])) =>
        {
            text.to_owned()
        }
        text => format!("{text}Z"),
    }
}

impl Windows {
    fn new(frame: Frame, form: Query, wanted: WindowsWanted, windows: &[WindowView], hidden: Option<String>) -> Self {
        let is_cut = windows.len() >= wanted.limit as usize;
        let names = |map: fn(&WindowView) -> Vec<String>| windows.first().map(map).unwrap_or_default();
        let plots = plots::of(windows, is_cut);
        let choices = [100, ROWS, MOST_ROWS];
        let limits = choices.into_iter().chain(Some(wanted.limit).filter(|limit| !choices.contains(limit)));
        Self {
            frame,
            limits: limits.map(|limit| (limit.to_string(), limit == wanted.limit)).collect(),
            charts: plots.charts.into_iter().map(Chart::draw).collect(),
            more_measures: plots.more_measures,
            more_groups: plots.more_groups,
            fields: names(|window| window.group.keys().cloned().collect()),
            measures: names(|window| window.measures.keys().cloned().collect()),
            rows: windows.iter().take(LISTED).map(Row::from).collect(),
            more: windows.len().saturating_sub(LISTED),
            is_cut,
            hidden,
            json: form.of_api(wanted.limit),
            csv: form.of_api(MOST_LINES),
            form: Query { from: field_of(&form.from), to: field_of(&form.to), ..form },
        }
    }
}

/// As a browser's field for a time takes it: without the zone, which is UTC.
fn field_of(text: &str) -> String {
    text.trim().trim_end_matches(['Z', 'z']).to_owned()
}

impl From<&WindowView> for Row {
    fn from(window: &WindowView) -> Self {
        let measure = |value: &Option<String>| value.as_deref().map_or_else(|| NOT_KNOWN.to_owned(), decimal);
        Self {
            start: Moment::exact(&window.window_start),
            group: window.group.values().map(|value| plots::group_value(value.as_deref())).collect(),
            records: grouped(window.records),
            flagged: grouped(window.flagged),
            late: Some(window.late).filter(|late| *late != 0).map(grouped),
            measures: window.measures.values().map(measure).collect(),
            is_final: window.r#final,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_a_form_is_utc_whether_it_says_so_or_not() {
        for (text, wanted) in [
            ("2026-01-31T12:00", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:05", "2026-01-31T12:00:05Z"),
            ("2026-01-31T12:00:05.250", "2026-01-31T12:00:05.250Z"),
            (" 2026-01-31T12:00:05Z ", "2026-01-31T12:00:05Z"),
            ("2026-01-31T12:00:05+02:00", "2026-01-31T12:00:05+02:00"),
            ("2026-01-31T12:00:05.250-02:00", "2026-01-31T12:00:05.250-02:00"),
            ("", ""),
        ] {
            assert_eq!(rfc3339_of(text), wanted);
        }
    }

    #[test]
    fn the_api_is_asked_for_the_same() {
        let form = Query { from: "2026-01-31T12:00".into(), only_final: "true".into(), ..Query::default() };
        let wanted = form.wanted().expect("a time");
        assert_eq!(
            (wanted.from, wanted.to, wanted.final_only, wanted.limit),
            (Some(1_769_860_800_000), None, true, ROWS)
        );
        assert_eq!(form.of_api(7), "?limit=7&from=2026-01-31T12%3A00%3A00Z&final=true");
        for (from, limit) in [("yesterday", ""), ("", "0"), ("", "1001"), ("", "many")] {
            let form = Query { from: from.into(), limit: limit.into(), ..Query::default() };
            assert_eq!(form.wanted().expect_err("refused").status, 422, "{from}{limit}");
        }
    }
}
