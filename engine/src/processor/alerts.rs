//! Which records of a batch get an alert: valid ones that a live rule hit with one of the codes that are asked for. Nothing is done
//! for a record that no rule hit.

use std::ops::Range;

use crate::model::finding::{Fault, Finding};
use crate::window::RowVerdict;

/// The codes of `alerts.codes`.
#[derive(Clone, Debug, Default)]
pub struct AlertCodes(Vec<Box<str>>);

impl AlertCodes {
    /// These, in any order.
    pub fn new(codes: &[String]) -> Self {
        Self(codes.iter().map(|code| code.as_str().into()).collect())
    }

    /// Place of a code among them; None: it makes no alert.
    pub fn place(&self, code: &str) -> Option<usize> {
        self.0.iter().position(|known| **known == *code)
    }

    /// All of them, by their places.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|code| &**code)
    }

    /// Whether a hit makes its record an alert.
    pub fn hit(&self, finding: &Finding) -> bool {
        self.place(&finding.code).is_some()
    }
}

/// How many alerts a part of a batch may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertRoom {
    /// Any number. The first so many have the details of their hits; the others are counted only.
    Explained(usize),
    /// So many: the part ends before the record of the next one.
    AtMost(usize),
}

impl AlertRoom {
    pub(super) fn explained(self) -> usize {
        match self {
            Self::Explained(most) | Self::AtMost(most) => most,
        }
    }
}

/// A valid record that gets an alert.
#[derive(Clone, Copy, Debug)]
pub struct Alerted<'a> {
    /// Which record it is, counted from the first one of the batch.
    pub record: usize,
    /// Its row in the batch.
    pub row: u32,
    /// What live rules found in it, in rule order; all of them flags.
    pub hits: &'a [Finding],
}

/// A row that gets an alert unless its time has no window; and the places of all findings on it.
#[derive(Clone, Debug)]
pub(super) struct Flagged {
    pub(super) row: u32,
    pub(super) hits: Range<usize>,
}

/// All of a batch, ascending by row.
pub(super) fn flagged(findings: &[Finding], verdicts: &[RowVerdict], codes: &AlertCodes, flagged: &mut Vec<Flagged>) {
    flagged.clear();
    let mut at = 0;
    for hits in findings.chunk_by(|a, b| a.row == b.row) {
        let row = hits[0].row;
        if verdicts[row as usize] == RowVerdict::Flagged && hits.iter().any(|hit| codes.hit(hit)) {
            flagged.push(Flagged { row, hits: at..at + hits.len() });
        }
        at += hits.len();
    }
}

/// The row before which a part ends that may have so many of these, of which `late` have no window; None: it need not end. Whether
/// that row has a window is not known yet: the part ends there although it may take no room.
pub(super) fn end(flagged: &[Flagged], room: AlertRoom, late: usize) -> Option<u32> {
    match room {
        AlertRoom::Explained(_) => None,
        AlertRoom::AtMost(most) => flagged.get(most + late).map(|flagged| flagged.row),
    }
}

/// How many of these rows, which ascend, are among the faults, which do too.
pub(super) fn late(flagged: &[Flagged], faults: &[(u32, Fault)]) -> usize {
    flagged.iter().filter(|flagged| is_late(flagged.row, faults)).count()
}

/// Whether the row has no window, and so is a dead letter.
pub(super) fn is_late(row: u32, faults: &[(u32, Fault)]) -> bool {
    !faults.is_empty() && faults.binary_search_by_key(&row, |(row, _)| *row).is_ok()
}
