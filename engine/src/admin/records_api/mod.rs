//! The paths about dead letters and the records behind them. All of them only read: out of memory what pages refresh, the rest by few
//! readers of Kafka.

mod query;
mod read;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;

use super::AdminState;
use super::auth::Principal;
use super::extract::{Params, Position, within};
use super::ports::Bytes;
use super::problem::{Problem, ProblemKind};
use super::views::{LetterGroupsView, LettersView, OneLetterView, RecordView};

pub(super) use query::LettersQuery;
pub(super) use read::{cut_of, find_groups, find_letter, find_letters, find_record, in_time, needs_values, source};

/// Bytes of a text of one letter or record that are shown, and of each of a download.
pub(super) const WHOLE: u32 = 65_536;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GroupsQuery {
    /// Letters beside the groups, 0 to 200; 50 unless given.
    #[param(minimum = 0, maximum = 200)]
    letters: Option<u32>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OneQuery {
    /// Bytes of the key, the value and each header that are shown at most, 1 to 65,536, which is what it is unless given.
    #[param(minimum = 1, maximum = 65536)]
    value_limit: Option<u32>,
}

/// Dead letters, newest first, and whether these are all that was asked for. Where a field is sensitive, those who may not see
/// values get code, rule, position and the other fields.
#[utoipa::path(get, path = "/dead-letters", tag = "records", params(LettersQuery),
    responses((status = 200, body = LettersView), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn letters(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<LettersQuery>,
) -> Result<Json<LettersView>, Problem> {
    Ok(Json(find_letters(&state, &who, &query).await?))
}

/// The same for a download, a letter a line, with texts of 65,536 bytes unless told otherwise. A last line `{"complete":false}` says
/// that there are or may be further letters. Where a field is sensitive, for those alone who may see values.
#[utoipa::path(get, path = "/dead-letters.ndjson", tag = "records", params(LettersQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = 400, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn letters_ndjson(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<LettersQuery>,
) -> Result<Response, Problem> {
    needs_values(&state, &who, "downloads")?;
    let (limit, value_limit) = (query.limit.or(Some(1_000)), query.value_limit.or(Some(WHOLE)));
    let found = find_letters(&state, &who, &LettersQuery { limit, value_limit, ..query }).await?;
    let mut lines = String::new();
    for letter in &found.letters {
        lines.push_str(&serde_json::to_string(letter).expect("a letter is plain data"));
        lines.push('\n');
    }
    if !found.complete {
        lines.push_str("{\"complete\":false}\n");
    }
    Ok(download(lines.into_bytes(), "application/x-ndjson", "dead-letters.ndjson"))
}

/// The newest dead letters by code, rule and version. From memory: this instance reads their topic while somebody asks for this, and for
/// a minute longer.
#[utoipa::path(get, path = "/dead-letters/groups", tag = "records", params(GroupsQuery),
    responses((status = 200, body = LetterGroupsView), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn groups(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<GroupsQuery>,
) -> Result<Json<LetterGroupsView>, Problem> {
    let letters = within(query.letters.unwrap_or(50), 0..=200, "letters")?;
    Ok(Json(find_groups(&state, &who, letters as usize).await))
}

/// The dead letter at a position of the dead-letter topic.
#[utoipa::path(get, path = "/dead-letters/{position}", tag = "records", params(("position" = String, Path, pattern = "^[0-9]{1,9}@[0-9]{1,18}$"), OneQuery),
    responses((status = 200, body = OneLetterView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn letter(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
    Params(query): Params<OneQuery>,
) -> Result<Json<OneLetterView>, Problem> {
    Ok(Json(find_letter(&state, &who, at, text(query.value_limit)?).await?.view))
}

/// The bytes of a dead letter's value, as they are in the topic. Where a field is sensitive, for those alone who may see values.
#[utoipa::path(get, path = "/dead-letters/{position}/value", tag = "records", params(("position" = String, Path, pattern = "^[0-9]{1,9}@[0-9]{1,18}$")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn letter_value(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
) -> Result<Response, Problem> {
    needs_values(&state, &who, "downloads")?;
    value(in_time(state.records.letter(at, 0)).await?.value, &format!("dead-letter-{at}"))
}

/// The record at a position of the source topic.
#[utoipa::path(get, path = "/records/{position}", tag = "records", params(("position" = String, Path, pattern = "^[0-9]{1,9}@[0-9]{1,18}$"), OneQuery),
    responses((status = 200, body = RecordView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn record(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
    Params(query): Params<OneQuery>,
) -> Result<Json<RecordView>, Problem> {
    Ok(Json(find_record(&state, &who, at, text(query.value_limit)?).await?.view))
}

/// The bytes of a record's value, as they are in the topic. Where a field is sensitive, for those alone who may see values.
#[utoipa::path(get, path = "/records/{position}/value", tag = "records", params(("position" = String, Path, pattern = "^[0-9]{1,9}@[0-9]{1,18}$")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn record_value(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
) -> Result<Response, Problem> {
    needs_values(&state, &who, "downloads")?;
    value(in_time(state.records.record(at, 0)).await?.value, &format!("record-{at}"))
}

fn text(value_limit: Option<u32>) -> Result<usize, Problem> {
    Ok(within(value_limit.unwrap_or(WHOLE), 1..=WHOLE, "value_limit")? as usize)
}

fn value(value: Bytes, name: &str) -> Result<Response, Problem> {
    match value {
        Bytes::Whole(bytes) => Ok(download(bytes, "application/octet-stream", name)),
        Bytes::None => Err(ProblemKind::NotFound.problem("it has no value: a tombstone", "there are no bytes to send")),
        Bytes::TooMany { bytes, most } => Err(too_many(bytes, most)),
    }
}

/// A value that is longer than what is held for an answer.
pub(super) fn too_many(bytes: usize, most: usize) -> Problem {
    ProblemKind::Invalid.problem(
        format!("the value has {bytes} bytes, and {most} are sent at most"),
        "read it with a tool of Kafka's: kafka-console-consumer.sh --partition … --offset … --max-messages 1",
    )
}

/// An answer that browsers keep as a file.
fn download(bytes: Vec<u8>, media_type: &'static str, name: &str) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("digits and letters go into a header");
    let media_type = HeaderValue::from_static(media_type);
    ([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
