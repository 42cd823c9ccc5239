//! Whether the catalog's rows are all there. A restore of some tables, or a row deleted by hand, must not bring an older
//! set into force, or none: what contradicts itself is `SetBack`, until [`repair`] takes what is left.

use super::revision::{CatalogNumbers, revision, set_back};
use super::{Bind, Result, Transaction, catalog};
use crate::model::catalog::{Audit, Entry, Repaired, RuleSet};
use crate::model::ids::Revision;
use crate::model::store::StoreError;

/// Actions of the audit. A set may be empty after the first, if it took the last rule, and is after the last.
const RETIRE: &str = "retire";
const REPAIR: &str = "repair";
/// A repair that found no revision with entries.
pub const REPAIR_TO_NONE: &str = "repair to no rule";

/// The set in force.
pub(super) async fn rule_set(tx: &mut Transaction, pipeline: &str) -> Result<RuleSet> {
    let revision = revision(tx, pipeline).await?;
    let entries = entries(tx, pipeline, revision).await?.map_err(|what| set_back(pipeline, &what))?;
    Ok(RuleSet { revision, entries })
}

/// The entries of the highest revision; the inner error: some or all of them are gone. A set is empty only before the first
/// publish and after the last rule was retired.
async fn entries(
    tx: &mut Transaction,
    pipeline: &str,
    revision: Revision,
) -> Result<std::result::Result<Vec<Entry>, String>> {
    let entries = catalog::entries_at(tx, pipeline, revision).await?;
    if revision.0 == 0 {
        return Ok(Ok(entries));
    }
    if !entries.is_empty() {
        let (there, written) = (entries.len() as i64, catalog::count(tx, pipeline, revision).await?);
        return Ok(match written {
            Some(written) if written != there => {
                Err(format!("weir_rule_set has {there} rows of revision {revision}, which was written with {written}"))
            }
            _ => Ok(entries),
        });
    }
    let newest = catalog::audit(tx, pipeline, 1).await?.pop();
    let before = catalog::entries_at(tx, pipeline, Revision(revision.0 - 1)).await?;
    Ok(match may_be_empty(revision, newest.as_ref(), &before) {
        true => Ok(entries),
        false => Err(format!("weir_rule_set has no row of revision {revision}, which was not empty")),
    })
}

/// Whether the set of the highest revision, which has no entry, lost none: it is empty before the first publish, after the last
/// rule was retired, and after a repair that found nothing. `newest` is the newest line of audit, `before` the set of the revision
/// before. Pure, so that a simulation asks this very code.
pub fn may_be_empty(revision: Revision, newest: Option<&Audit>, before: &[Entry]) -> bool {
    if revision.0 == 0 {
        return true;
    }
    newest.filter(|line| line.revision == revision.0).is_some_and(|line| {
        let retired = line.action == RETIRE && before.len() == 1 && before[0].name == line.rule;
        retired || line.action == REPAIR_TO_NONE
    })
}

/// Takes the highest revision that has rows, as a revision after all that ever were: instances that run take it as any
/// other change.
pub(super) async fn repair(tx: &mut Transaction, pipeline: &str, at: i64, who: &str) -> Result<Option<Repaired>> {
    let d = tx.dialect();
    let name = Bind::Text(pipeline);
    // Locked first, as a change does: one that is under way is waited for.
    let lock = format!("SELECT revision FROM weir_rule_current WHERE pipeline = ?{}", d.for_update);
    tx.rows(&lock, &[name]).await?;
    match rule_set(tx, pipeline).await {
        Ok(_) => return Ok(None),
        Err(StoreError::SetBack(_)) => {}
        Err(error) => return Err(error),
    }
    let numbers = CatalogNumbers::read(tx, pipeline).await?;
    let highest = numbers.highest();
    let CatalogNumbers { current: was, audit, set } = numbers;
    let (taken, entries) = match entries(tx, pipeline, audit.max(set)).await? {
        Ok(entries) => (audit.max(set), entries),
        Err(_) => (set, catalog::entries_at(tx, pipeline, set).await?),
    };
    let revision = Revision(highest.0 + 1);
    let sql = format!(
        "INSERT INTO weir_rule_current (pipeline, revision) VALUES (?, ?) {} revision = ?",
        d.upsert("pipeline")
    );
    let number = Bind::Int(revision.0 as i64);
    tx.execute(&sql, &[name, number, number]).await?;
    let said = was.map_or_else(|| "weir_rule_current had no row".to_owned(), |was| format!("revision {was} was said"));
    let detail = format!("{said}, {highest} was the highest: the {} rules of revision {taken} again", entries.len());
    let action = if entries.is_empty() { REPAIR_TO_NONE } else { REPAIR };
    let (who, action) = (who.to_owned(), action.to_owned());
    let audit = Audit { at, who, action, rule: String::new(), revision: revision.0, detail, reason: None };
    catalog::add_set(tx, pipeline, revision, &entries, &audit).await?;
    Ok(Some(Repaired { was, highest, taken, set: RuleSet { revision, entries } }))
}
