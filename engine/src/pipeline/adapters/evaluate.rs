//! What `POST /evaluate` answers about a record.

use crate::admin::views::{EvaluatedView, FaultView, HitView, OutcomeView, VerdictView};
use crate::model::catalog::Mode;
use crate::model::finding::{Effect, Fault, Finding, Stage};
use crate::model::ids::Offset;
use crate::rules::{Halt, RuleVerdict};

pub(super) fn undecoded_view(fault: Option<Fault>) -> EvaluatedView {
    let fault = fault.map(|fault| FaultView {
        stage: match fault.stage {
            Stage::Decode => "decode",
            Stage::Rule => "rule",
            Stage::Window => "window",
        }
        .to_owned(),
        code: fault.code.to_owned(),
        message: fault.message,
    });
    EvaluatedView { outcome: OutcomeView::DeadLetter, fault, verdicts: Vec::new() }
}

pub(super) fn judged_view(judged: &[RuleVerdict], row: u32, at: Offset) -> EvaluatedView {
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
    EvaluatedView { outcome, fault: halt.map(halt_view), verdicts: verdicts.collect() }
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
