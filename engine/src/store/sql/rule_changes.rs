//! What became of one rule: its lines of audit, each with the entry that the change left. Both tables are found by their keys,
//! whose range is bounded, as neither has an index by rule.

use super::catalog::{entry, line, parsed};
use super::revision::revision;
use super::{Bind, Result, Row, Transaction};
use crate::model::catalog::RuleChange;

pub(super) async fn read(tx: &mut Transaction, pipeline: &str, rule: &str, limit: u32) -> Result<Vec<RuleChange>> {
    let newest = revision(tx, pipeline).await?.0;
    let from = newest.saturating_sub(RuleChange::LOOKED_AT) as i64;
    let sql = "SELECT a.at, a.who, a.action, a.rule, a.revision, a.detail, r.reason, s.rule, s.rule, s.sha256, s.`order`, s.mode, \
               s.parameters, s.from_directory, s.suspended, v.manifest FROM weir_audit a \
               LEFT JOIN weir_audit_reason r ON r.pipeline = a.pipeline AND r.revision = a.revision AND r.at = a.at \
               LEFT JOIN weir_rule_set s ON s.pipeline = a.pipeline AND s.revision = a.revision AND s.rule = a.rule \
               LEFT JOIN weir_rule_version v ON v.pipeline = s.pipeline AND v.sha256 = s.sha256 \
               WHERE a.pipeline = ? AND a.revision > ? AND a.rule = ? ORDER BY a.revision DESC LIMIT ?";
    let binds = [Bind::Text(pipeline), Bind::Int(from), Bind::Text(rule), Bind::Int(limit.into())];
    tx.rows(sql, &binds).await?.into_iter().map(|mut row| change(&mut row)).collect()
}

fn change(row: &mut Row) -> Result<RuleChange> {
    let line = line(row)?;
    // The name stands there twice: what follows is the entry's, if there is one.
    let entry = row.maybe_text()?.map(|_| entry(row)).transpose()?;
    let manifest = match &entry {
        Some(_) => row.maybe_text()?.map(|text| parsed(&text, "manifest of a version")).transpose()?,
        None => None,
    };
    Ok(RuleChange { line, entry, manifest })
}
