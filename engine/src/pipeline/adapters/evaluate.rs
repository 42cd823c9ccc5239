//! `POST /evaluate`: records through the processor, by all rules with all details, without a consequence; and what is
//! answered about each. With other parameters than those in force it judges by a set of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::rule_test::{Tried, rule_test};
use crate::admin::ports::{AdminError, EvaluateRequest};
use crate::admin::views::{EvaluateView, EvaluatedView, FaultView, HitView, OutcomeView, VerdictView};
use crate::clock::now_ms;
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Fault, Finding, Stage};
use crate::model::ids::{Offset, Partition};
use crate::model::record::{Batch, Schema};
use crate::processor::{BatchProcessor, Fields, Now, Record};
use crate::rules::{BuildError, Halt, Judge, LiveSet, Recorder, RuleVerdict, Runtime};

/// What it takes to evaluate records once.
pub(super) struct Evaluation {
    pub(super) runtime: Arc<Runtime>,
    pub(super) schema: Arc<Schema>,
    /// Bytes that a record may have.
    pub(super) max_record: usize,
    pub(super) set: Arc<LiveSet>,
    /// Nobody waits for the answer any more.
    pub(super) stop: Arc<AtomicBool>,
    /// For all rules together; what is not asked by then says so.
    pub(super) time: Duration,
}

impl Evaluation {
    /// One answer a record. Every field is decoded, so a fault is found whether a rule reads the field or not; lookups are not
    /// asked, nothing is summed, and no record is too late. Runs guest code: call it on a blocking thread.
    pub(super) fn run(self, request: &EvaluateRequest) -> Result<EvaluateView, AdminError> {
        let Self { runtime, schema, max_record, set, stop, time } = self;
        let now = Now { instant: Instant::now(), epoch_ms: now_ms() };
        let set = match request.parameters.is_empty() {
            true => set,
            false => Arc::new(set.with_parameters(&runtime, &schema, &request.parameters)?),
        };
        let mut until = || stop.load(Ordering::Relaxed) || now.instant.elapsed() > time;
        let judge = Judge::observed(runtime, Recorder::default(), stop.clone());
        let mut processor = BatchProcessor::new(schema.clone(), max_record, Fields::All, None, judge);
        let given = request.records.iter().zip(0..);
        let given = given.map(|(value, at)| Record { offset: Offset(at), key: None, value: Some(value) });
        let decoded = processor.open(&set, Partition(0), given, now);
        let judged = processor.judge(&set, decoded, None, now, None, &mut until);
        let judged = judged.map_err(|why| AdminError::Unavailable(why.to_string()))?;
        let verdicts = &judged.observer.verdicts;
        let mut undecoded = judged.undecoded.iter();
        let mut rows = (0..).zip(judged.batch.offsets.iter()).peekable();
        let view = |at: Offset| match rows.next_if(|(_, offset)| **offset == at) {
            Some((row, _)) => {
                EvaluatedView { fields: fields(&schema, judged.batch, row), ..judged_view(verdicts, row, at) }
            }
            None => undecoded_view(undecoded.next().map(|(_, fault)| fault)),
        };
        let records: Vec<_> = (0..request.records.len() as i64).map(Offset).map(view).collect();
        let test = match &request.test {
            Some(rule) => Some(test_of(rule, verdicts, records.first(), request.origin.as_deref())?),
            None => None,
        };
        Ok(EvaluateView { revision: set.revision.0, records, test, hidden: None })
    }
}

/// A test for the crate of a rule that judged the first record.
fn test_of(
    rule: &str,
    verdicts: &[RuleVerdict],
    record: Option<&EvaluatedView>,
    origin: Option<&str>,
) -> Result<String, AdminError> {
    let invalid = |detail: String, hint: &str| AdminError::Invalid { detail, hint: hint.into() };
    let record = record.filter(|record| !record.fields.is_empty());
    let record = record.ok_or_else(|| {
        invalid("the record can't be decoded, so no rule sees it".into(), "a test can be made of a record that decodes")
    })?;
    let verdict = verdicts.iter().find(|verdict| *verdict.rule.id.name == *rule && verdict.asked);
    let RuleVerdict { rule, findings, .. } = verdict.ok_or_else(|| {
        invalid(format!("the rule {rule:?} did not judge it"), "name a rule that is neither off nor suspended")
    })?;
    Ok(rule_test(&Tried {
        manifest: &rule.manifest,
        parameters: &rule.parameters,
        fields: &record.fields,
        findings: findings.iter().filter(|finding| finding.row == 0).collect(),
        origin,
    }))
}

/// The texts of a row.
fn fields(schema: &Schema, batch: &Batch, row: u32) -> BTreeMap<String, Option<String>> {
    let columns = schema.fields.iter().zip(&batch.columns);
    columns
        .map(|(field, column)| (field.name.clone(), column.get(row as usize).map(|value| value.to_text(field.scale))))
        .collect()
}

impl From<BuildError> for AdminError {
    fn from(error: BuildError) -> Self {
        let detail = error.to_string();
        match error {
            BuildError::Compiler(_) => Self::Unavailable(detail),
            BuildError::NoRule(_) => Self::NotFound(detail),
            BuildError::Module(_)
            | BuildError::NoModule { .. }
            | BuildError::Same { .. }
            | BuildError::Unfit { .. } => {
                Self::Invalid { detail, hint: "GET /rules/{name} has the rule's parameters and their kinds".into() }
            }
        }
    }
}

fn undecoded_view(fault: Option<&Fault>) -> EvaluatedView {
    let fault = fault.map(|fault| FaultView {
        stage: match fault.stage {
            Stage::Decode => "decode",
            Stage::Rule => "rule",
            Stage::Window => "window",
        }
        .to_owned(),
        code: fault.code.to_owned(),
        message: fault.message.clone(),
    });
    EvaluatedView { outcome: OutcomeView::DeadLetter, fault, fields: BTreeMap::new(), verdicts: Vec::new() }
}

fn judged_view(judged: &[RuleVerdict], row: u32, at: Offset) -> EvaluatedView {
    let halt = judged.iter().filter_map(|verdict| verdict.halt.as_ref()).find(|halt| halt.offset == at);
    // Shadow rules are shown and decide nothing.
    let live = judged.iter().filter(|verdict| verdict.rule.mode == Mode::Live);
    let of_row = live.flat_map(|verdict| &verdict.findings).filter(|finding| finding.row == row);
    let outcome = match of_row.map(|finding| finding.effect).max_by_key(|e| *e == Effect::DeadLetter) {
        _ if halt.is_some() => OutcomeView::Halt,
        Some(Effect::DeadLetter) => OutcomeView::DeadLetter,
        Some(Effect::Flag) => OutcomeView::Flagged,
        None => OutcomeView::Valid,
    };
    let verdicts = judged.iter().map(|RuleVerdict { rule, findings, asked, .. }| VerdictView {
        not_asked: !asked,
        rule: rule.manifest.name.clone(),
        sha256: rule.id.sha256.to_string(),
        mode: rule.mode,
        hits: findings.iter().filter(|finding| finding.row == row).map(hit_view).collect(),
    });
    EvaluatedView { outcome, fault: halt.map(halt_view), fields: BTreeMap::new(), verdicts: verdicts.collect() }
}

pub(super) fn hit_view(finding: &Finding) -> HitView {
    let Finding { code, effect, detail, .. } = finding;
    HitView { code: code.to_string(), effect: *effect, detail: detail.clone() }
}

fn halt_view(halt: &Halt) -> FaultView {
    let Halt { rule, code, message, .. } = halt;
    let message = format!("rule {rule} fails and its on_failure is halt, the pipeline would stop here: {message}");
    FaultView { stage: "rule".to_owned(), code: (*code).to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_made_of_a_record_that_decodes_for_a_rule_that_judged_it() {
        let said = |record: Option<&EvaluatedView>| test_of("r", &[], record, None).expect_err("refused").to_string();
        let undecoded = undecoded_view(None);
        for record in [None, Some(&undecoded)] {
            assert!(said(record).starts_with("the record can't be decoded"), "{}", said(record));
        }
        let decoded = EvaluatedView { fields: BTreeMap::from([("amount".into(), None)]), ..undecoded };
        assert!(said(Some(&decoded)).starts_with("the rule \"r\" did not judge it"), "{}", said(Some(&decoded)));
    }
}
