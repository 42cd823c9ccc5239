//! Which groups each open window has, as far as one worker knows: what bounds the rows of a window in the table. Beyond
//! `window.max_groups` a new group is summed in the group of all others. The sums stay exact, and every record is in one of
//! them; but which groups came first is known in memory only, so after a restart, or on another worker, others may have a row
//! of their own, and the bound holds for each worker and start by itself.

use hashbrown::{HashMap, HashSet};

use crate::model::checkpoint::Group;

/// Groups known, of all windows together: 16 to 32 MiB. Beyond it the oldest windows are forgotten, and begin anew with
/// records that come late.
const MOST: usize = 1_000_000;

/// See the module.
pub(super) struct Members {
    /// Groups that a window may have.
    most: usize,
    /// The first 64 bits of each group's id, by the window's start. Two groups that share them count as one.
    windows: HashMap<i64, HashSet<u64>>,
    /// Groups of all windows.
    known: usize,
}

impl Members {
    pub(super) fn new(most: usize) -> Self {
        Self { most, windows: HashMap::new(), known: 0 }
    }

    /// Whether the group has, or gets, a row of its own in the window.
    pub(super) fn admit(&mut self, start: i64, group: &Group) -> bool {
        let groups = self.windows.entry(start).or_default();
        let [a, b, c, d, e, f, g, h, ..] = group.id;
        let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if groups.len() >= self.most {
            return groups.contains(&key);
        }
        self.known += usize::from(groups.insert(key));
        true
    }

    /// How many groups the window with the most of them has.
    pub(super) fn most_known(&self) -> usize {
        self.windows.values().map(HashSet::len).max().unwrap_or(0)
    }

    /// Forgets the windows that are over, and the oldest of the others while there are too many groups.
    pub(super) fn trim(&mut self, is_over: impl Fn(i64) -> bool) {
        self.trim_to(MOST, is_over);
    }

    fn trim_to(&mut self, most: usize, is_over: impl Fn(i64) -> bool) {
        self.windows.retain(|start, _| !is_over(*start));
        self.known = self.windows.values().map(HashSet::len).sum();
        while self.known > most
            && let Some(oldest) = self.windows.keys().min().copied()
        {
            self.known -= self.windows.remove(&oldest).map_or(0, |groups| groups.len());
        }
    }

    /// The starts of those that are known.
    #[cfg(test)]
    pub(super) fn windows(&self) -> Vec<i64> {
        let mut starts: Vec<i64> = self.windows.keys().copied().collect();
        starts.sort_unstable();
        starts
    }

    pub(super) fn clear(&mut self) {
        self.windows.clear();
        self.known = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_over_are_forgotten_and_the_oldest_where_there_are_too_many_groups() {
        let mut members = Members::new(3);
        let group = |n: u8| Group { id: [n; 16], values: Vec::new() };
        for start in 0..10 {
            assert!((0..3).all(|n| members.admit(start, &group(n))));
            assert!(!members.admit(start, &group(3)) && members.admit(start, &group(0)));
        }
        assert_eq!((members.known, members.most_known()), (30, 3));
        members.trim_to(20, |start| start < 2);
        assert_eq!((members.known, members.windows.len()), (18, 6));
        assert_eq!(members.windows.keys().min(), Some(&4));
        assert!(!members.admit(9, &group(3)) && members.admit(2, &group(3)), "one that was forgotten begins anew");
    }
}
