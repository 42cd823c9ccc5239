//! What the last scans of the rules directory saw, and whether files that are gone were removed or lost.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::Stamp;
use crate::model::ids::Sha256;

/// What the last scans saw. `I` tells one directory from another. Pure.
pub struct Seen<I> {
    /// Files by name.
    pub files: BTreeMap<String, SeenFile>,
    /// Which directory the files were in.
    identity: Option<I>,
    /// Which one the last scan found; None: none that could be read.
    found: Option<I>,
    /// Files that were gone at the last scan.
    gone: BTreeSet<String>,
}

/// A file that was taken.
pub struct SeenFile {
    /// When it was written, and its size in bytes.
    pub stamp: Stamp,
    /// Digest of its bytes; None: it was not read.
    pub sha256: Option<Sha256>,
    /// The rule that it holds, unless it was refused.
    pub rule: Option<String>,
}

/// What files that are gone mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// Nothing yet: a directory that is being emptied is not met when the first file has gone.
    LookAgain,
    /// Somebody who meant it removed them, so what they brought is retired.
    Removed(BTreeSet<String>),
    /// A mount went away, or all were deleted at once: what they brought stays in force.
    Lost(BTreeSet<String>),
}

impl<I> Default for Seen<I> {
    fn default() -> Self {
        Self { files: BTreeMap::new(), identity: None, found: None, gone: BTreeSet::new() }
    }
}

impl<I: Clone + PartialEq> Seen<I> {
    /// Which directory the last scan found; None: none that could be read.
    pub(super) fn found(&self) -> Option<&I> {
        self.found.as_ref()
    }

    /// This scan could not read the directory.
    pub(super) fn not_listed(&mut self) {
        self.found = None;
    }

    /// This scan found a directory and which files are `there`. As soon as all are that were taken, it is the one that they
    /// are in, whatever becomes of the rest of the scan.
    pub(super) fn listed(&mut self, found: &I, there: impl Fn(&str) -> bool) {
        self.found = Some(found.clone());
        if self.files.keys().all(|file| there(file)) {
            self.identity = Some(found.clone());
        }
    }

    /// Whether a file that was taken is not `there`.
    pub(super) fn lacks(&self, there: impl Fn(&str) -> bool) -> bool {
        self.files.keys().any(|file| !there(file))
    }

    /// What becomes of files that were taken and are not `there` now, in the directory that this scan found. `brought`: all rules
    /// that are in force because of a file, also of one that was never seen here.
    pub(super) fn gone(&mut self, there: impl Fn(&str) -> bool, now: I, brought: &BTreeSet<String>) -> Gone {
        let gone: BTreeSet<String> = self.files.keys().filter(|file| !there(file)).cloned().collect();
        if !self.still_gone(&gone) {
            Gone::LookAgain
        } else if self.may_retire(&gone, now, brought) {
            Gone::Removed(gone)
        } else {
            Gone::Lost(gone)
        }
    }

    /// Whether the same files were gone at the scan before.
    fn still_gone(&mut self, gone: &BTreeSet<String>) -> bool {
        let before = std::mem::replace(&mut self.gone, gone.clone());
        gone.is_empty() || before == *gone
    }

    /// Whether these files were removed by somebody who meant it: from the directory that they were in, and of the rules that
    /// files `brought` one at most has none any more. Else a mount went away, all was deleted at once, or this process sees but a
    /// part of it: another one may have taken a file that came and went between two scans of this one.
    fn may_retire(&mut self, gone: &BTreeSet<String>, now: I, brought: &BTreeSet<String>) -> bool {
        let same = self.identity.as_ref().is_none_or(|before| *before == now);
        self.identity = Some(now);
        let stays = |rule: &str| self.files.iter().any(|(file, seen)| !gone.contains(file) && seen.holds(rule));
        same && brought.iter().filter(|rule| !stays(rule)).count() <= 1
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

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn take(seen: &mut Seen<&'static str>, rule: &str) {
        let file = SeenFile { stamp: (UNIX_EPOCH, 0), sha256: None, rule: Some(rule.to_owned()) };
        seen.files.insert(format!("{rule}.wasm"), file);
    }

    /// A scan where the files that were taken brought all rules there are.
    fn scan(seen: &mut Seen<&'static str>, dir: &'static str, files: &[&str]) -> Gone {
        scan_with(seen, dir, files, &[])
    }

    /// The same where these rules were brought by files that were never seen here.
    fn scan_with(seen: &mut Seen<&'static str>, dir: &'static str, files: &[&str], unseen: &[&str]) -> Gone {
        let there = |file: &str| files.contains(&file);
        let taken = seen.files.values().filter_map(|file| file.rule.clone());
        let brought = taken.chain(unseen.iter().map(|rule| (*rule).to_owned())).collect();
        seen.listed(&dir, there);
        seen.gone(there, dir, &brought)
    }

    #[test]
    fn a_file_that_is_gone_twice_was_removed_and_two_at_once_were_lost() {
        let mut seen = Seen::default();
        ["a", "b", "c"].iter().for_each(|rule| take(&mut seen, rule));
        assert_eq!(scan(&mut seen, "dir", &["a.wasm", "b.wasm", "c.wasm"]), Gone::Removed(BTreeSet::new()));
        assert_eq!(scan(&mut seen, "dir", &["a.wasm", "b.wasm"]), Gone::LookAgain);
        assert_eq!(scan(&mut seen, "dir", &["a.wasm", "b.wasm"]), Gone::Removed(["c.wasm".to_owned()].into()));
        seen.files.remove("c.wasm");
        assert_eq!(scan(&mut seen, "dir", &[]), Gone::LookAgain);
        assert_eq!(scan(&mut seen, "dir", &[]), Gone::Lost(["a.wasm".to_owned(), "b.wasm".to_owned()].into()));
    }

    /// Another process took `b.wasm`, and both went before this one had listed it.
    #[test]
    fn a_file_that_goes_together_with_one_that_was_never_seen_here_was_lost() {
        let mut seen = Seen::default();
        take(&mut seen, "a");
        assert_eq!(scan_with(&mut seen, "dir", &[], &["b"]), Gone::LookAgain);
        assert_eq!(scan_with(&mut seen, "dir", &[], &["b"]), Gone::Lost(["a.wasm".to_owned()].into()));
    }

    /// The empty directory beneath a mount is the same one before the mount came and after it went.
    #[test]
    fn a_mount_that_comes_late_and_goes_again_retires_nothing_also_if_its_scan_came_to_no_end() {
        let mut seen = Seen::default();
        assert_eq!(scan(&mut seen, "beneath", &[]), Gone::Removed(BTreeSet::new()));
        seen.listed(&"mount", |_| true);
        take(&mut seen, "a");
        // The store was away, or another file can't be read: what is gone is not asked for.
        assert_eq!(scan(&mut seen, "beneath", &[]), Gone::LookAgain);
        assert_eq!(scan(&mut seen, "beneath", &[]), Gone::Lost(["a.wasm".to_owned()].into()));
    }
}
