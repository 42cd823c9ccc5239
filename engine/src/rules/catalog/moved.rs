//! A change that was decided on another set than the one in the store, as by a page that somebody left open: refused, with what
//! changed since.

use std::fmt;

use super::Refused;
use super::difference::{Difference, differences};
use crate::model::catalog::{Audit, RuleSet};
use crate::model::ids::Revision;
use crate::model::store::{CatalogStore, StoreError};

/// Lines of the audit at most that tell what was done since.
const TOLD: usize = 20;
/// Revisions at most that are looked back.
const LOOKED_BACK: u64 = 1_000;

/// How the set in the store differs from the one that a change was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Revision that the change was decided on.
    pub seen: Revision,
    /// Revision in the store.
    pub now: Revision,
    /// What differs; None: revision `seen` is not kept any more, or never was.
    pub differences: Option<Vec<Difference>>,
    /// What was done since, newest first, 20 at most.
    pub lines: Vec<Audit>,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, now, lines, .. } = self;
        write!(f, "the rule set is at revision {now}, and the change was decided on revision {seen}")?;
        if let Some(Audit { who, action, rule, .. }) = lines.first() {
            let more = now.0.saturating_sub(seen.0 + 1);
            write!(f, "; since then {who} did {action} of rule {rule}")?;
            if more > 0 {
                write!(f, ", and {more} more changes were made")?;
            }
        }
        Ok(())
    }
}

/// Err: the set is at another revision than `seen`.
pub(super) async fn is_at(store: &dyn CatalogStore, seen: Option<Revision>, set: &RuleSet) -> Result<(), Refused> {
    match seen.filter(|seen| *seen != set.revision) {
        None => Ok(()),
        Some(seen) => Err(Refused::Moved(Box::new(since(store, seen, set).await?))),
    }
}

async fn since(store: &dyn CatalogStore, seen: Revision, set: &RuleSet) -> Result<Moved, StoreError> {
    let now = set.revision;
    // One more than was made since: the line of `seen` itself says that its entries are kept.
    let looked_at = now.0.saturating_sub(seen.0).saturating_add(1).min(LOOKED_BACK) as u32;
    let mut lines = store.audit(looked_at).await?;
    let is_kept = seen < now && (seen.0 == 0 || lines.iter().any(|line| line.revision == seen.0));
    lines.retain(|line| line.revision > seen.0);
    lines.truncate(TOLD);
    let differences = match is_kept {
        true => Some(differences(&store.entries_at(seen).await?, &set.entries)),
        false => None,
    };
    Ok(Moved { seen, now, differences, lines })
}
