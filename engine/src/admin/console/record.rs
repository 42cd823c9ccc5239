//! One record of the source topic, as it is there; and what pages show of a record wherever they have it from.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::Position;
use super::super::ports::Found;
use super::super::problem::Problem;
use super::super::records_api::{WHOLE, find_record};
use super::super::views::HeaderView;
use super::moment::Moment;
use super::number::count;
use super::page::{Frame, page};
use crate::model::ids::RecordPosition;

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    frame: Frame,
    at: RecordPosition,
    written: Moment,
    /// The record before; None: it is the first of its partition.
    before: Option<RecordPosition>,
    after: RecordPosition,
    content: Content,
}

/// Fields, bytes and headers of a record (`templates/content.html`).
pub(super) struct Content {
    pub(super) fields: Vec<Named>,
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
    pub(super) value_bytes: Option<u64>,
    pub(super) headers: Vec<Named>,
    pub(super) truncated: bool,
    /// Where the bytes of the value are.
    pub(super) bytes: String,
    /// Why parts of it are not shown; empty: nothing is hidden.
    pub(super) hidden: String,
}

impl Content {
    /// Whether the value is shown with every byte of it, so that it can be copied as text.
    pub(super) fn is_whole_text(&self) -> bool {
        let bytes = self.value.as_ref().map(|value| value.len() as u64);
        bytes.is_some()
            && bytes == self.value_bytes
            && !self.value.as_ref().is_some_and(|value| value.contains('\u{fffd}'))
    }

    /// Bytes of the value, in words.
    pub(super) fn size(&self) -> String {
        self.value_bytes.map_or_else(|| "none: a tombstone".to_owned(), |bytes| format!("{} bytes", count(bytes)))
    }
}

/// A name and a text; None: there is none.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) text: Option<String>,
}

impl Named {
    pub(super) fn of_fields(fields: BTreeMap<String, Option<String>>) -> Vec<Self> {
        fields.into_iter().map(|(name, text)| Self { name, text }).collect()
    }

    pub(super) fn of_headers(headers: Vec<HeaderView>) -> Vec<Self> {
        headers.into_iter().map(|header| Self { name: header.name, text: header.value }).collect()
    }
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
) -> Result<Response, Problem> {
    let Found { view: record, .. } = find_record(&state, &who, at, WHOLE as usize).await?;
    let beside = |by: i64| RecordPosition { offset: crate::model::ids::Offset(at.offset.0.saturating_add(by)), ..at };
    let record_page = Record {
        frame: Frame::new(&state, &who, "letters"),
        at,
        written: Moment::known(record.at.as_deref()),
        before: Some(beside(-1)).filter(|before| before.offset.0 >= 0),
        after: beside(1),
        content: Content {
            fields: Named::of_fields(record.fields),
            key: record.key,
            value: record.value,
            value_bytes: record.value_bytes,
            headers: Named::of_headers(record.headers),
            truncated: record.truncated,
            bytes: format!("/console/records/{at}/value"),
            hidden: record.hidden.unwrap_or_default(),
        },
    };
    Ok(page(StatusCode::OK, &record_page))
}
