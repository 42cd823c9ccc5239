//! Letters and records, each as its caller may see it, and what becomes of a read that is refused.

use std::time::Duration;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::extract::within;
use super::super::ports::{Found, ReadError};
use super::super::problem::{Problem, ProblemKind, redact};
use super::super::views::{LetterGroupsView, LetterView, LettersView, OneLetterView, RecordView};
use super::{LettersQuery, WHOLE};
use crate::model::ids::RecordPosition;

/// How long Kafka may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The letters that a query asks for, as this caller may see them.
pub(in crate::admin) async fn find_letters(
    state: &AdminState,
    who: &Principal,
    query: &LettersQuery,
) -> Result<LettersView, Problem> {
    let limit = within(query.most(), 1..=1_000, "limit")?;
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
pub(in crate::admin) async fn find_groups(state: &AdminState, who: &Principal, letters: usize) -> LetterGroupsView {
    let mut found = state.records.groups(letters).await;
    found.problem = found.problem.as_deref().map(redact);
    if let Some(hide) = state.hide(who) {
        hide.groups(&mut found);
    }
    found
}

/// A letter, as this caller may see it; its bytes are as they are.
pub(in crate::admin) async fn find_letter(
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
pub(in crate::admin) async fn find_record(
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
pub(in crate::admin) fn needs_values(state: &AdminState, who: &Principal, what: &str) -> Result<(), Problem> {
    match state.hide(who) {
        None => Ok(()),
        Some(hide) => Err(ProblemKind::Forbidden.problem(format!("{}, and so are {what}", hide.why()), hide.hint())),
    }
}

/// What a reader of Kafka answers, in time.
pub(in crate::admin) async fn in_time<T>(reading: impl Future<Output = Result<T, ReadError>>) -> Result<T, Problem> {
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

/// Bytes of the record's value, if the letter has its beginning only.
pub(in crate::admin) fn cut_of(letter: &LetterView) -> Option<&str> {
    let header = letter.headers.iter().rfind(|header| header.name == "weir.value.cut")?;
    Some(header.value.as_deref().unwrap_or_default())
}

/// The position of the record behind a letter, where the letter says it.
pub(in crate::admin) fn source(letter: &LetterView) -> Option<RecordPosition> {
    format!("{}@{}", letter.source_partition?, letter.source_offset?).parse().ok()
}
