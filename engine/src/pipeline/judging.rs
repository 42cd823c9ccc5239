//! The way of a batch: messages of one partition → columns → lookups → rules → windows and letters. No network here: what
//! the lookups lack is asked by the worker, between the two halves.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::clock::now_ms;
use super::codes::Codes;
use super::hits::list;
use super::status::LookupAway;
use crate::checkpoint::Pending;
use crate::config::Config;
use crate::decode::Decoder;
use crate::enrich::lookup::{Answers, Lookups, Plan};
use crate::model::finding::{Effect, Fault, Finding, RuleId, Stage};
use crate::model::ids::{Offset, Partition, Revision};
use crate::model::letter::{Hit, Reason, Source};
use crate::model::record::{Batch, FieldId, Schema};
use crate::rules::{Judge, LiveSet, Unjudged};
use crate::source::Messages;
use crate::window::{RowVerdict, WindowSpec, Windows};

/// Everything that judging needs and reuses from batch to batch.
pub(super) struct Bench {
    schema: Arc<Schema>,
    decoder: Decoder,
    lookups: Lookups,
    judge: Judge,
    pub(super) windows: Windows,
    /// Fields that window and group need, whatever the rules.
    always: Vec<FieldId>,
    /// What the decoder is set to, and for which revision.
    needed: (Option<Revision>, Vec<FieldId>),
    /// For the batches to come.
    spare: Vec<Desk>,
    findings: Vec<Finding>,
    verdicts: Vec<RowVerdict>,
    late: Vec<(u32, Fault)>,
    /// Rows that become letters, ascending.
    letters: Vec<u32>,
    /// Index into the messages, ascending.
    rejected: Vec<(usize, Why)>,
    codes: Codes,
}

/// A batch that is decoded and not judged yet. Its buffers are used again.
struct Desk {
    batch: Batch,
    /// Index into the messages, one a row.
    rows: Vec<usize>,
    undecoded: Vec<(usize, Fault)>,
}

/// A batch between the two halves of its way.
pub(super) struct Opened {
    desk: Desk,
    plan: Plan,
}

impl Opened {
    /// What its lookups ask.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }
}

impl Bench {
    pub(super) fn new(
        config: &Config,
        schema: &Arc<Schema>,
        spec: &Arc<WindowSpec>,
        judge: Judge,
    ) -> anyhow::Result<Self> {
        let max_record = usize::try_from(config.source.max_record.as_u64())?;
        Ok(Self {
            schema: schema.clone(),
            decoder: Decoder::new(schema.clone(), max_record),
            lookups: Lookups::new(&config.lookup, schema.clone())?,
            judge,
            windows: Windows::new(spec.clone(), schema.clone()),
            always: spec.needed(),
            needed: (None, Vec::new()),
            spare: Vec::new(),
            findings: Vec::new(),
            verdicts: Vec::new(),
            late: Vec::new(),
            letters: Vec::new(),
            rejected: Vec::new(),
            codes: Codes::default(),
        })
    }

    /// The first half: decodes consecutive messages of one partition, at most [`Batch::MAX_ROWS`], and says what its
    /// lookups ask. Another may be opened before the first is judged.
    pub(super) fn open(&mut self, set: &LiveSet, partition: Partition, messages: Messages<'_>) -> Opened {
        self.set_needed(set);
        let mut desk = self.spare.pop().unwrap_or_else(|| Desk {
            batch: Batch::new(&self.schema),
            rows: Vec::new(),
            undecoded: Vec::new(),
        });
        self.decode(partition, messages, &mut desk);
        let plan = self.lookups.plan(&desk.batch, &self.needed.1, Instant::now());
        Opened { desk, plan }
    }

    /// Records so far that decode had to look at closely.
    pub(super) fn surprises(&self) -> u64 {
        self.decoder.slow_path()
    }

    /// See [`Lookups::away`].
    pub(super) fn lookups_away(&self) -> Vec<LookupAway> {
        let away = self.lookups.away();
        away.map(|(name, missing, away)| LookupAway { name: name.to_owned(), missing, away }).collect()
    }

    /// The second half: judges an open batch by the rule set that it was opened with, or gives it up when `until` says so: then
    /// nothing of it is pending, and it has to be read again. Without answers what the lookups lack
    /// is missing.
    pub(super) fn judge(
        &mut self,
        set: &Arc<LiveSet>,
        messages: Messages<'_>,
        (opened, answers): (Opened, Option<Answers>),
        pending: &mut Pending,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<(), Unjudged> {
        if messages.is_empty() {
            return Ok(());
        }
        let (first, last) = (messages.get(0), messages.get(messages.len() - 1));
        let partition = first.partition;
        let Opened { mut desk, plan } = opened;
        self.lookups.apply(plan, answers, &mut desk.batch, Instant::now());
        self.findings.clear();
        self.judge.judge_until(set, &desk.batch, &mut self.findings, until)?;
        self.weigh(desk.batch.rows());
        self.late.clear();
        self.windows.add(&desk.batch, &self.verdicts, now_ms(), &mut self.late);
        pending.judged(partition, first.offset, Offset(last.offset.0 + 1), messages.len(), set.revision);
        self.reject(&desk);
        self.explain(set, &desk.batch);
        self.write_letters(set.revision, &desk, messages, pending);
        self.spare.push(desk);
        Ok(())
    }

    /// Fields that neither a rule nor the window nor a lookup's key reads are skipped, not built.
    fn set_needed(&mut self, set: &LiveSet) {
        if self.needed.0 == Some(set.revision) {
            return;
        }
        let mut needed: Vec<FieldId> = self.always.iter().chain(&set.needed).copied().collect();
        needed.extend(self.lookups.inputs(&needed));
        // A required field is checked whether anything reads it or not: its absence is dirt by the configuration.
        needed.extend((0..self.schema.fields.len()).map(FieldId).filter(|id| self.schema.field(*id).required));
        needed.sort_unstable();
        needed.dedup();
        self.decoder.set_needed(&needed);
        self.needed = (Some(set.revision), needed);
    }

    fn decode(&mut self, partition: Partition, messages: Messages<'_>, desk: &mut Desk) {
        desk.batch.clear(partition);
        desk.rows.clear();
        desk.undecoded.clear();
        for (index, message) in messages.iter().enumerate() {
            match self.decoder.decode(message.key, message.value, message.offset, &mut desk.batch) {
                Ok(()) => desk.rows.push(index),
                Err(fault) => desk.undecoded.push((index, fault)),
            }
        }
    }

    fn weigh(&mut self, rows: usize) {
        self.verdicts.clear();
        self.verdicts.resize(rows, RowVerdict::Valid);
        for finding in &self.findings {
            let verdict = &mut self.verdicts[finding.row as usize];
            match finding.effect {
                Effect::DeadLetter => *verdict = RowVerdict::Rejected,
                Effect::Flag if *verdict == RowVerdict::Valid => *verdict = RowVerdict::Flagged,
                Effect::Flag => {}
            }
        }
    }

    /// In order of offset, whatever stage rejected the record: per key, the queue keeps the topic's order.
    fn reject(&mut self, desk: &Desk) {
        self.rejected.clear();
        self.rejected.extend(desk.undecoded.iter().zip(0..).map(|((index, _), at)| (*index, Why::Undecoded(at))));
        let mut at = 0;
        for hits in self.findings.chunk_by(|a, b| a.row == b.row) {
            if hits.iter().any(|hit| hit.effect == Effect::DeadLetter) {
                self.rejected.push((desk.rows[hits[0].row as usize], Why::Hit(at..at + hits.len())));
            }
            at += hits.len();
        }
        // Rows that a rule rejected already never get here: `Windows::add` reports only rows it would have summed.
        self.rejected.extend(self.late.iter().zip(0..).map(|((row, _), at)| (desk.rows[*row as usize], Why::Late(at))));
        self.rejected.sort_unstable_by_key(|(index, _)| *index);
    }

    /// Letters have all that was seen in their records, as far as the rules say it.
    fn explain(&mut self, set: &LiveSet, batch: &Batch) {
        self.letters.clear();
        self.letters.extend(self.rejected.iter().filter_map(|(_, why)| match why {
            Why::Undecoded(_) => None,
            Why::Hit(at) => Some(self.findings[at.start].row),
            Why::Late(at) => Some(self.late[*at].0),
        }));
        self.judge.explain(set, batch, &self.letters, &mut self.findings);
    }

    fn write_letters(&mut self, revision: Revision, desk: &Desk, messages: Messages<'_>, pending: &mut Pending) {
        let partition = desk.batch.partition;
        let mut hits = Vec::new();
        for (index, why) in &self.rejected {
            let message = messages.get(*index);
            let headers = message.headers();
            let source = Source {
                offset: message.offset,
                timestamp: message.timestamp(),
                key: message.key,
                value: message.value,
                headers: &headers,
            };
            let reason = match why {
                Why::Undecoded(at) => by_fault(&desk.undecoded[*at].1, revision, (hits, 0)),
                Why::Hit(at) => by_rule(&self.findings[at.clone()], revision, hits),
                Why::Late(at) => {
                    let (row, fault) = &self.late[*at];
                    let more = list(of_row(&self.findings, *row), &mut hits);
                    by_fault(fault, revision, (hits, more))
                }
            };
            pending.letter(partition, &source, &reason);
            self.codes.count(reason.code);
            // Its room is used again.
            hits = reason.hits;
            hits.clear();
        }
        self.codes.tell();
    }
}

/// Why a record is rejected: by which of the batch's faults or findings.
enum Why {
    Undecoded(usize),
    Hit(Range<usize>),
    Late(usize),
}

fn by_fault<'a>(fault: &'a Fault, revision: Revision, (hits, more): (Vec<Hit<'a>>, u32)) -> Reason<'a> {
    Reason { stage: fault.stage, code: fault.code, message: (*fault.message).into(), rule: None, revision, hits, more }
}

/// The first dead-letter hit in rule order is the reason. `hits` is empty and gives its room.
fn by_rule<'a>(findings: &'a [Finding], revision: Revision, mut hits: Vec<Hit<'a>>) -> Reason<'a> {
    let reason = findings.iter().find(|finding| finding.effect == Effect::DeadLetter);
    let reason = reason.expect("only what has such a hit is rejected for its hits");
    let RuleId { name, sha256 } = &*reason.rule;
    let message = match &*reason.detail {
        "" => format!("rule {name} says {}", reason.code).into(),
        detail => detail.into(),
    };
    let more = list(findings.iter(), &mut hits);
    Reason { stage: Stage::Rule, code: &reason.code, message, rule: Some((name, *sha256)), revision, hits, more }
}

/// The findings are sorted by row: in a batch of which every row is late and hit, each looks at its own only.
fn of_row(findings: &[Finding], row: u32) -> impl Iterator<Item = &Finding> {
    let from = findings.partition_point(|finding| finding.row < row);
    findings[from..].iter().take_while(move |finding| finding.row == row)
}

#[cfg(test)]
mod tests {
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
        let names = |row| of_row(&findings, row).map(|found| found.rule.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(3), ["a", "b"]);
        assert_eq!((names(1).len(), names(4).len()), (1, 1));
        assert!(names(0).is_empty() && names(2).is_empty() && names(5).is_empty());
    }
}
