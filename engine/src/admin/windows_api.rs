//! The paths about windows: rows of `risk_stats` as JSON and as CSV. Both only read.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;

use super::AdminState;
use super::auth::Principal;
use super::extract::{Params, within};
use super::kept::Kept;
use super::pipeline_api::reading;
use super::problem::{Problem, ProblemKind};
use super::views::{WindowView, csv_of};
use crate::model::store::{WindowRows, WindowsWanted};
use crate::model::time::from_rfc3339;

/// Rows of an answer as JSON, at most.
pub(super) const MOST_ROWS: u32 = 1_000;
/// Rows of a CSV, at most.
pub(super) const MOST_LINES: u32 = 10_000;

/// How long rows that were read, or why none were, are good for pages that refresh.
const FRESH: Duration = Duration::from_secs(1);

/// Rows by what was asked for.
pub(super) type Windows = Kept<WindowsWanted, Arc<WindowRows>, Problem>;

/// None were read yet.
pub(super) fn no_windows() -> Windows {
    Kept::new(FRESH, FRESH)
}

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WindowsQuery {
    /// 1 to 1,000, as CSV to 10,000; 100 unless given, as CSV 10,000.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<u32>,
    /// Only windows that ended before the least watermark.
    r#final: Option<bool>,
    /// Only windows that begin at this time or later, RFC 3339.
    from: Option<String>,
    /// Only windows that begin before this time, RFC 3339.
    to: Option<String>,
}

impl WindowsQuery {
    fn wanted(&self, unless_given: u32, most: u32) -> Result<WindowsWanted, Problem> {
        Ok(WindowsWanted {
            limit: within(self.limit.unwrap_or(unless_given), 1..=most, "limit")?,
            final_only: self.r#final.unwrap_or(false),
            from: self.from.as_deref().map(|text| time(text, "from")).transpose()?,
            to: self.to.as_deref().map(|text| time(text, "to")).transpose()?,
        })
    }
}

/// Windows, newest first. Measures of a sensitive field are there for those alone who may see values.
#[utoipa::path(get, path = "/windows", tag = "pipeline", params(WindowsQuery),
    responses((status = 200, body = Vec<WindowView>), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn windows(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<WindowsQuery>,
) -> Result<Json<Vec<WindowView>>, Problem> {
    let rows = read(&state, query.wanted(100, MOST_ROWS)?).await?;
    Ok(Json(views(&state, &who, &rows)))
}

/// The same as CSV, a header and a line a row. A group's value at which a spreadsheet would compute has a `'` before it.
#[utoipa::path(get, path = "/windows.csv", tag = "pipeline", params(WindowsQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn windows_csv(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<WindowsQuery>,
) -> Result<Response, Problem> {
    let wanted = query.wanted(MOST_LINES, MOST_LINES)?;
    let rows = read(&state, wanted).await?;
    let windows = views(&state, &who, &rows);
    // What was cut is said where a reader of lines does not stumble over it.
    let is_whole = windows.len() < wanted.limit as usize;
    let name = if is_whole { "windows.csv".to_owned() } else { format!("windows-newest-{}.csv", wanted.limit) };
    let name = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).expect("letters and digits");
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], csv_of(&windows)).into_response())
}

async fn read(state: &AdminState, wanted: WindowsWanted) -> Result<WindowRows, Problem> {
    reading(state.clone(), move |store| async move { store.windows_of(wanted).await }).await
}

/// The rows of at most a second ago: pages that ask every few seconds, however many, are one reader of the database. Programs, which
/// may just have seen a checkpoint, get what is there.
pub(super) async fn recent(state: &AdminState, wanted: WindowsWanted) -> Result<Arc<WindowRows>, Problem> {
    state.windows.get(wanted, async { read(state, wanted).await.map(Arc::new) }).await
}

/// As this caller may see them.
pub(super) fn views(state: &AdminState, who: &Principal, rows: &WindowRows) -> Vec<WindowView> {
    let view = |row: &crate::model::store::StatsRow| WindowView::new(row.clone(), rows.final_upto);
    let mut windows: Vec<_> = rows.rows.iter().map(view).collect();
    if let Some(hide) = state.hide(who) {
        hide.windows(&mut windows);
    }
    windows
}

/// A time of the query, in epoch milliseconds.
pub(super) fn time(text: &str, name: &str) -> Result<i64, Problem> {
    from_rfc3339(text).map_err(|_| {
        ProblemKind::Invalid.problem(format!("{name} is {text:?}"), "write a time like 2026-01-31T12:00:00Z, as UTC")
    })
}
