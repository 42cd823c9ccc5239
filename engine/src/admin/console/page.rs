//! What all pages share: the frame around their content, and how a template becomes an answer.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::problem::ProblemKind;
use super::super::views::rfc3339;
use super::moment::to_the_second;
use crate::clock::now_ms;
use crate::config::May;

/// What a page shows around its content.
#[derive(Default)]
pub(super) struct Frame {
    /// `pipeline.name`.
    pub(super) pipeline: String,
    /// Name of whoever is signed in; None: nobody is.
    pub(super) who: Option<String>,
    /// What the caller may do, in words.
    pub(super) rights: String,
    /// Whether the caller may see what the pipeline does: the way to the pages is shown.
    pub(super) reads: bool,
    /// Whether the pipeline reports alerts, so that there is a page of them.
    pub(super) alerts: bool,
    /// Whether no token is asked for, so that there is nothing to sign out of.
    pub(super) is_open: bool,
    /// When the page was made, UTC, to the second.
    pub(super) at: String,
    /// The page among those that the frame leads to; empty: another one.
    pub(super) here: &'static str,
}

impl Frame {
    pub(super) fn new(state: &AdminState, who: &Principal, here: &'static str) -> Self {
        Self {
            pipeline: state.access.pipeline.clone(),
            who: Some(who.name.to_string()).filter(|_| !who.is_nobody()),
            rights: who.rights().to_string(),
            reads: who.may(May::Read),
            alerts: state.alerts.is_some(),
            is_open: state.access.keys.open(),
            at: to_the_second(&rfc3339(now_ms())),
            here,
        }
    }
}

/// The page as an answer; `console/dress.rs` gives it its headers.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(header::CONTENT_TYPE, html)], text).into_response()
        }
        Err(why) => {
            tracing::error!(%why, "a page of the console can't be made");
            ProblemKind::Internal
                .problem("the page can't be made; the pipeline goes on", "the log has the message: please report it")
                .into_response()
        }
    }
}

/// Sends a browser to another page by a GET, whatever brought it here.
pub(super) fn see_other(to: &str) -> Response {
    match HeaderValue::try_from(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::SEE_OTHER.into_response(),
    }
}
