//! The catalog's tables of one pipeline, and what a transaction does to them. Whether they contradict each other is the engine's
//! own code to say (`CatalogNumbers`, `may_be_empty`).

use std::collections::BTreeMap;

use weir::model::catalog::{Audit, Entry, RuleSet};
use weir::model::ids::{Revision, Sha256};
use weir::model::store::StoreError;
use weir::store::{CatalogNumbers, REPAIR_TO_NONE, may_be_empty};

/// See the module.
pub(super) struct Tables {
    /// `weir_rule_current`; None: the row is gone.
    pub(super) current: Option<u64>,
    /// `weir_rule_set`, by revision; none of an empty set.
    sets: BTreeMap<u64, Vec<Entry>>,
    /// `weir_audit`, by revision.
    audit: BTreeMap<u64, Audit>,
    /// `weir_directory`: what was published from which file.
    pub(super) directory: BTreeMap<String, Sha256>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { current: Some(0), sets: BTreeMap::new(), audit: BTreeMap::new(), directory: BTreeMap::new() }
    }
}

impl Tables {
    fn numbers(&self) -> CatalogNumbers {
        let last = |last: Option<&u64>| Revision(last.copied().unwrap_or_default());
        CatalogNumbers {
            current: self.current.map(Revision),
            audit: last(self.audit.keys().next_back()),
            set: last(self.sets.keys().next_back()),
        }
    }

    fn at(&self, revision: u64) -> &[Entry] {
        self.sets.get(&revision).map(Vec::as_slice).unwrap_or_default()
    }

    /// The highest revision that anything is stored of.
    pub(super) fn stored(&self) -> u64 {
        let numbers = self.numbers();
        numbers.audit.max(numbers.set).0
    }

    /// Its entries.
    pub(super) fn newest(&self) -> &[Entry] {
        self.at(self.stored())
    }

    pub(super) fn revision(&self) -> Result<Revision, StoreError> {
        self.numbers().in_force().map_err(StoreError::SetBack)
    }

    pub(super) fn rule_set(&self) -> Result<RuleSet, StoreError> {
        let revision = self.revision()?;
        let entries = self.whole(revision.0).ok_or_else(|| StoreError::SetBack("weir_rule_set has no row".into()))?;
        Ok(RuleSet { revision, entries })
    }

    /// None: its rows are gone.
    fn whole(&self, revision: u64) -> Option<Vec<Entry>> {
        let entries = self.at(revision);
        let newest = self.audit.last_key_value().map(|(_, line)| line);
        let empty = || may_be_empty(Revision(revision), newest, self.at(revision.saturating_sub(1)));
        (!entries.is_empty() || empty()).then(|| entries.to_vec())
    }

    /// Adds a revision if the set is still at this one. `compares`: a planted mistake does not.
    pub(super) fn advance(
        &mut self,
        base: Revision,
        entries: &[Entry],
        audit: &Audit,
        compares: bool,
    ) -> Result<Revision, StoreError> {
        if compares && self.current != Some(base.0) {
            let current = self.revision()?;
            if current != base {
                return Err(StoreError::Stale(current));
            }
        }
        let next = if compares { base.0 } else { self.current.unwrap_or_default().max(self.stored()) } + 1;
        let known = |entry: &Entry| self.at(next).iter().any(|other| other.name == entry.name);
        if self.audit.contains_key(&next) || entries.iter().any(known) {
            return Err(StoreError::Fatal("duplicate entry".into()));
        }
        self.add(next, entries, Audit { revision: next, ..audit.clone() });
        Ok(Revision(next))
    }

    fn add(&mut self, revision: u64, entries: &[Entry], audit: Audit) {
        if !entries.is_empty() {
            self.sets.entry(revision).or_default().extend_from_slice(entries);
        }
        self.audit.insert(revision, audit);
        self.current = Some(revision);
    }

    /// Newest first.
    pub(super) fn audit(&self) -> Vec<Audit> {
        self.audit.values().rev().cloned().collect()
    }

    /// A row of the newest set is lost: which.
    pub(super) fn lose_one(&mut self) -> Option<Entry> {
        let revision = self.stored();
        let entries = self.sets.get_mut(&revision)?;
        let lost = entries.remove(0);
        if entries.is_empty() {
            self.sets.remove(&revision);
        }
        Some(lost)
    }

    /// A backup from before the newest revision is restored: its entries.
    pub(super) fn restore_older(&mut self) -> Vec<Entry> {
        let revision = self.stored();
        let gone = self.sets.remove(&revision).unwrap_or_default();
        self.audit.remove(&revision);
        self.current = Some(self.stored());
        let left: Vec<_> = self.newest().iter().map(|entry| entry.sha256).collect();
        self.directory.retain(|_, sha256| left.contains(sha256));
        gone
    }

    /// As the engine's statement does it: what it took; None: nothing contradicts.
    pub(super) fn repair(&mut self) -> Option<Vec<Entry>> {
        if self.rule_set().is_ok() {
            return None;
        }
        let numbers = self.numbers();
        let taken = self.whole(self.stored()).unwrap_or_else(|| self.at(numbers.set.0).to_vec());
        let action = if taken.is_empty() { REPAIR_TO_NONE } else { "repair" };
        let revision = numbers.highest().0 + 1;
        self.add(revision, &taken, line("operator", action, "", revision));
        Some(taken)
    }
}

/// A line of audit.
pub(super) fn line(who: &str, action: &str, rule: &str, revision: u64) -> Audit {
    Audit {
        at: 0,
        who: who.into(),
        action: action.into(),
        rule: rule.into(),
        revision,
        detail: String::new(),
        reason: None,
    }
}
