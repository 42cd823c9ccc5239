//! Which versions of a rule were in force, and which of them tripped. Read from the revisions and the audit, which the
//! store keeps anyway, so every instance and every restart comes to the same answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::catalog::{Entry, Mode};
use crate::model::ids::{Revision, Sha256};
use crate::model::store::{CatalogStore, StoreError};

/// Lines of the audit that are looked at, of all rules together; a change before them is forgotten.
pub(super) const LINES: u32 = 1_000;
/// Changes of the rule that are followed at most, the newest; each costs one read of its revision.
const CHANGES: usize = 200;

/// What the breaker did is told from what people did by these.
pub(super) const TRIP: &str = "trip";
pub(super) const SUSPEND: &str = "suspend";
/// A parameter that is gone after another change was lost with the version; after this one somebody unset it.
pub(super) const PATCH: &str = "patch";
/// Takes the rule out of the set.
pub const RETIRE: &str = "retire";

/// The states of one rule, newest first.
pub(super) struct History(Vec<State>);

struct State {
    /// What made it.
    action: String,
    /// None: the rule was retired.
    entry: Option<Entry>,
}

impl History {
    /// Reads the history of this rule, as far back as 1,000 lines of the audit and 200 changes of it go.
    pub(super) async fn read(store: &dyn CatalogStore, rule: &str) -> Result<Self, StoreError> {
        let lines = store.audit(LINES).await?;
        let mut states = Vec::new();
        for line in lines.into_iter().filter(|line| line.rule == rule).take(CHANGES) {
            let entries = store.entries_at(Revision(line.revision)).await?;
            states.push(State { action: line.action, entry: entries.into_iter().find(|entry| entry.name == rule) });
        }
        Ok(Self(states))
    }

    /// The version that was in the set before this one and never tripped.
    pub(super) fn before(&self, now: Sha256) -> Option<Sha256> {
        self.newest(now, |_| true)
    }

    /// The same, of those that judged no less than `mode` asks: a version that never acted is not known to be good.
    pub(super) fn good_before(&self, now: Sha256, mode: Mode) -> Option<Sha256> {
        self.newest(now, |entry| {
            entry.suspended.is_none() && (entry.mode == Mode::Live || entry.mode == mode && mode != Mode::Off)
        })
    }

    /// What the version was set to when it was last in force, but for what somebody unset since.
    pub(super) fn parameters(&self, of: Sha256) -> BTreeMap<String, String> {
        let states: Vec<_> = self.0.iter().filter_map(|state| Some((state, state.entry.as_ref()?))).collect();
        let Some(at) = states.iter().position(|(_, entry)| entry.sha256 == of) else { return BTreeMap::new() };
        let mut parameters = states[at].1.parameters.clone();
        for pair in states[..=at].windows(2) {
            let ((state, after), (_, before)) = (pair[0], pair[1]);
            let unset = |name: &String| before.parameters.contains_key(name) && !after.parameters.contains_key(name);
            if state.action == PATCH {
                parameters.retain(|name, _| !unset(name));
            }
        }
        parameters
    }

    fn newest(&self, now: Sha256, fits: impl Fn(&Entry) -> bool) -> Option<Sha256> {
        let tripped = self.tripped();
        let entries = self.0.iter().filter_map(|state| state.entry.as_ref());
        let mut others = entries.filter(|entry| entry.sha256 != now && !tripped.contains(&entry.sha256));
        others.find(|entry| fits(entry)).map(|entry| entry.sha256)
    }

    /// Versions that the breaker took out of force, or that did not fit: two bad ones never swing.
    fn tripped(&self) -> BTreeSet<Sha256> {
        let mut tripped = BTreeSet::new();
        for (at, state) in self.0.iter().enumerate() {
            let bad = match state.action.as_str() {
                // The entry says where it went to; the state before, from where.
                TRIP => self.0.get(at + 1).and_then(|before| before.entry.as_ref()),
                SUSPEND => state.entry.as_ref(),
                _ => None,
            };
            tripped.extend(bad.map(|entry| entry.sha256));
        }
        tripped
    }
}
