//! The paths about dead letters and the records behind them. All of them only read: out of memory what pages refresh, the rest by few
//! readers of Kafka.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::NaiveDateTime;
use serde::Deserialize;

use super::AdminState;
use super::auth::Principal;
use super::extract::{Params, Position, within};
use super::ports::{Bytes, Found, LetterFilter, ReadError};
use super::problem::{Problem, ProblemKind, redact};
use super::views::{LetterGroupsView, LetterView, LettersView, OneLetterView, RecordView};
use crate::model::ids::RecordPosition;
use crate::model::time::from_rfc3339;

/// How long Kafka may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a text of one letter or record that are shown, and of each of a download.
pub(super) const WHOLE: u32 = 65_536;

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct LettersQuery {
    /// 1 to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<u32>,
    /// Only letters with this code.
    pub(super) code: Option<String>,
    /// Only letters that this rule decided.
    pub(super) rule: Option<String>,
    /// Only those of the version whose digest begins so, in hex.
    #[param(pattern = "^[0-9A-Fa-f]{0,64}$")]
    pub(super) sha256: Option<String>,
    /// Only that of the record at this position of the source topic, as `3@18234771`: partition, offset.
    pub(super) position: Option<String>,
    /// Only those of records with this key. Where a field is sensitive, for those alone who may see values.
    pub(super) key: Option<String>,
    /// Only those written to the dead-letter topic at this time or later: RFC 3339, or `2026-11-30T22:00` in UTC.
    pub(super) from: Option<String>,
    /// Only those written before this time, likewise.
    pub(super) to: Option<String>,
    /// Bytes of a key, a value and each header that are shown at most, 1 to 65,536; 4,096 unless given. An answer as a
    /// whole holds about 8 MiB of text at most.
    #[param(minimum = 1, maximum = 65536)]
    pub(super) value_limit: Option<u32>,
}

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
#[utoipa::path(get, path = "/dead-letters/{position}", tag = "records", params(("position" = String, Path), OneQuery),
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
#[utoipa::path(get, path = "/dead-letters/{position}/value", tag = "records", params(("position" = String, Path)),
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
#[utoipa::path(get, path = "/records/{position}", tag = "records", params(("position" = String, Path), OneQuery),
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
#[utoipa::path(get, path = "/records/{position}/value", tag = "records", params(("position" = String, Path)),
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

/// The letters that a query asks for, as this caller may see them.
pub(super) async fn find_letters(
    state: &AdminState,
    who: &Principal,
    query: &LettersQuery,
) -> Result<LettersView, Problem> {
    let limit = within(query.limit.unwrap_or(100), 1..=1_000, "limit")?;
    let text = within(query.value_limit.unwrap_or(4_096), 1..=WHOLE, "value_limit")?;
    let filter = query.filter()?;
    if filter.key.is_some() {
        needs_values(state, who, "the filter `key`")?;
    }
    // Of one record there is one letter.
    let limit = if filter.source.is_some() { 1 } else { limit };
    let mut found = in_time(state.records.tail(filter, limit as usize, text as usize)).await?;
    if let Some(hide) = state.hide(who) {
        hide.letters(&mut found);
    }
    Ok(found)
}

/// What is in memory, as this caller may see it.
pub(super) async fn find_groups(state: &AdminState, who: &Principal, letters: usize) -> LetterGroupsView {
    let mut found = state.records.groups(letters).await;
    found.problem = found.problem.as_deref().map(redact);
    if let Some(hide) = state.hide(who) {
        hide.groups(&mut found);
    }
    found
}

/// A letter, as this caller may see it; its bytes are as they are.
pub(super) async fn find_letter(
    state: &AdminState,
    who: &Principal,
    at: RecordPosition,
    text: usize,
) -> Result<Found<OneLetterView>, Problem> {
    let Found { view: letter, value } = in_time(state.records.letter(at, text)).await?;
    let mut view = OneLetterView { letter, hidden: None };
    if let Some(hide) = state.hide(who) {
        hide.letter(&mut view);
    }
    Ok(Found { view, value })
}

/// A record, as this caller may see it; its bytes are as they are.
pub(super) async fn find_record(
    state: &AdminState,
    who: &Principal,
    at: RecordPosition,
    text: usize,
) -> Result<Found<RecordView>, Problem> {
    let mut found = in_time(state.records.record(at, text)).await?;
    if let Some(hide) = state.hide(who) {
        hide.record(&mut found.view);
    }
    Ok(found)
}

/// Refuses whoever may not see values where a field is sensitive.
pub(super) fn needs_values(state: &AdminState, who: &Principal, what: &str) -> Result<(), Problem> {
    match state.hide(who) {
        None => Ok(()),
        Some(hide) => Err(ProblemKind::Forbidden.problem(format!("{}, and so are {what}", hide.why()), hide.hint())),
    }
}

impl LettersQuery {
    /// What is given and not empty, as forms send it.
    pub(super) fn filter(&self) -> Result<LetterFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let trimmed = |text: &Option<String>| given(&text.as_deref().map(|text| text.trim().to_owned()));
        let invalid = |why: String, hint: &str| ProblemKind::Invalid.problem(why, hint);
        let sha256 = trimmed(&self.sha256).map(|text| text.to_ascii_lowercase());
        if let Some(text) = sha256.as_ref().filter(|text| text.len() > 64 || !is_hex(text)) {
            return Err(invalid(format!("sha256 is {text:?}"), "give the first hex digits of the digest, up to 64"));
        }
        let source = trimmed(&self.position).map(|text| text.parse::<RecordPosition>()).transpose();
        let source = source.map_err(|why| invalid(why.to_string(), "it is the record's, in the source topic"))?;
        let time = |text: &Option<String>, name: &str| trimmed(text).map(|text| time(&text, name)).transpose();
        Ok(LetterFilter {
            code: trimmed(&self.code),
            rule: trimmed(&self.rule),
            sha256,
            source,
            key: given(&self.key),
            from: time(&self.from, "from")?,
            to: time(&self.to, "to")?,
        })
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Epoch milliseconds. Forms of browsers send times without a zone.
fn time(text: &str, name: &str) -> Result<i64, Problem> {
    let without_zone = || {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        forms.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    };
    let ms = from_rfc3339(text).ok().or_else(|| without_zone().map(|time| time.and_utc().timestamp_millis()));
    ms.filter(|ms| *ms >= 0).ok_or_else(|| {
        ProblemKind::Invalid.problem(format!("{name} is {text:?}"), "write a time since 1970 as 2026-11-30T22:00:00Z")
    })
}

fn text(value_limit: Option<u32>) -> Result<usize, Problem> {
    Ok(within(value_limit.unwrap_or(WHOLE), 1..=WHOLE, "value_limit")? as usize)
}

/// What a reader of Kafka answers, in time.
pub(super) async fn in_time<T>(reading: impl Future<Output = Result<T, ReadError>>) -> Result<T, Problem> {
    match tokio::time::timeout(READ_TIMEOUT, reading).await {
        Ok(read) => read.map_err(from_reader),
        Err(_) => Err(ProblemKind::Timeout
            .problem(format!("Kafka did not answer within {READ_TIMEOUT:?}"), "ask for fewer letters, or later")),
    }
}

fn from_reader(error: ReadError) -> Problem {
    let detail = error.to_string();
    match error {
        ReadError::Busy(_) => ProblemKind::Busy.problem(detail, "send it again in a moment"),
        ReadError::NotFound(_) => {
            ProblemKind::NotFound.problem(detail, "a position is written as partition@offset, as 3@18234771")
        }
        ReadError::Away(_) => {
            ProblemKind::Unavailable.problem(detail, "try again when Kafka is back; GET /readyz tells")
        }
    }
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

/// The position of the record behind a letter, where the letter says it.
pub(super) fn source(letter: &LetterView) -> Option<RecordPosition> {
    format!("{}@{}", letter.source_partition?, letter.source_offset?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_a_form_sends_it_and_what_cannot_be_meant_is_refused() {
        let some = |text: &str| Some(text.to_owned());
        let empty = LettersQuery { code: some(""), key: some(""), from: some(" "), ..LettersQuery::default() };
        assert_eq!(empty.filter(), Ok(LetterFilter::default()));
        let query = LettersQuery {
            code: some(" AMOUNT_NEGATIVE"),
            sha256: some("AB12"),
            position: some("3@18,234,771"),
            key: some(" a "),
            from: some("1970-01-01T00:01"),
            to: some("1970-01-01T01:01:30.5+01:00"),
            ..LettersQuery::default()
        };
        let wanted = LetterFilter {
            code: some("AMOUNT_NEGATIVE"),
            rule: None,
            sha256: some("ab12"),
            source: "3@18234771".parse().ok(),
            key: some(" a "),
            from: Some(60_000),
            to: Some(90_500),
        };
        assert_eq!(query.filter(), Ok(wanted));
        let refused = |query: LettersQuery| query.filter().expect_err("refused").detail;
        assert_eq!(refused(LettersQuery { sha256: some("xyz"), ..LettersQuery::default() }), "sha256 is \"xyz\"");
        assert_eq!(refused(LettersQuery { from: some("today"), ..LettersQuery::default() }), "from is \"today\"");
        assert_eq!(
            refused(LettersQuery { to: some("1969-12-31T00:00"), ..LettersQuery::default() }),
            "to is \"1969-12-31T00:00\""
        );
        assert!(refused(LettersQuery { position: some("3"), ..LettersQuery::default() }).contains("as 3@18234771"));
    }
}
