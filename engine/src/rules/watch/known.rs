//! What the last scans of the rules directory saw, and whether files that are gone were removed or lost.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{Identity, Stamp};
use crate::model::ids::Sha256;

#[derive(Default)]
pub(in crate::rules) struct Known {
    /// By file name.
    pub(in crate::rules) files: BTreeMap<String, Seen>,
    /// Which directory the files were in.
    identity: Option<Identity>,
    /// Which one the last scan found; None: none that could be read.
    found: Option<Identity>,
    /// Files that were gone at the last scan.
    gone: BTreeSet<String>,
}

pub(in crate::rules) struct Seen {
    pub(in crate::rules) stamp: Stamp,
    /// None: it was not read.
    pub(in crate::rules) sha256: Option<Sha256>,
    /// The rule that it holds, unless it was refused.
    pub(in crate::rules) rule: Option<String>,
}

impl Known {
    /// Which directory the last scan found; None: none that could be read.
    pub(in crate::rules) fn found(&self) -> Option<&Identity> {
        self.found.as_ref()
    }

    pub(in crate::rules) fn now(&mut self, found: Option<&Identity>) {
        self.found = found.cloned();
    }

    /// Whether the same files were gone at the scan before.
    pub(in crate::rules) fn still_gone(&mut self, gone: &BTreeSet<String>) -> bool {
        let before = std::mem::replace(&mut self.gone, gone.clone());
        gone.is_empty() || before == *gone
    }

    /// Whether these files were removed by somebody who meant it: from the directory that they were in, and no more than
    /// one that `brought` a rule which no other file holds. Else a mount went away, or all was deleted at once.
    pub(in crate::rules) fn may_retire(
        &mut self,
        gone: &BTreeSet<String>,
        now: Identity,
        brought: impl Fn(&str) -> bool,
    ) -> bool {
        let same = self.identity.replace(now.clone()).is_none_or(|before| before == now);
        let stays = |rule: &str| self.files.iter().any(|(file, seen)| !gone.contains(file) && seen.holds(rule));
        let rules: BTreeSet<&str> = gone.iter().filter_map(|file| self.files.get(file)?.rule.as_deref()).collect();
        same && rules.into_iter().filter(|rule| brought(rule) && !stays(rule)).count() <= 1
    }

    /// Whether a file holds this rule.
    pub(in crate::rules) fn holds(&self, rule: &str) -> bool {
        self.files.values().any(|seen| seen.holds(rule))
    }

    /// Whether another file than this one does.
    pub(in crate::rules) fn holds_beside(&self, file: &str, rule: &str) -> bool {
        self.files.iter().any(|(name, seen)| name != file && seen.holds(rule))
    }
}

impl Seen {
    fn holds(&self, rule: &str) -> bool {
        self.rule.as_deref() == Some(rule)
    }
}
