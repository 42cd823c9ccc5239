//! What every error of the API looks like: `application/problem+json` (RFC 9457) with what to fix. It knows no route.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ports::AdminError;
use super::views::{DependencyView, MovedView};

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Stands for the kind of error: `urn:weir:problem:not-found` and so on. Programs branch on it.
    pub r#type: String,
    /// The kind in words, the same for every error of a type.
    #[schema(value_type = String)]
    pub title: Box<str>,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
    /// Of GET /readyz: whether what the pipeline needs answers, each by itself.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<DependencyView>)]
    pub dependencies: Box<[DependencyView]>,
    /// Of a change that was decided on an older rule set: what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MovedView>)]
    pub moved: Option<Box<MovedView>>,
}

/// The kinds of errors, each with its status and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: it cannot be read.
    BadRequest,
    /// 401: a token is needed.
    Unauthorized,
    /// 403: the token, or the page, may not do this.
    Forbidden,
    /// 404: there is no such rule or path.
    NotFound,
    /// 405: the path does not take this method.
    MethodNotAllowed,
    /// 409: the rule set is another than the caller thought.
    Conflict,
    /// 504: the answer of the database to a change was lost.
    Unknown,
    /// 413: the body is larger than its bound.
    TooLarge,
    /// 415: the body is no module, or no JSON.
    MediaType,
    /// 422: the content was read and refused.
    Invalid,
    /// 500: a fault of the engine.
    Internal,
    /// 503: a part that is needed does not answer.
    Unavailable,
    /// 503: the bound on requests in hand is reached.
    Busy,
    /// 429: too many wrong tokens from this address.
    TooMany,
    /// 504: it took longer than its bound.
    Timeout,
}

impl ProblemKind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "A token is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not take this method")
            }
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "The change conflicts with the rule set"),
            // No 503: that asks programs to send it again.
            Self::Unknown => {
                (StatusCode::GATEWAY_TIMEOUT, "unknown-outcome", "Whether the change was made is not known")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of the wrong type"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The content was refused"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The engine failed on this request"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "A part is not available"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many wrong tokens"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many requests at once"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "The request took too long"),
        }
    }

    /// The problem of this kind, with what was wrong and what to do.
    pub fn problem(self, detail: impl AsRef<str>, hint: impl Into<String>) -> Problem {
        let (status, slug, title) = self.parts();
        Problem {
            r#type: format!("urn:weir:problem:{slug}"),
            title: title.into(),
            status: status.as_u16(),
            detail: redact(detail.as_ref()),
            hint: hint.into(),
            dependencies: Box::default(),
            moved: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a struct of texts and a number always serializes");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"weir\""));
            }
            // What is left of the body is not read, so nothing can follow it.
            StatusCode::PAYLOAD_TOO_LARGE => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // Of `throttle::MINUTE` what is left at most.
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            _ => {}
        }
        // For the console, which shows it as a page.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::TooLarge { limit } => ProblemKind::TooLarge.problem(
                format!("the module is larger than {limit} bytes"),
                "build it with the `rule` profile, or raise `max_module` in [rules]",
            ),
            AdminError::NotWasm => ProblemKind::MediaType.problem(
                "the body is not a WebAssembly module: it does not begin with \\0asm",
                "send the .wasm file itself, as `curl --data-binary @rule.wasm` does",
            ),
            AdminError::Invalid { detail, hint } => ProblemKind::Invalid.problem(detail, hint),
            AdminError::Conflict(detail) => {
                ProblemKind::Conflict.problem(detail, "look at GET /rules and send the change again")
            }
            AdminError::Moved { detail, moved } => Problem {
                moved: Some(moved),
                ..ProblemKind::Conflict.problem(
                    detail,
                    "nothing was changed: look at what differs, and decide anew on the revision that is in force",
                )
            },
            AdminError::InForce(detail) => ProblemKind::Conflict.problem(
                detail,
                "to try it while the live version goes on, publish it under another name; to put it in the live version's \
                 place all the same, send it with replace=true (weir rules push --replace)",
            ),
            AdminError::Unknown { rule, detail } => {
                tracing::warn!(rule, detail = %redact(&detail), "the outcome of a change of rules is not known");
                let hint = format!(
                    "do not send it again yet: when the database is back (GET /readyz), GET /rules/{rule} and GET /audit \
                     show whether it was made"
                );
                ProblemKind::Unknown.problem(detail, hint)
            }
            AdminError::NotFound(detail) => ProblemKind::NotFound.problem(detail, "GET /rules lists what there is"),
            AdminError::Unavailable(detail) => {
                tracing::warn!(detail = %redact(&detail), "the admin API could not serve a request");
                ProblemKind::Unavailable.problem(detail, "GET /readyz says which part is away; try again when it is back")
            }
        }
    }
}

/// Takes user and password out of every URL in a text. Errors of drivers may quote the URL that they were given, and
/// a password in an answer would reach every viewer.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(user_end) => {
                clean.push_str("***");
                &after[user_end..]
            }
            None => after,
        };
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::{ProblemKind, redact};

    #[test]
    fn docs_problems_are_what_the_code_says() {
        const ALL: [ProblemKind; 15] = [
            ProblemKind::BadRequest,
            ProblemKind::Unauthorized,
            ProblemKind::Forbidden,
            ProblemKind::NotFound,
            ProblemKind::MethodNotAllowed,
            ProblemKind::Conflict,
            ProblemKind::TooLarge,
            ProblemKind::MediaType,
            ProblemKind::Invalid,
            ProblemKind::TooMany,
            ProblemKind::Internal,
            ProblemKind::Unavailable,
            ProblemKind::Busy,
            ProblemKind::Timeout,
            ProblemKind::Unknown,
        ];
        let (code, _) = include_str!("problem.rs").split_once("fn problem(").expect("what stands behind them");
        assert_eq!(ALL.len(), code.matches("(StatusCode::").count(), "each kind is listed above");
        let row = |kind: ProblemKind| {
            let (status, slug, title) = kind.parts();
            format!("| `{slug}` | {} | {title} |\n", status.as_u16())
        };
        let rows: String = ALL.into_iter().map(row).collect();
        weir_testkit::made::hold("docs/api.md", &format!("| type | status | title |\n|---|---|---|\n{rows}"));
    }

    #[test]
    fn urls_lose_their_user_and_password_and_nothing_else() {
        for (text, clean) in [
            ("no url at all", "no url at all"),
            ("mysql://weir:s3cret@db:3306/risk is away", "mysql://***@db:3306/risk is away"),
            ("redis://:p@ss@cache and http://host/x@y", "redis://***@cache and http://host/x@y"),
            ("sqlite://file.db", "sqlite://file.db"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }
}
