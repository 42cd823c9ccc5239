//! What is told to whoever decided on a change while the rule set was another one: what changed since.

use std::fmt;

use super::difference::Difference;
use crate::model::catalog::Audit;
use crate::model::ids::Revision;

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
