//! "Dead letters": by code, rule and version, and the newest of them, out of memory; or those that a filter in the URL takes, read from
//! their topic once.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::Params;
use super::super::ports::LetterFilter;
use super::super::problem::Problem;
use super::super::records_api::{LettersQuery, find_groups, find_letters, needs_values, source};
use super::super::views::{LetterGroupView, LetterGroupsView, LetterView};
use super::dress::encoded;
use super::moment::{Moment, to_the_second};
use super::number::{count, cut};
use super::page::{Frame, page};
use super::state::short;

/// Letters that the page shows of those in memory.
const NEWEST: usize = 50;
/// Letters that it shows of those that a filter takes; the download and the API have more.
const FOUND: usize = 200;
/// Groups that it shows; the others are counted.
const GROUPS: usize = 100;
/// Characters of a reason and of a value in a row.
const TEXT: usize = 120;

#[derive(Template)]
#[template(path = "letters.html")]
struct Letters {
    frame: Frame,
    form: Form,
    /// What is in memory; None: the filter's answer is shown in its place.
    memory: Option<Memory>,
    found: Found,
    /// Why parts of the letters are not shown; empty: nothing is hidden.
    hidden: String,
    /// Path and query of the same as JSON.
    api: String,
    /// Of the same as a download; empty: the caller may not see values.
    download: String,
}

/// The filter, as it was sent.
struct Form {
    query: LettersQuery,
    /// Why the key can't be asked for; empty: it can.
    no_key: String,
}

struct Memory {
    groups: Vec<Group>,
    /// Groups that are not listed.
    more: usize,
    others: String,
    counted: String,
    since: String,
    /// When the topic was read last; empty: it was not yet.
    as_of: String,
    /// Empty: nothing was passed over.
    passed_over: String,
    /// Empty: the topic can be read.
    problem: String,
}

struct Group {
    code: String,
    /// Path and query of its letters.
    href: String,
    rule: String,
    version: String,
    letters: String,
    first: Moment,
    last: Moment,
    bars: String,
    minutes: String,
    sample: Row,
}

#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    /// Letters that were found and are not shown.
    more: usize,
    /// False: time, or the bound on an answer's bytes, ran out.
    is_whole: bool,
    /// How many were asked for, if so many were found: there may be older ones.
    limit: Option<usize>,
    /// Whether only those before a time were asked for.
    has_end: bool,
    /// The record that was asked for by its position; empty: none was.
    position: String,
}

/// A letter in a table.
struct Row {
    /// Its position in the dead-letter topic.
    position: String,
    /// Of the record; empty: the letter does not say it.
    source: String,
    at: Moment,
    code: String,
    rule: String,
    version: String,
    message: String,
    value: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(query): Params<LettersQuery>,
) -> Result<Response, Problem> {
    let frame = Frame::new(&state, &who, "letters");
    let no_key = needs_values(&state, &who, "filters by key").err().map(|problem| problem.detail).unwrap_or_default();
    let page_of = if query.filter()? == LetterFilter::default() {
        of_memory(frame, Form { query, no_key }, find_groups(&state, &who, NEWEST).await)
    } else {
        let found = find_letters(&state, &who, &query).await?;
        let query_text = query.text();
        let has_end = query.to.as_ref().is_some_and(|to| !to.trim().is_empty());
        let rows = found.letters.iter().take(FOUND).map(Row::of).collect();
        let position = query.position.clone().unwrap_or_default().trim().to_owned();
        // Of one record there is one letter.
        let is_full = position.is_empty() && found.letters.len() >= query.most() as usize;
        let download =
            if found.hidden.is_some() { String::new() } else { format!("/console/dead-letters.ndjson?{query_text}") };
        Letters {
            frame,
            form: Form { query, no_key },
            memory: None,
            found: Found {
                rows,
                more: found.letters.len().saturating_sub(FOUND),
                is_whole: found.complete,
                limit: Some(found.letters.len()).filter(|_| is_full),
                has_end,
                position,
            },
            hidden: found.hidden.unwrap_or_default(),
            api: format!("/dead-letters?{query_text}"),
            download,
        }
    };
    Ok(page(StatusCode::OK, &page_of))
}

fn of_memory(frame: Frame, form: Form, view: LetterGroupsView) -> Letters {
    let passed_over = if view.passed_over > 0 { count(view.passed_over) } else { String::new() };
    let memory = Memory {
        more: view.groups.len().saturating_sub(GROUPS),
        groups: view.groups.iter().take(GROUPS).map(Group::of).collect(),
        others: if view.others > 0 { count(view.others) } else { String::new() },
        counted: count(view.read),
        since: view.since.as_deref().map(to_the_second).unwrap_or_default(),
        as_of: view.as_of.as_deref().map(to_the_second).unwrap_or_default(),
        passed_over,
        problem: view.problem.unwrap_or_default(),
    };
    let download = if view.hidden.is_some() { "" } else { "/console/dead-letters.ndjson" };
    Letters {
        frame,
        form,
        memory: Some(memory),
        found: Found { rows: view.letters.iter().map(Row::of).collect(), ..Found::default() },
        hidden: view.hidden.unwrap_or_default(),
        api: format!("/dead-letters/groups?letters={NEWEST}"),
        download: download.to_owned(),
    }
}

impl Group {
    fn of(group: &LetterGroupView) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let query = LettersQuery {
            code: group.code.clone(),
            rule: group.rule.clone(),
            sha256: group.sha256.clone(),
            ..LettersQuery::default()
        };
        let minutes: Vec<_> = group.by_minute.iter().map(u64::to_string).collect();
        Self {
            code: text(&group.code),
            href: format!("/console/dead-letters?{}", query.text()),
            rule: text(&group.rule),
            version: version(group.sha256.as_deref()),
            letters: count(group.letters),
            first: Moment::new(&group.first),
            last: Moment::new(&group.last),
            bars: bars(&group.by_minute),
            minutes: minutes.join(", "),
            sample: Row::of(&group.sample),
        }
    }
}

impl Row {
    fn of(letter: &LetterView) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let short = |text: &Option<String>| cut(text.as_deref().unwrap_or_default(), TEXT);
        Self {
            position: format!("{}@{}", letter.partition, letter.offset),
            source: source(letter).map(|at| at.to_string()).unwrap_or_default(),
            at: Moment::known(letter.at.as_deref()),
            code: text(&letter.code),
            rule: text(&letter.rule),
            version: version(letter.sha256.as_deref()),
            message: short(&letter.message),
            value: short(&letter.value),
        }
    }
}

impl LettersQuery {
    /// What is given of it, as a query.
    fn text(&self) -> String {
        let (limit, value_limit) = (self.limit.map(|n| n.to_string()), self.value_limit.map(|n| n.to_string()));
        let parts = [
            ("limit", &limit),
            ("code", &self.code),
            ("rule", &self.rule),
            ("sha256", &self.sha256),
            ("position", &self.position),
            ("key", &self.key),
            ("from", &self.from),
            ("to", &self.to),
            ("value_limit", &value_limit),
        ];
        let given = parts
            .iter()
            .filter_map(|(name, text)| text.as_ref().filter(|text| !text.is_empty()).map(|text| (name, text)));
        given.map(|(name, text)| format!("{name}={}", encoded(text))).collect::<Vec<_>>().join("&")
    }
}

/// How a version is called in a row; empty: there is none.
pub(super) fn version(sha256: Option<&str>) -> String {
    sha256.map(short).unwrap_or_default()
}

/// A bar a count: the lowest for none, the highest for the most.
fn bars(counts: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |count: &u64| {
        let height = (u128::from(*count) * 7).div_ceil(u128::from(most));
        BARS[usize::try_from(height).unwrap_or(7).min(7)]
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_part_of_the_most_and_one_letter_shows() {
        assert_eq!(bars(&[0, 1, 500, 1_000]), "▁▂▅█");
        assert_eq!(bars(&[0, 0]), "▁▁");
        assert_eq!(bars(&[0, u64::MAX, 1]), "▁█▂");
    }

    #[test]
    fn a_query_is_written_as_it_was_asked() {
        let query = LettersQuery {
            code: Some("A&B".into()),
            rule: Some(String::new()),
            position: Some("3@7".into()),
            limit: Some(5),
            ..LettersQuery::default()
        };
        assert_eq!(query.text(), "limit=5&code=A%26B&position=3%407");
    }
}
