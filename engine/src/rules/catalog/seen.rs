//! A change that was decided on another set than the one in the store, as by a page that somebody left open, is refused.

use super::Refused;
use super::difference::differences;
use super::moved::Moved;
use crate::model::catalog::RuleSet;
use crate::model::ids::Revision;
use crate::model::store::{CatalogStore, StoreError};

/// Lines of the audit at most that tell what was done since.
const TOLD: usize = 20;
/// Revisions at most that are looked back.
const LOOKED_BACK: u64 = 1_000;

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
