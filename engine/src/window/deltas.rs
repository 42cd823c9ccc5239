//! What each (window, group) gained since the last drain, in rows side by side. Rows in a row mostly belong to few of them,
//! so a small table in front of the map knows those that came last.

use hashbrown::HashMap;

use super::group::GroupIndex;
use crate::model::checkpoint::Measured;

/// Pairs that the table in front knows: the groups of a window or two, if they are few.
const RECENT: usize = 64;

/// See the module.
pub(super) struct Deltas {
    measures_each: usize,
    /// Index of the delta of each window and group, also of groups that are summed in another one.
    known: HashMap<(i64, GroupIndex), u32>,
    recent: [Recent; RECENT],
    keys: Vec<(i64, GroupIndex)>,
    counts: Vec<Counts>,
    /// `measures_each` for each of them.
    measures: Vec<Measured>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) records: i64,
    pub(super) flagged: i64,
    pub(super) late: i64,
}

/// Start of the window, group, what it gained.
pub(super) type Drained = (i64, GroupIndex, Counts, Vec<Measured>);

#[derive(Clone, Copy)]
struct Recent {
    start: i64,
    group: GroupIndex,
    index: u32,
}

/// No index is as high: there would be no memory for so many.
const NONE: Recent = Recent { start: 0, group: 0, index: u32::MAX };

impl Deltas {
    pub(super) fn new(measures_each: usize) -> Self {
        Self {
            measures_each,
            known: HashMap::new(),
            recent: [NONE; RECENT],
            keys: Vec::new(),
            counts: Vec::new(),
            measures: Vec::new(),
        }
    }

    /// The counts and measures of a pair, zero if it is new. `summed_in` is asked once a new pair: the group itself, or the
    /// one in which it is summed.
    pub(super) fn of(
        &mut self,
        start: i64,
        group: GroupIndex,
        summed_in: impl FnOnce() -> GroupIndex,
    ) -> (&mut Counts, &mut [Measured]) {
        // Few groups fall on places of their own; the next window's begin elsewhere.
        let place = (group as usize ^ (start as usize >> 8)) % RECENT;
        let recent = self.recent[place];
        let index = if recent.index != u32::MAX && recent.start == start && recent.group == group {
            recent.index
        } else {
            let index = self.index(start, group, summed_in);
            self.recent[place] = Recent { start, group, index };
            index
        };
        let index = index as usize;
        let measures = index * self.measures_each;
        (&mut self.counts[index], &mut self.measures[measures..measures + self.measures_each])
    }

    fn index(&mut self, start: i64, group: GroupIndex, summed_in: impl FnOnce() -> GroupIndex) -> u32 {
        if let Some(index) = self.known.get(&(start, group)) {
            return *index;
        }
        let own = summed_in();
        let next = self.keys.len() as u32;
        let index = *self.known.entry((start, own)).or_insert(next);
        if index == next {
            self.keys.push((start, own));
            self.counts.push(Counts::default());
            self.measures.resize(self.measures.len() + self.measures_each, Measured::default());
        }
        if own != group {
            self.known.insert((start, group), index);
        }
        index
    }

    /// Pairs that came, those included that are summed in another one: what they take of memory.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes all of them, in the order in which they came.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Drained> + '_ {
        self.known.clear();
        self.recent = [NONE; RECENT];
        let (mut measures, each) = (self.measures.drain(..), self.measures_each);
        let counts = self.counts.drain(..);
        self.keys
            .drain(..)
            .zip(counts)
            .map(move |((start, group), counts)| (start, group, counts, measures.by_ref().take(each).collect()))
    }

    pub(super) fn clear(&mut self) {
        drop(self.drain());
    }
}

/// An i128 holds 10^19 values of an i64, so the sum cannot overflow between two checkpoints.
pub(super) fn add(measured: &mut Measured, value: i64) {
    measured.sum = Some(measured.sum.unwrap_or(0) + i128::from(value));
    measured.min = Some(measured.min.map_or(value, |min| min.min(value)));
    measured.max = Some(measured.max.map_or(value, |max| max.max(value)));
}
