//! What became of a batch.

use std::ops::Range;

use super::alerts::{Alerted, Flagged};
use super::rejects::{Reject, Rejected};
use crate::model::finding::{Effect, Fault, Finding};
use crate::model::ids::Revision;
use crate::model::record::Batch;
use crate::window::RowVerdict;

/// What a rule set says of a batch. Borrowed: the buffers are used again for the next one.
pub struct Judged<'a, O> {
    /// Revision of the set that judged.
    pub revision: Revision,
    /// The records that decoded.
    pub batch: &'a Batch,
    /// How many records there were, decoded or not.
    pub records: usize,
    /// Which of them the rest of this says something of: all, unless their alerts had no room.
    pub part: Range<usize>,
    /// Index of each row's record among the batch's records, from 0. Ascending.
    pub rows: &'a [usize],
    /// What the rules made of each row: what the windows were given.
    pub verdicts: &'a [RowVerdict],
    /// What live rules found, sorted by row and rule order. Flags on records that are neither rejected nor sent as alerts may lack
    /// their details.
    pub findings: &'a [Finding],
    /// Who watched the rules.
    pub observer: &'a O,
    /// Records that did not decode, counted as in `rows`, and why. Ascending.
    pub undecoded: &'a [(usize, Fault)],
    /// Rows that have no window, and why. Ascending.
    pub late: &'a [(u32, Fault)],
    pub(super) rejected: &'a [Rejected],
    pub(super) flagged: &'a [Flagged],
    pub(super) alerted: &'a [usize],
}

impl<'a, O> Judged<'a, O> {
    /// The records that are dead letters, in order of offset, each with its reason.
    pub fn rejects(&self) -> impl ExactSizeIterator<Item = Reject<'a>> + use<'a, O> {
        let (undecoded, findings, late) = (self.undecoded, self.findings, self.late);
        self.rejected.iter().map(move |rejected| rejected.with(undecoded, findings, late))
    }

    /// The records that get an alert, in order of offset.
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = Alerted<'a>> + use<'a, O> {
        let (rows, findings, flagged) = (self.rows, self.findings, self.flagged);
        self.alerted.iter().map(move |at| {
            let Flagged { row, hits } = &flagged[*at];
            Alerted { record: rows[*row as usize], row: *row, hits: &findings[hits.clone()] }
        })
    }

    /// How many records are left of the batch, for [`BatchProcessor::go_on`](super::BatchProcessor::go_on).
    pub fn rest(&self) -> usize {
        self.records - self.part.end
    }

    /// How many dead letters there are.
    pub fn rejected(&self) -> usize {
        self.rejected.len()
    }

    /// How many valid records of the part a live rule flagged. A record without a finding costs nothing.
    pub fn flagged_records(&self) -> usize {
        let is_one = |row: u32| {
            self.verdicts[row as usize] == RowVerdict::Flagged
                && self.part.contains(&self.rows[row as usize])
                && self.late.binary_search_by_key(&row, |(late, _)| *late).is_err()
        };
        self.findings.chunk_by(|a, b| a.row == b.row).filter(|of_row| is_one(of_row[0].row)).count()
    }
}

/// A verdict for each of so many rows.
pub(super) fn weigh(findings: &[Finding], rows: usize, verdicts: &mut Vec<RowVerdict>) {
    verdicts.clear();
    verdicts.resize(rows, RowVerdict::Valid);
    for finding in findings {
        let verdict = &mut verdicts[finding.row as usize];
        match finding.effect {
            Effect::DeadLetter => *verdict = RowVerdict::Rejected,
            Effect::Flag if *verdict == RowVerdict::Valid => *verdict = RowVerdict::Flagged,
            Effect::Flag => {}
        }
    }
}
