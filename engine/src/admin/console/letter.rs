//! One dead letter: why it is there, what all rules saw, which version judged, and the record as it is.

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
use super::super::records_api::{WHOLE, cut_of, find_letter, source};
use super::super::views::{LetterHitView, OneLetterView};
use super::dress::encoded;
use super::number::{NOT_KNOWN, decimal};
use super::page::{Frame, page};
use super::record::{Content, Named};
use super::state::does;
use crate::model::ids::RecordPosition;

/// Versions of a rule among which the one of the letter is looked for.
const VERSIONS: u32 = 100;

#[derive(Template)]
#[template(path = "letter.html")]
struct Letter {
    frame: Frame,
    /// In the dead-letter topic.
    at: RecordPosition,
    code: String,
    /// Empty: it is hidden.
    message: String,
    stage: String,
    /// Empty: the engine itself decided.
    rule: String,
    sha256: String,
    /// What that version calls itself; empty: it is not known any more, or not at the moment.
    version: String,
    revision: String,
    /// Date and time, each in one line.
    written: Vec<String>,
    /// In the source topic; empty: the letter does not say it.
    source: String,
    source_at: Vec<String>,
    hits: Vec<Hit>,
    more_hits: u64,
    /// Bytes of the record's value, where the letter has its beginning only; empty: it has all of it.
    cut_of: String,
    content: Content,
    /// Path and query of other letters of this code, rule and version.
    others: String,
}

struct Hit {
    rule: String,
    code: String,
    class: &'static str,
    effect: &'static str,
    detail: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Position(at): Position,
) -> Result<Response, Problem> {
    let Found { view, .. } = find_letter(&state, &who, at, WHOLE as usize).await?;
    let OneLetterView { letter, hidden } = view;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (code, rule, sha256) = (text(&letter.code), text(&letter.rule), text(&letter.sha256));
    let others = [("code", &code), ("rule", &rule), ("sha256", &sha256)];
    let others = others.iter().filter(|(_, text)| !text.is_empty());
    let others: Vec<_> = others.map(|(name, text)| format!("{name}={}", encoded(text))).collect();
    let cut_of = cut_of(&letter).map(decimal).unwrap_or_default();
    let letter_page = Letter {
        frame: Frame::new(&state, &who, "letters"),
        at,
        version: version_of(&state, &rule, &sha256).await,
        code,
        message: text(&letter.message),
        stage: text(&letter.stage),
        rule,
        sha256,
        revision: letter.revision.map_or_else(|| NOT_KNOWN.to_owned(), |revision| revision.to_string()),
        written: parts(letter.at.as_deref()),
        source: source(&letter).map(|at| at.to_string()).unwrap_or_default(),
        source_at: parts(letter.source_at.as_deref()),
        hits: letter.hits.into_iter().map(Hit::of).collect(),
        more_hits: letter.more_hits,
        cut_of,
        content: Content {
            fields: Named::of_fields(letter.fields),
            key: letter.key,
            value: letter.value,
            value_bytes: letter.value_bytes,
            headers: Named::of_headers(letter.headers),
            truncated: letter.truncated,
            bytes: format!("/console/dead-letters/{at}/value"),
            hidden: hidden.unwrap_or_default(),
        },
        others: format!("/console/dead-letters?{}", others.join("&")),
    };
    Ok(page(StatusCode::OK, &letter_page))
}

/// Date and time of an RFC 3339 text.
fn parts(time: Option<&str>) -> Vec<String> {
    time.unwrap_or(NOT_KNOWN).split('T').map(str::to_owned).collect()
}

impl Hit {
    fn of(hit: LetterHitView) -> Self {
        let (class, effect) = does(hit.effect);
        Self { rule: hit.rule, code: hit.code, class, effect, detail: hit.detail }
    }
}

/// What the version with this digest calls itself. The letter is shown without, where the database does not say it.
async fn version_of(state: &AdminState, rule: &str, sha256: &str) -> String {
    if rule.is_empty() {
        return String::new();
    }
    let detail = state.rules.get(rule, VERSIONS).await.ok();
    let version = detail.and_then(|detail| detail.versions.into_iter().find(|version| version.sha256 == sha256));
    version.map(|version| version.version).unwrap_or_default()
}
