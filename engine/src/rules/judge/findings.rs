//! From the hits that a module answered to findings.

use std::sync::Arc;

use super::state::RuleState;
use super::verdict::Verdict;
use crate::config::OnFailure;
use crate::model::finding::{Effect, Finding};
use crate::model::record::Column;
use crate::rules::live::LiveRule;
use crate::rules::module::contract::guest;
use crate::rules::module::runtime::Failure;

/// Bytes kept of a detail.
const DETAIL: usize = 256;

/// The field for want of which the rule does not apply to this row.
pub(super) fn lacking<'a>(rule: &'a LiveRule, columns: &[&Column], row: usize) -> Option<&'a str> {
    let mut fields = rule.manifest.fields.iter().zip(columns);
    fields.find(|(field, column)| field.required && !column.has(row)).map(|(field, _)| field.name.as_str())
}

/// Before the rule is asked: one that can dead-letter fails closed on rows that lack what it requires; one that cannot
/// skips them.
pub(super) fn missing(state: &RuleState, rule: &LiveRule, columns: &[&Column], rows: usize) -> Verdict {
    let complete =
        rule.manifest.fields.iter().zip(columns).all(|(field, column)| !field.required || column.all_present());
    let mut verdict = Verdict { complete, ..Verdict::default() };
    if complete {
        return verdict;
    }
    let closed = state.codes.iter().any(|code| code.effect == Effect::DeadLetter);
    let code: Arc<str> = FIELD_MISSING.into();
    for row in 0..rows {
        let Some(field) = lacking(rule, columns, row) else {
            continue;
        };
        if closed {
            let detail = format!("rule {} requires field {field}", rule.id.name);
            verdict.findings.push(finding(state, row, code.clone(), Effect::DeadLetter, detail));
        } else {
            verdict.skipped += 1;
        }
    }
    if !verdict.findings.is_empty() {
        verdict.failures.insert(FIELD_MISSING, verdict.findings.len() as u64);
    }
    verdict
}

const FIELD_MISSING: &str = "FIELD_MISSING";

/// Enters the hits of a call whose row 0 is this row of the batch, without those on rows that the rule does not apply to.
pub(super) fn keep(
    (state, rule): (&RuleState, &LiveRule),
    columns: &[&Column],
    hits: Vec<guest::Hit>,
    first: usize,
    verdict: &mut Verdict,
) {
    if hits.is_empty() {
        return;
    }
    verdict.hits.resize(state.codes.len(), 0);
    verdict.findings.reserve(hits.len());
    for hit in hits {
        let (row, number) = (first + hit.row as usize, hit.code as usize);
        if !verdict.complete && lacking(rule, columns, row).is_some() {
            continue;
        }
        verdict.hits[number] += 1;
        let code = &state.codes[number];
        verdict.findings.push(finding(state, row, code.name.clone(), code.effect, hit.detail));
    }
}

/// The rule failed on this row.
pub(super) fn fail(state: &RuleState, rule: &LiveRule, row: usize, failure: Failure, verdict: &mut Verdict) {
    verdict.failed += 1;
    *verdict.failures.entry(failure.code).or_default() += 1;
    if rule.on_failure == OnFailure::DeadLetter {
        let (code, detail) = (failure.code.into(), failure.message.clone());
        verdict.findings.push(finding(state, row, code, Effect::DeadLetter, detail));
    }
    verdict.first.get_or_insert((row, failure));
}

fn finding(state: &RuleState, row: usize, code: Arc<str>, effect: Effect, detail: String) -> Finding {
    Finding { row: row as u32, rule: state.id.clone(), code, effect, detail: cut(detail) }
}

/// The first 256 bytes, at a boundary of characters.
pub(super) fn cut(detail: String) -> String {
    if detail.len() <= DETAIL {
        return detail;
    }
    // Not only cut: its room would be held until the batch is done with.
    detail[..detail.floor_char_boundary(DETAIL)].to_owned()
}
