//! The number of the rule set that is in force. The tables say it more than once: what contradicts itself is `SetBack`, for then
//! rows were lost, or set back to an older state.

use super::{Bind, Result, Transaction};
use crate::model::ids::Revision;
use crate::model::store::StoreError;

/// The numbers of revisions that the catalog's tables hold.
pub struct CatalogNumbers {
    /// Said to be in force; None: the row is gone.
    pub current: Option<Revision>,
    /// The highest that has a line of audit.
    pub audit: Revision,
    /// The highest that has an entry.
    pub set: Revision,
}

impl CatalogNumbers {
    /// The revision in force. Pure, so that a simulation asks this very code.
    ///
    /// # Errors
    /// What contradicts it.
    pub fn in_force(&self) -> std::result::Result<Revision, String> {
        let (current, stored) = (self.current.unwrap_or_default(), self.stored());
        if current == stored {
            return Ok(current);
        }
        let says = match self.current {
            None => "has no row".to_owned(),
            Some(current) => format!("says that revision {current} is in force"),
        };
        Err(format!("weir_rule_current {says}, but weir_audit and weir_rule_set end at {stored}"))
    }

    /// The highest number that any table names.
    pub fn highest(&self) -> Revision {
        self.stored().max(self.current.unwrap_or_default())
    }

    /// One statement, so that a change which is committed meanwhile is in all of them or in none.
    pub(super) async fn read(tx: &mut Transaction, pipeline: &str) -> Result<Self> {
        let sql = "SELECT (SELECT revision FROM weir_rule_current WHERE pipeline = ?), \
                   (SELECT MAX(revision) FROM weir_audit WHERE pipeline = ?), \
                   (SELECT MAX(revision) FROM weir_rule_set WHERE pipeline = ?)";
        let name = Bind::Text(pipeline);
        let mut rows = tx.rows(sql, &[name, name, name]).await?;
        let row = rows.first_mut().ok_or_else(|| StoreError::Fatal("a SELECT of numbers gave no row".into()))?;
        let mut next = || Ok::<_, StoreError>(row.maybe_int()?.map(|number| Revision(number as u64)));
        Ok(Self { current: next()?, audit: next()?.unwrap_or_default(), set: next()?.unwrap_or_default() })
    }

    fn stored(&self) -> Revision {
        self.audit.max(self.set)
    }
}

/// The number in force.
pub(super) async fn revision(tx: &mut Transaction, pipeline: &str) -> Result<Revision> {
    CatalogNumbers::read(tx, pipeline).await?.in_force().map_err(|what| set_back(pipeline, &what))
}

pub(super) fn set_back(pipeline: &str, what: &str) -> StoreError {
    StoreError::SetBack(format!(
        "{what} (pipeline {pipeline:?}): rows were lost or set back, perhaps by a restore of some tables. No rule set is \
         taken from them. Restore the rest of the backup, or run `weir rules repair --config FILE`, which puts the highest \
         revision that is left into force"
    ))
}
