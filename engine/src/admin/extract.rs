//! Query, path and body of a request, with every refusal as a [`Problem`]. It knows no handler.

use std::ops::RangeInclusive;

use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Form};
use serde::de::DeserializeOwned;

use super::problem::{Problem, ProblemKind};
use crate::model::catalog::By;
use crate::model::ids::{NotAPosition, RecordPosition};
use crate::model::shown::acts;

/// The query; an unknown or malformed parameter is an error.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(ProblemKind::BadRequest
                .problem(error.body_text(), "GET /openapi.json lists the parameters of every path")),
        }
    }
}

/// A number of the query, if it is in its range.
pub(super) fn within(number: u32, range: RangeInclusive<u32>, name: &str) -> Result<u32, Problem> {
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = range.into_inner();
    Err(ProblemKind::Invalid.problem(format!("{name} is {number}"), format!("ask for {least} to {most}")))
}

/// Why a change is made, as the audit keeps it: without blanks around it; of blanks alone, none.
pub(super) fn reason(given: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    let characters = text.chars().count();
    if characters > By::REASON {
        return Err(ProblemKind::Invalid
            .problem(format!("the reason has {characters} characters"), format!("write {} at most", By::REASON)));
    }
    match text.chars().find(|c| acts(*c)) {
        Some(c) => Err(ProblemKind::Invalid.problem(
            format!("the reason holds {}, which acts on whoever shows it", c.escape_unicode()),
            "write it in one line of plain text",
        )),
        None => Ok(Some(text)),
    }
}

/// The name in a path, as text; whether there is such a rule the catalog says.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(error) => Err(ProblemKind::BadRequest.problem(error.body_text(), "a rule's name is snake_case ASCII")),
        }
    }
}

/// The revision that a change was decided on, of the header `If-Match`: `"42"`, or the number alone. None: without the header, or
/// with `*`, any will do.
pub(super) struct IfMatch(pub(super) Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
        match text.parse() {
            Ok(revision) => Ok(Self(Some(revision))),
            Err(_) if text == "*" => Ok(Self(None)),
            Err(_) => Err(ProblemKind::BadRequest.problem(
                "`If-Match` is no revision",
                "send the `revision` that GET /rules showed, as If-Match: \"42\"",
            )),
        }
    }
}

/// The position in a path, as `3@18234771`.
pub(super) struct Position(pub(super) RecordPosition);

impl<S: Send + Sync> FromRequestParts<S> for Position {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |why: String| ProblemKind::BadRequest.problem(why, "write it as 3@18234771: partition, offset");
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => text.parse().map(Self).map_err(|why: NotAPosition| refused(why.to_string())),
            Err(error) => Err(refused(error.body_text())),
        }
    }
}

/// The fields of a page's form; an unknown or missing one is an error.
pub(super) struct Fields<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let hint = "open the page again and send its form";
        match Form::<T>::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(error) => Err(match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemKind::MediaType.problem("the body is no form", hint),
                // Its own words may quote what stands in a field, which may be a token.
                _ => ProblemKind::BadRequest.problem("the form cannot be read", hint),
            }),
        }
    }
}

/// What a body of these routes may have.
#[derive(Clone, Copy)]
pub(super) struct BodyLimit(u64);

impl BodyLimit {
    /// The layer that bounds them.
    pub(super) fn layer(bytes: usize) -> (DefaultBodyLimit, Extension<Self>) {
        (DefaultBodyLimit::max(bytes), Extension(Self(bytes as u64)))
    }

    /// Bytes of the body.
    pub(super) fn bytes(&self) -> u64 {
        self.0
    }
}

/// The body and its content type, within the limit of its route.
pub(super) struct Content {
    media_type: String,
    pub(super) bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        // Said in its head already: not a byte of it is read.
        let limit = request.extensions().get::<BodyLimit>().map_or(u64::MAX, |limit| limit.0);
        if request.body().size_hint().lower() > limit {
            return Err(too_large());
        }
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self { media_type, bytes }),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large()),
            Err(error) => Err(ProblemKind::BadRequest.problem(error.body_text(), "send the whole body")),
        }
    }
}

impl Content {
    /// Refuses any other content type.
    pub(super) fn expect(&self, wanted: &[&str]) -> Result<(), Problem> {
        if wanted.contains(&self.media_type.as_str()) {
            return Ok(());
        }
        let sent = if self.media_type.is_empty() { "none" } else { &self.media_type };
        let wanted = wanted.join(" or ");
        Err(ProblemKind::MediaType
            .problem(format!("the content type is {sent}"), format!("send `Content-Type: {wanted}`")))
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.expect(&["application/json"])?;
        let hint = "GET /openapi.json has the schema of the body";
        // serde takes an array for a struct, value by field, or complains of its length.
        let is_array = self.bytes.trim_ascii_start().first() == Some(&b'[');
        let an_array = || ProblemKind::Invalid.problem("the body is an array where an object is wanted", hint);
        match serde_json::from_slice(&self.bytes) {
            Ok(content) if !is_array => Ok(content),
            Ok(_) => Err(an_array()),
            Err(error) if is_array && error.is_data() => Err(an_array()),
            Err(error) => {
                let kind = if error.is_data() { ProblemKind::Invalid } else { ProblemKind::BadRequest };
                Err(kind.problem(format!("the body: {error}"), hint))
            }
        }
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn too_large() -> Problem {
    ProblemKind::TooLarge.problem(
        "the body is beyond the limit of this path",
        "a module may have `max_module` of [rules], any other body 1 MiB: send less, or raise `max_module`",
    )
}
