//! `POST /evaluate`: what the rules say of records that the caller sends, or picks from a topic, with other parameters if it wants. It
//! changes nothing.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::AdminState;
use super::auth::Principal;
use super::extract::{Content, Params};
use super::ports::{Bytes, EvaluateRequest, Found};
use super::problem::{Problem, ProblemKind};
use super::records_api::{cut_of, in_time, needs_values, source, too_many};
use super::views::EvaluateView;
use crate::model::ids::RecordPosition;
use crate::model::record::Batch;

/// Parameters by rule and by name.
pub(super) type Parameters = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct EvaluateQuery {
    /// The record at this position of the source topic, as `3@18234771`, in place of a body.
    record: Option<String>,
    /// The record of the dead letter at this position of the dead-letter topic, in place of a body.
    letter: Option<String>,
    /// Parameters that are not as they are in force: JSON as `{"high_amount":{"limit":"500"}}`. Where a field is sensitive and the
    /// record is not the caller's own, for those alone who may see values.
    parameters: Option<String>,
    /// A rule: the answer has a Rust test of the first record for its crate. Likewise for those who may see values.
    test: Option<String>,
}

/// Records that are evaluated.
pub(super) struct Given {
    /// The bytes of each.
    pub(super) records: Vec<Vec<u8>>,
    /// Where the first is from.
    pub(super) origin: Option<RecordPosition>,
    /// Whether the caller brought them, and so may see all that is in them.
    pub(super) is_own: bool,
}

/// What every rule says of these records; changes nothing. Lookups are not asked: their fields are missing, so a rule that
/// requires one says FIELD_MISSING or skips the record.
#[utoipa::path(post, path = "/evaluate", tag = "rules", params(EvaluateQuery),
    request_body(description = "A record or an array of them; one a line as application/x-ndjson. Nothing with `record` or `letter`.",
        content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, body = EvaluateView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn evaluate(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<EvaluateQuery>,
    content: Content,
) -> Result<Json<EvaluateView>, Problem> {
    let given = match (&query.record, &query.letter) {
        (None, None) => Given { records: records(&content)?, origin: None, is_own: true },
        _ if !content.bytes.is_empty() => return Err(one_of_them("a body comes with `record` or `letter`")),
        (Some(at), None) => of_record(&state, position(at)?).await?,
        (None, Some(at)) => of_letter(&state, position(at)?).await?,
        (Some(_), Some(_)) => return Err(one_of_them("both `record` and `letter` are given")),
    };
    let parameters = query.parameters.as_deref().map(parameters).transpose()?.unwrap_or_default();
    Ok(Json(judge(&state, &who, given, parameters, query.test).await?))
}

/// What the rules say, as this caller may see it.
pub(super) async fn judge(
    state: &AdminState,
    who: &Principal,
    given: Given,
    parameters: Parameters,
    test: Option<String>,
) -> Result<EvaluateView, Problem> {
    let Given { records, origin, is_own } = given;
    let most = Batch::MAX_ROWS;
    if records.is_empty() || records.len() > most {
        return Err(ProblemKind::Invalid
            .problem(format!("the body holds {} records", records.len()), format!("send 1 to {most} records")));
    }
    // With a limit of one's own choice a verdict tells a hidden amount, one bit at a time.
    if !is_own && (!parameters.is_empty() || test.is_some()) {
        needs_values(state, who, "parameters and tests of records that are not your own")?;
    }
    let origin = origin.map(|at| at.to_string());
    let mut found = state.rules.evaluate(EvaluateRequest { records, parameters, test, origin }).await?;
    if let Some(hide) = state.hide(who).filter(|_| !is_own) {
        hide.evaluated(&mut found);
    }
    Ok(found)
}

/// The record at a position of the source topic.
pub(super) async fn of_record(state: &AdminState, at: RecordPosition) -> Result<Given, Problem> {
    let Found { value, .. } = in_time(state.records.record(at, 1)).await?;
    Ok(Given { records: vec![whole(value)?], origin: Some(at), is_own: false })
}

/// The record of a dead letter.
pub(super) async fn of_letter(state: &AdminState, at: RecordPosition) -> Result<Given, Problem> {
    let Found { view: letter, value } = in_time(state.records.letter(at, 256)).await?;
    if cut_of(&letter).is_some() {
        return Err(ProblemKind::Invalid.problem(
            "the letter's value was cut to what its topic takes, so it is another record",
            "the whole one is in the source topic, where the letter says; give its position as `record`",
        ));
    }
    Ok(Given { records: vec![whole(value)?], origin: source(&letter), is_own: false })
}

fn whole(value: Bytes) -> Result<Vec<u8>, Problem> {
    match value {
        Bytes::Whole(bytes) => Ok(bytes),
        Bytes::None => Err(ProblemKind::Invalid.problem(
            "the record has no value (a tombstone), so there is nothing that rules could judge",
            "the engine makes it a dead letter PARSE_JSON",
        )),
        Bytes::TooMany { bytes, most } => Err(too_many(bytes, most)),
    }
}

fn position(text: &str) -> Result<RecordPosition, Problem> {
    text.parse().map_err(|why: crate::model::ids::NotAPosition| {
        ProblemKind::Invalid.problem(why.to_string(), "GET /dead-letters has the positions of letters and records")
    })
}

fn one_of_them(detail: &str) -> Problem {
    ProblemKind::Invalid.problem(detail, "send a body, or a position as `record` or as `letter`")
}

fn parameters(text: &str) -> Result<Parameters, Problem> {
    serde_json::from_str(text).map_err(|why| {
        ProblemKind::Invalid.problem(
            format!("parameters: {why}"),
            "send JSON of texts by rule and by name, as {\"high_amount\":{\"limit\":\"500\"}}",
        )
    })
}

/// The text of each record, untouched: what decodes it in the pipeline shall see the same bytes here.
fn records(content: &Content) -> Result<Vec<Vec<u8>>, Problem> {
    const LINES: &str = "application/x-ndjson";
    content.expect(&["application/json", LINES])?;
    if content.expect(&[LINES]).is_ok() {
        let lines = content.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        return Ok(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect());
    }
    if content.bytes.trim_ascii_start().first() != Some(&b'[') {
        let record = content.bytes.trim_ascii();
        return Ok(if record.is_empty() { Vec::new() } else { vec![record.to_vec()] });
    }
    let items: Vec<Box<RawValue>> = serde_json::from_slice(&content.bytes).map_err(|error| {
        ProblemKind::BadRequest.problem(
            format!("the array of records: {error}"),
            "send well-formed JSON; to see what a broken record becomes, send it alone or as application/x-ndjson",
        )
    })?;
    Ok(items.into_iter().map(|item| item.get().as_bytes().to_vec()).collect())
}
