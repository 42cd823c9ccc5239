//! The records of a schedule, and what must come of them: which are dirt, what the others weigh, which of them are flagged, and
//! the sums, letters and alerts of every prefix.

use std::sync::{Arc, OnceLock};

use weir::model::checkpoint::Group;

use super::world::PARTITIONS;

/// Offsets of a partition's log.
pub(crate) const OFFSETS: usize = 24;

/// What all offsets before one come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) records: i64,
    pub(crate) amount: i128,
}

/// See the module.
pub(crate) struct Records {
    weights: [[Option<i64>; OFFSETS]; PARTITIONS],
    flags: [[bool; OFFSETS]; PARTITIONS],
    before: [[Sum; OFFSETS + 1]; PARTITIONS],
}

/// The same for every schedule: only the starts and ends of the logs differ.
pub(crate) fn records() -> &'static Records {
    static RECORDS: OnceLock<Records> = OnceLock::new();
    RECORDS.get_or_init(|| {
        let mut all = Records { weights: Default::default(), flags: Default::default(), before: Default::default() };
        for partition in 0..PARTITIONS {
            for offset in 0..OFFSETS {
                let hash = ((partition * OFFSETS + offset) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
                let weight = (!hash.is_multiple_of(3)).then_some((hash & 0xff_ffff) as i64);
                let before = all.before[partition][offset];
                all.weights[partition][offset] = weight;
                // Every second one, so that a checkpoint often has more than its budget.
                all.flags[partition][offset] = weight.is_some() && (hash >> 8).is_multiple_of(2);
                all.before[partition][offset + 1] = Sum {
                    records: before.records + i64::from(weight.is_some()),
                    amount: before.amount + i128::from(weight.unwrap_or(0)),
                };
            }
        }
        all
    })
}

impl Records {
    /// The amount of a valid record; None: it is dirt and becomes a dead letter.
    pub(crate) fn weight(&self, partition: usize, offset: i64) -> Option<i64> {
        self.weights[partition][offset as usize]
    }

    /// The first dead letter at or after an offset.
    pub(crate) fn next_letter(&self, partition: usize, from: i64) -> i64 {
        (from..OFFSETS as i64).find(|offset| self.weight(partition, *offset).is_none()).unwrap_or(OFFSETS as i64)
    }

    /// Whether a record is valid and gets an alert.
    pub(crate) fn is_flagged(&self, partition: usize, offset: i64) -> bool {
        self.flags[partition][offset as usize]
    }

    /// The first record at or after an offset that gets an alert.
    pub(crate) fn next_flagged(&self, partition: usize, from: i64) -> i64 {
        (from..OFFSETS as i64).find(|offset| self.is_flagged(partition, *offset)).unwrap_or(OFFSETS as i64)
    }

    /// How many get one from this offset to that, both included.
    pub(crate) fn flagged(&self, partition: usize, from: i64, to: i64) -> u64 {
        (from..=to).filter(|offset| self.is_flagged(partition, *offset)).count() as u64
    }

    /// What the records of `from..to` come to.
    pub(crate) fn sum(&self, partition: usize, from: i64, to: i64) -> Sum {
        let (a, b) = (self.before[partition][from as usize], self.before[partition][to as usize]);
        Sum { records: b.records - a.records, amount: b.amount - a.amount }
    }
}

/// Which window and group a record falls into; partitions share them.
pub(crate) fn window_of(offset: i64) -> (i64, usize) {
    (offset / 6 * 5_000, (offset % 2) as usize)
}

/// The two groups.
pub(crate) fn group(index: usize) -> Arc<Group> {
    static GROUPS: OnceLock<[Arc<Group>; 2]> = OnceLock::new();
    let groups = GROUPS.get_or_init(|| {
        ["PAYMENT", "TRANSFER"]
            .map(|name| Arc::new(Group { id: [name.len() as u8; 16], values: vec![Some(name.into())] }))
    });
    groups[index].clone()
}
