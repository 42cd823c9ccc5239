//! What the last scans of the rules directory saw, and whether files that are gone were removed or lost.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{Identity, Stamp};
use crate::model::ids::Sha256;

/// What the last scans saw.
#[derive(Default)]
pub(super) struct Seen {
    /// By file name.
    pub(super) files: BTreeMap<String, SeenFile>,
    /// Which directory the files were in.
    identity: Option<Identity>,
    /// Which one the last scan found; None: none that could be read.
    found: Option<Identity>,
    /// Files that were gone at the last scan.
    gone: BTreeSet<String>,
}

/// A file that was taken.
pub(super) struct SeenFile {
    pub(super) stamp: Stamp,
    /// None: it was not read.
    pub(super) sha256: Option<Sha256>,
    /// The rule that it holds, unless it was refused.
    pub(super) rule: Option<String>,
}

impl Seen {
    /// Which directory the last scan found; None: none that could be read.
    pub(super) fn found(&self) -> Option<&Identity> {
        self.found.as_ref()
    }

    pub(super) fn now(&mut self, found: Option<&Identity>) {
        self.found = found.cloned();
    }

    /// Whether the same files were gone at the scan before.
    pub(super) fn still_gone(&mut self, gone: &BTreeSet<String>) -> bool {
        let before = std::mem::replace(&mut self.gone, gone.clone());
        gone.is_empty() || before == *gone
    }

    /// Whether these files were removed by somebody who meant it: from the directory that they were in, and no more than
    /// one that `brought` a rule which no other file holds. Else a mount went away, or all was deleted at once.
    pub(super) fn may_retire(
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
    pub(super) fn holds(&self, rule: &str) -> bool {
        self.files.values().any(|seen| seen.holds(rule))
    }

    /// Whether another file than this one does.
    pub(super) fn holds_beside(&self, file: &str, rule: &str) -> bool {
        self.files.iter().any(|(name, seen)| name != file && seen.holds(rule))
    }
}

impl SeenFile {
    fn holds(&self, rule: &str) -> bool {
        self.rule.as_deref() == Some(rule)
    }
}
