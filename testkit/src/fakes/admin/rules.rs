//! A catalog in memory, whose modules are told apart by their bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use weir::admin::ports::{
    AdminError, Author, EvaluateRequest, PatchRequest, PlanRequest, PublishRequest, RollbackRequest, RuleAdmin,
};
use weir::admin::views::*;
use weir::model::catalog::{Mode, Origin};
use weir::model::finding::Effect;
use weir::model::ids::Sha256;

use super::{IBAN, REVISION, SECRET, WASM, changes, filled, url};

pub(super) struct Rules {
    pub(super) seen: Arc<Mutex<Vec<String>>>,
    pub(super) known: Mutex<Vec<Vec<u8>>>,
    /// Rules in the set.
    pub(super) count: u32,
    pub(super) filled: bool,
}

impl Rules {
    fn see(&self, what: String) {
        self.seen.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<RuleView> {
        let others = (1..self.count).map(|n| RuleView { name: format!("rule_{n:03}"), order: 10 + n as i32, ..rule() });
        let all = std::iter::once(rule()).chain(others);
        match self.filled {
            true => (0..).zip(all).map(|(number, rule)| filled::rule(number, rule)).collect(),
            false => all.collect(),
        }
    }
}

fn judge(wasm: &[u8]) -> Result<(), AdminError> {
    match wasm {
        _ if !wasm.starts_with(b"\0asm") => Err(AdminError::NotWasm),
        b"\0asm unknown" => Err(AdminError::Unknown { rule: "high_amount".into(), detail: url() }),
        b"\0asm stale" => Err(AdminError::Conflict("the rule set moved on to revision 9".into())),
        b"\0asm bad" => Err(AdminError::Invalid {
            detail: "it imports wasi_snapshot_preview1.fd_write".into(),
            hint: "build it for wasm32-unknown-unknown".into(),
        }),
        b"\0asm away" => Err(AdminError::Unavailable(url())),
        b"\0asm panic" => panic!("{SECRET}"),
        _ => Ok(()),
    }
}

fn named(name: &str) -> Result<(), AdminError> {
    match name {
        "high_amount" | "only_one" => Ok(()),
        _ => Err(AdminError::NotFound(format!("there is no rule {name}"))),
    }
}

fn rule() -> RuleView {
    RuleView {
        name: "high_amount".into(),
        version: "1.2.0".into(),
        summary: "Amounts above the most.".into(),
        sha256: Sha256::of(WASM).to_string(),
        mode: Mode::Live,
        order: 10,
        parameters: BTreeMap::from([("most".into(), "1000".into())]),
        set: vec!["most".into()],
        codes: manifest().codes,
        records: 1_234_567,
        hits: 3,
        trend: vec![0, 1, 2],
        failures: 0,
        skipped: 2,
        ns_per_record: Some(9.1),
        budget_ns: Some(20_000),
        origin: Some(Origin::Api),
        source: Some("127.0.0.1".into()),
        suspended: None,
        sampled_one_in: None,
        last_change: None,
        counted_by: 1,
        counted_since: None,
    }
}

fn manifest() -> ManifestView {
    let code = CodeView { name: "AMOUNT_HIGH".into(), summary: "above the most".into(), effect: Effect::Flag };
    ManifestView {
        name: "high_amount".into(),
        version: "1.2.0".into(),
        summary: "Amounts above the most.".into(),
        fields: vec![FieldView { name: "amount".into(), kind: "decimal".into(), required: true }],
        codes: vec![code],
        parameters: vec![ParameterView {
            name: "most".into(),
            kind: "decimal".into(),
            summary: "Hits above it.".into(),
            default: "500".into(),
        }],
    }
}

#[async_trait]
impl RuleAdmin for Rules {
    fn names(&self) -> Vec<String> {
        self.all().into_iter().map(|rule| rule.name).collect()
    }

    async fn list(&self) -> Result<RulesView, AdminError> {
        let problem = FileProblemView { file: "broken.wasm".into(), problem: "no module".into() };
        Ok(RulesView { revision: 4, rules: self.all(), file_problems: vec![problem], history_unavailable: Some(url()) })
    }

    async fn get(&self, name: &str, limit: u32) -> Result<RuleDetail, AdminError> {
        named(name)?;
        self.see(format!("{name} with {limit} versions"));
        let version = VersionView {
            sha256: Sha256::of(WASM).to_string(),
            version: "1.2.0".into(),
            origin: Origin::Directory,
            source: "high_amount.wasm".into(),
            published_at: rfc3339(0),
            published_by: "directory".into(),
        };
        let hit = HitView { code: "AMOUNT_HIGH".into(), effect: Effect::Flag, detail: format!("{IBAN}: 9 > 1") };
        Ok(RuleDetail {
            revision: REVISION,
            rule: rule(),
            manifest: manifest(),
            versions: vec![version],
            more_versions: true,
            history_unavailable: Some(url()),
            hits_by_code: BTreeMap::from([("AMOUNT_HIGH".into(), 3)]),
            trend_by_code: BTreeMap::from([("AMOUNT_HIGH".into(), vec![0, 1, 2])]),
            failures_by_code: BTreeMap::from([("RULE_TRAP".into(), 1)]),
            skipped: 2,
            shadow_samples: vec![hit],
            hidden: None,
        })
    }

    async fn publish(&self, request: PublishRequest) -> Result<PublishedView, AdminError> {
        let Author { who, reason, seen } = &request.author;
        self.see(format!("publish by {who} mode {:?} order {:?} reason {reason:?}", request.mode, request.order));
        changes::is_at(*seen)?;
        if request.wasm == b"\0asm slow" {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        judge(&request.wasm)?;
        if request.mode == Some(Mode::Shadow) && request.wasm == b"\0asm next" && !request.replace {
            return Err(AdminError::InForce("high_amount is live".into()));
        }
        let sha256 = Sha256::of(&request.wasm).to_string();
        let mut known = self.known.lock().unwrap();
        let new = !known.contains(&request.wasm);
        known.push(request.wasm);
        Ok(PublishedView { name: "high_amount".into(), sha256, revision: 5, new })
    }

    async fn check(&self, wasm: Vec<u8>) -> Result<ManifestView, AdminError> {
        judge(&wasm).map(|()| manifest())
    }

    async fn plan(&self, request: PlanRequest, seen: Option<u64>) -> Result<PlanView, AdminError> {
        named(&request.rule)?;
        changes::is_at(seen)?;
        self.see(format!("plan {request:?}"));
        changes::plan(request)
    }

    async fn plan_publish(&self, request: PublishRequest) -> Result<PlanView, AdminError> {
        self.see(format!("plan of a publish, mode {:?} order {:?}", request.mode, request.order));
        judge(&request.wasm)?;
        changes::is_at(request.author.seen)?;
        Ok(changes::plan_publish(&request, manifest()))
    }

    async fn patch(&self, name: &str, patch: PatchRequest, author: &Author) -> Result<u64, AdminError> {
        let Author { who, reason, .. } = author;
        let PatchRequest { mode, order, parameters, .. } = patch;
        named(name)?;
        changes::is_at(author.seen)?;
        self.see(format!("patch by {who} mode {mode:?} order {order:?} parameters {parameters:?} reason {reason:?}"));
        Ok(6)
    }

    async fn rollback(&self, name: &str, _: RollbackRequest, author: &Author) -> Result<u64, AdminError> {
        self.see(format!("rollback by {} reason {:?}", author.who, author.reason));
        changes::is_at(author.seen)?;
        if name == "only_one" {
            return Err(AdminError::Conflict("only_one has no earlier version".into()));
        }
        named(name).map(|()| 7)
    }

    async fn retire(&self, name: &str, author: &Author) -> Result<u64, AdminError> {
        self.see(format!("retire by {} reason {:?}", author.who, author.reason));
        changes::is_at(author.seen)?;
        named(name).map(|()| 8)
    }

    /// Of every record it says that the amount is high, and what parameters it judged by.
    async fn evaluate(&self, request: EvaluateRequest) -> Result<EvaluateView, AdminError> {
        let EvaluateRequest { records, parameters, test, origin } = request;
        let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record)).collect();
        self.see(format!("evaluate {} by {parameters:?} of {origin:?}", texts.join(" | ")));
        if parameters.values().any(|values| values.values().any(|value| value == "many")) {
            return Err(AdminError::Invalid {
                detail: "entry high_amount does not fit: parameter `most` = \"many\"".into(),
                hint: "GET /rules/{name} has the rule's parameters and their kinds".into(),
            });
        }
        let hit = HitView { code: "AMOUNT_HIGH".into(), effect: Effect::DeadLetter, detail: format!("{IBAN}: 9 > 1") };
        let fault = FaultView { stage: "decode".into(), code: "PARSE_JSON".into(), message: format!("byte 1 {IBAN}") };
        let verdict = |number| VerdictView {
            not_asked: false,
            rule: if number == 0 { "high_amount".into() } else { format!("rule_{number:03}") },
            sha256: Sha256::of(WASM).to_string(),
            mode: Mode::Live,
            hits: vec![hit.clone()],
        };
        let count = if self.filled { self.count } else { 1 };
        let evaluated = |_| EvaluatedView {
            outcome: OutcomeView::DeadLetter,
            fault: Some(fault.clone()),
            fields: BTreeMap::from([("iban".into(), Some(IBAN.into())), ("type".into(), None)]),
            verdicts: (0..count).map(verdict).collect(),
        };
        let test = test.map(|rule| format!("#[test]\nfn a_test_of_{rule}() {{\n    // {IBAN}\n}}\n"));
        Ok(EvaluateView { revision: 4, records: records.iter().map(evaluated).collect(), test, hidden: None })
    }
}
