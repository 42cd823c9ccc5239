//! Which records of a batch are rejected, and why.

use std::borrow::Cow;
use std::ops::Range;

use super::decoded::Buffers;
use crate::model::finding::{Effect, Fault, Finding, RuleId, Stage};

/// A record that is a dead letter. All of it is borrowed but for a message that a rule left empty.
#[derive(Clone, Copy, Debug)]
pub struct Reject<'a> {
    /// Which record it is, counted from the first one of the batch.
    pub record: usize,
    /// Why it is rejected.
    pub cause: Cause<'a>,
    /// What live rules found in it, in rule order.
    pub hits: &'a [Finding],
}

/// Why a record is rejected.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// It did not decode, or has no window.
    Fault(&'a Fault),
    /// A rule: the first hit, in rule order, that rejects it.
    Rule(&'a Finding),
}

impl<'a> Reject<'a> {
    /// Where it was found wanting.
    pub fn stage(&self) -> Stage {
        match self.cause {
            Cause::Fault(fault) => fault.stage,
            Cause::Rule(_) => Stage::Rule,
        }
    }

    /// The rule's code, or the engine's.
    pub fn code(&self) -> &'a str {
        match self.cause {
            Cause::Fault(fault) => fault.code,
            Cause::Rule(hit) => &hit.code,
        }
    }

    /// The rule that rejects it, if one does.
    pub fn rule(&self) -> Option<&'a RuleId> {
        match self.cause {
            Cause::Fault(_) => None,
            Cause::Rule(hit) => Some(&hit.rule),
        }
    }

    /// Reason in words, for a person.
    pub fn message(&self) -> Cow<'a, str> {
        match self.cause {
            Cause::Fault(fault) => (*fault.message).into(),
            Cause::Rule(Finding { rule, code, detail, .. }) if detail.is_empty() => {
                format!("rule {} says {code}", rule.name).into()
            }
            Cause::Rule(hit) => (*hit.detail).into(),
        }
    }
}

/// A record that is rejected: by which of the batch's faults or findings. Plain numbers, so that the list of them is room
/// that is used again.
pub(super) struct Rejected {
    record: usize,
    why: Why,
}

enum Why {
    /// Place among those that did not decode.
    Undecoded(usize),
    /// Places of all findings on the row.
    Hit(Range<usize>),
    /// Place among the rows without a window.
    Late(usize),
}

/// All of a part of a batch, in order of offset, whatever stage rejected the record: per key, the queue keeps the topic's order.
/// `late` is of these rows only.
pub(super) fn collect(
    buffers: &Buffers,
    findings: &[Finding],
    late: &[(u32, Fault)],
    (rows, records): (Range<usize>, Range<usize>),
    rejected: &mut Vec<Rejected>,
) {
    rejected.clear();
    let undecoded = (0..).zip(&buffers.undecoded).filter(|(_, (record, _))| records.contains(record));
    rejected.extend(undecoded.map(|(at, (record, _))| Rejected { record: *record, why: Why::Undecoded(at) }));
    let mut at = findings.partition_point(|finding| (finding.row as usize) < rows.start);
    let end = findings.partition_point(|finding| (finding.row as usize) < rows.end);
    for hits in findings[at..end].chunk_by(|a, b| a.row == b.row) {
        if hits.iter().any(|hit| hit.effect == Effect::DeadLetter) {
            let record = buffers.rows[hits[0].row as usize];
            rejected.push(Rejected { record, why: Why::Hit(at..at + hits.len()) });
        }
        at += hits.len();
    }
    // Rows that a rule rejected already never get here: `Windows::add` reports only rows it would have summed.
    let late = late.iter().zip(0..);
    rejected.extend(late.map(|((row, _), at)| Rejected { record: buffers.rows[*row as usize], why: Why::Late(at) }));
    rejected.sort_unstable_by_key(|rejected| rejected.record);
}

impl Rejected {
    /// None: it did not decode.
    pub(super) fn row(&self, findings: &[Finding], late: &[(u32, Fault)]) -> Option<u32> {
        match &self.why {
            Why::Undecoded(_) => None,
            Why::Hit(at) => Some(findings[at.start].row),
            Why::Late(at) => Some(late[*at].0),
        }
    }

    /// With what it names.
    pub(super) fn with<'a>(
        &self,
        undecoded: &'a [(usize, Fault)],
        findings: &'a [Finding],
        late: &'a [(u32, Fault)],
    ) -> Reject<'a> {
        let record = self.record;
        match &self.why {
            Why::Undecoded(at) => Reject { record, cause: Cause::Fault(&undecoded[*at].1), hits: &[] },
            Why::Hit(at) => {
                let hits = &findings[at.clone()];
                let first = hits.iter().find(|hit| hit.effect == Effect::DeadLetter);
                let first = first.expect("only what has such a hit is rejected for its hits");
                Reject { record, cause: Cause::Rule(first), hits }
            }
            Why::Late(at) => {
                let (row, fault) = &late[*at];
                Reject { record, cause: Cause::Fault(fault), hits: of_row(findings, *row) }
            }
        }
    }
}

/// The findings are sorted by row: in a batch of which every row is late and hit, each looks at its own only.
fn of_row(findings: &[Finding], row: u32) -> &[Finding] {
    let from = findings.partition_point(|finding| finding.row < row);
    let hits = findings[from..].iter().take_while(|finding| finding.row == row).count();
    &findings[from..from + hits]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::ids::Sha256;

    #[test]
    fn a_late_row_has_its_own_hits_in_rule_order_and_no_other_row_s() {
        let rule = |name: &str| Arc::new(RuleId { name: name.into(), sha256: Sha256([0; 32]) });
        let finding = |row, name: &str| {
            let (code, detail) = ("CODE".into(), String::new());
            Finding { row, rule: rule(name), code, effect: Effect::Flag, detail }
        };
        let findings = [finding(1, "a"), finding(3, "a"), finding(3, "b"), finding(4, "a")];
        let names = |row| of_row(&findings, row).iter().map(|found| found.rule.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(3), ["a", "b"]);
        assert_eq!((names(1).len(), names(4).len()), (1, 1));
        assert!(names(0).is_empty() && names(2).is_empty() && names(5).is_empty());
    }
}
