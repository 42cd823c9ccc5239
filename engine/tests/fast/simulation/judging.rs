//! What judging a batch leaves behind: window deltas of all partitions mixed by group, letters and alerts.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use weir::checkpoint::{AlertBudget, CheckpointBuilder};
use weir::config::Beyond;
use weir::model::alert::Alert;
use weir::model::checkpoint::WindowDelta;
use weir::model::finding::Stage;
use weir::model::ids::{Offset, Partition, Revision};
use weir::model::letter::{Cut, Reason, Source};

use super::records::{Sum, group, records, window_of};

/// So few that a batch alone may pass it.
pub(crate) const BUDGET: AlertBudget<'static> = AlertBudget { topic: "alerts", most: 2 };
pub(crate) const CODE: &str = "FLAGGED";

/// Deltas since the last checkpoint.
#[derive(Default)]
pub(crate) struct Windows(BTreeMap<(i64, usize), Sum>);

impl Windows {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Groups that hold deltas.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Judges `from..to` of a partition, and returns how far it came: an alert that has no room is counted, or else the batch ends
    /// before it.
    pub(crate) fn judge(
        &mut self,
        partition: Partition,
        (from, to): (Offset, Offset),
        beyond: Beyond,
        pending: &mut CheckpointBuilder,
    ) -> Offset {
        let to = match beyond {
            Beyond::Count => to,
            Beyond::Wait => cut(partition, from, to, pending),
        };
        if to == from {
            return to;
        }
        let revision = Revision(1);
        pending.judged(partition, from, to, (to.0 - from.0) as usize, revision);
        for offset in from.0..to.0 {
            match records().weight(partition.0 as usize, offset) {
                Some(weight) => {
                    let window = self.0.entry(window_of(offset)).or_default();
                    window.records += 1;
                    window.amount += i128::from(weight);
                }
                None => {
                    let source = Source { offset: Offset(offset), timestamp: -1, key: None, value: None, headers: &[] };
                    pending.letter(partition, &source, reason());
                }
            }
            if records().is_flagged(partition.0 as usize, offset) {
                let at = (partition, Offset(offset));
                pending.alert(at, BUDGET, [CODE].into_iter(), || alert(Offset(offset)));
            }
        }
        to
    }

    /// In the order of the store's keys: `group` numbers ascend with their ids.
    pub(crate) fn drain(&mut self) -> Vec<WindowDelta> {
        let deltas = std::mem::take(&mut self.0).into_iter();
        deltas.map(|((start, index), sum)| delta(start, index, sum)).collect()
    }
}

/// The record before which the batch ends as the checkpoint has no room for its alert.
fn cut(partition: Partition, from: Offset, to: Offset, pending: &mut CheckpointBuilder) -> Offset {
    let mut room = pending.alert_room(partition, BUDGET.most);
    for offset in from.0..to.0 {
        if records().is_flagged(partition.0 as usize, offset) {
            if room == 0 {
                pending.end_before_an_alert();
                return Offset(offset);
            }
            room -= 1;
        }
    }
    to
}

fn alert(offset: Offset) -> Alert<'static> {
    Alert {
        offset,
        timestamp: -1,
        key: None,
        value: None,
        cut: Cut::default(),
        revision: Revision(1),
        hits: Vec::new(),
        more: 0,
        fields: Vec::new(),
    }
}

fn delta(start: i64, index: usize, sum: Sum) -> WindowDelta {
    WindowDelta {
        start,
        end: start + 5_000,
        group: group(index),
        records: sum.records,
        flagged: 0,
        late: 0,
        measures: vec![Some(sum.amount)],
    }
}

fn reason() -> &'static Reason<'static> {
    static REASON: OnceLock<Reason<'static>> = OnceLock::new();
    REASON.get_or_init(|| Reason {
        stage: Stage::Rule,
        code: "AMOUNT_NEGATIVE",
        message: "".into(),
        rule: None,
        revision: Revision(1),
        hits: Vec::new(),
        more: 0,
    })
}
