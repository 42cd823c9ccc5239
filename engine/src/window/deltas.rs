//! What each (window, group) gained since the last drain, in rows side by side. Rows in a row mostly belong to few of them,
//! so a small table in front of the map knows those that came last.

use hashbrown::HashMap;

use super::group::GroupIndex;
use crate::model::aggregate::{Aggregate, Measure};

/// Pairs that the table in front knows: the groups of a window or two, if they are few.
const RECENT: usize = 64;

/// See the module.
pub(super) struct Deltas {
    /// How many fields are measured.
    fields: usize,
    /// Index of the delta of each window and group, also of groups that are summed in another one.
    known: HashMap<(i64, GroupIndex), u32>,
    recent: [Recent; RECENT],
    keys: Vec<(i64, GroupIndex)>,
    counts: Vec<Counts>,
    /// `fields` for each of them.
    gained: Vec<Gained>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) records: i64,
    pub(super) flagged: i64,
    pub(super) late: i64,
}

/// What a window and group gained in one field: the unscaled value of every aggregate, asked for or not, so that there is nothing to
/// choose for each record; None: no record had the field.
#[derive(Clone, Copy, Default)]
pub(super) struct Gained(Option<[i128; Aggregate::ALL.len()]>);

/// Start of the window, group, counts, and the unscaled value of each measure; None: no record had the field.
pub(super) type Drained = (i64, GroupIndex, Counts, Vec<Option<i128>>);

#[derive(Clone, Copy)]
struct Recent {
    start: i64,
    group: GroupIndex,
    index: u32,
}

/// No index is as high: there would be no memory for so many.
const NONE: Recent = Recent { start: 0, group: 0, index: u32::MAX };

impl Deltas {
    pub(super) fn new(fields: usize) -> Self {
        Self {
            fields,
            known: HashMap::new(),
            recent: [NONE; RECENT],
            keys: Vec::new(),
            counts: Vec::new(),
            gained: Vec::new(),
        }
    }

    /// What a pair gained, nothing if it is new. `summed_in` is asked once a new pair: the group itself, or the
    /// one in which it is summed.
    pub(super) fn of(
        &mut self,
        start: i64,
        group: GroupIndex,
        summed_in: impl FnOnce() -> GroupIndex,
    ) -> (&mut Counts, &mut [Gained]) {
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
        let gained = index * self.fields;
        (&mut self.counts[index], &mut self.gained[gained..gained + self.fields])
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
            self.gained.resize(self.gained.len() + self.fields, Gained::default());
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

    /// Takes all of them, in the order in which they came, with the measures that are asked for, each with the place of its field.
    pub(super) fn drain(&mut self, measures: &[(usize, Measure)]) -> impl Iterator<Item = Drained> {
        self.known.clear();
        self.recent = [NONE; RECENT];
        let (mut all, fields) = (self.gained.drain(..), self.fields);
        let mut gained = Vec::with_capacity(fields);
        self.keys.drain(..).zip(self.counts.drain(..)).map(move |((start, group), counts)| {
            gained.clear();
            gained.extend(all.by_ref().take(fields));
            let value = |(field, measure): &(usize, Measure)| gained[*field].value(measure.aggregate);
            (start, group, counts, measures.iter().map(value).collect())
        })
    }

    pub(super) fn clear(&mut self) {
        drop(self.drain(&[]));
    }
}

impl Gained {
    /// Adds the field's value in one record.
    #[inline]
    pub(super) fn add(&mut self, value: i64) {
        match &mut self.0 {
            None => self.0 = Some(Aggregate::ALL.map(|aggregate| aggregate.of(value).into())),
            Some(kept) => {
                for (kept, aggregate) in kept.iter_mut().zip(Aggregate::ALL) {
                    aggregate.join().add(kept, aggregate.of(value));
                }
            }
        }
    }

    fn value(&self, aggregate: Aggregate) -> Option<i128> {
        self.0.as_ref().map(|kept| kept[aggregate as usize])
    }
}
