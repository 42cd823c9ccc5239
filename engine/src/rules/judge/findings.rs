//! From the hits that a module answered to findings.

use std::borrow::Cow;

use crate::model::finding::{Effect, Finding};
use crate::model::record::Column;
use crate::rules::contract::guest;
use crate::rules::live::LiveRule;

/// Bytes kept of a detail.
const DETAIL: usize = 256;

/// The field for want of which the rule does not apply to this row.
pub(super) fn lacking<'a>(rule: &'a LiveRule, columns: &[&Column], row: usize) -> Option<&'a str> {
    let mut fields = rule.manifest.fields.iter().zip(columns);
    fields.find(|(field, column)| field.required && !column.has(row)).map(|(field, _)| field.name.as_str())
}

/// A rule that can dead-letter fails closed on rows that lack what it requires; one that cannot skips so many.
pub(super) fn missing(rule: &LiveRule, columns: &[&Column], rows: usize) -> (Vec<Finding>, usize) {
    let complete =
        rule.manifest.fields.iter().zip(columns).all(|(field, column)| !field.required || column.all_present());
    if complete {
        return (Vec::new(), 0);
    }
    let closed = rule.manifest.codes.iter().any(|code| code.effect == Effect::DeadLetter);
    let (mut findings, mut skipped) = (Vec::new(), 0);
    for row in 0..rows {
        let Some(field) = lacking(rule, columns, row) else {
            continue;
        };
        if closed {
            let detail = format!("rule {} requires field {field}", rule.id.name);
            findings.push(finding(rule, row, "FIELD_MISSING".into(), Effect::DeadLetter, &detail));
        } else {
            skipped += 1;
        }
    }
    (findings, skipped)
}

/// The hits of a call whose row 0 is this row of the batch, without those on rows that the rule does not apply to.
pub(super) fn keep(rule: &LiveRule, columns: &[&Column], hits: Vec<guest::Hit>, first: usize) -> Vec<Finding> {
    let row = |hit: &guest::Hit| first + hit.row as usize;
    let found = |hit: guest::Hit| {
        let code = &rule.manifest.codes[hit.code as usize];
        finding(rule, row(&hit), code.name.clone().into(), code.effect, &hit.detail)
    };
    hits.into_iter().filter(|hit| lacking(rule, columns, row(hit)).is_none()).map(found).collect()
}

pub(super) fn finding(rule: &LiveRule, row: usize, code: Cow<'static, str>, effect: Effect, detail: &str) -> Finding {
    let detail = detail[..detail.floor_char_boundary(DETAIL)].to_owned();
    Finding { row: row as u32, rule: rule.id.clone(), code, effect, detail }
}
