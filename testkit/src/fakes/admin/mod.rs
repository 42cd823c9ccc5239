//! What is behind the ports in the tests of the API: a catalog in memory whose modules are told apart by their
//! bytes, and a store that only reads.

mod alerts;
mod changes;
pub mod client;
pub mod instances;
mod records;
mod windows;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use weir::admin::ports::{
    AdminError, AlertTail, Author, EvaluateRequest, PatchRequest, PipelineView, PlanRequest, PublishRequest,
    RollbackRequest, RuleAdmin,
};
use weir::admin::views::*;
use weir::admin::{Access, AdminState, Limits};
use weir::config::{Admin, May, Person, Tokens};
use weir::model::catalog::{Audit, Mode, Origin, RuleChange};
use weir::model::checkpoint::Activation;
use weir::model::finding::Effect;
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::record::{Field, Kind, Schema};
use weir::store::{AuditStore, ReportStore, StoreError, WindowRows, WindowsWanted};

pub use windows::FakeWindows;

/// The token that reads.
pub const VIEWER: &str = "viewer-token-number-1";
/// The token that writes.
pub const PUBLISHER: &str = "publisher-token-number-2";
/// Stands in every error text below; must be in no answer.
pub const SECRET: &str = "s3cret";
/// Stands in everything that shows a value of the field `iban`: key, value, reason, detail, header, measure.
pub const IBAN: &str = "DE8937040044";
/// A module that the fake catalog takes.
pub const WASM: &[u8] = b"\0asm good";

/// What a test may choose.
pub struct Fakes {
    /// Viewer's and publisher's; none and no people: the API is open.
    pub tokens: Option<(&'static str, &'static str)>,
    /// Name, token and what they may.
    pub people: Vec<(&'static str, &'static str, Vec<May>)>,
    /// `admin.public_url`.
    pub public_url: Option<&'static str>,
    /// `admin.hosts`.
    pub hosts: Vec<&'static str>,
    /// Whether the field `iban` is sensitive.
    pub sensitive: bool,
    /// What `/readyz` names as away.
    pub not_ready: Vec<String>,
    /// Requests at once.
    pub requests: usize,
    /// Time-out of a request.
    pub request_timeout: Duration,
    /// Dead letters that there are, and groups of them up to 200.
    pub letters: usize,
    /// What reached the catalog, and what was read of Kafka, in order.
    pub seen: Arc<Mutex<Vec<String>>>,
    /// Rules in the set: `high_amount`, then `rule_001` and so on.
    pub rules: u32,
    /// Partitions of the instance: the first is stopped, the others run with a lag of their number. GET /instances has as many.
    pub partitions: i32,
    /// Whether records were judged; if not, one instance has just started.
    pub begun: bool,
    /// Whether the database does not say who else there is.
    pub alone: bool,
    /// Whether `[alerts]` is configured.
    pub alerts: bool,
    /// What is in `risk_stats`.
    pub windows: FakeWindows,
    /// How often it was read.
    pub windows_read: Arc<AtomicU64>,
}

impl Default for Fakes {
    fn default() -> Self {
        Self {
            tokens: Some((VIEWER, PUBLISHER)),
            people: Vec::new(),
            public_url: None,
            hosts: Vec::new(),
            sensitive: false,
            not_ready: Vec::new(),
            requests: 8,
            request_timeout: Duration::from_secs(2),
            letters: 1,
            seen: Arc::default(),
            rules: 1,
            partitions: 1,
            begun: true,
            alone: false,
            alerts: true,
            windows: FakeWindows::default(),
            windows_read: Arc::default(),
        }
    }
}

impl Fakes {
    /// The router over these fakes.
    pub fn api(&self) -> axum::Router {
        let access = Access::new(&self.admin(), "fraud", &self.schema());
        let Self { request_timeout, requests, .. } = *self;
        let limits = Limits { request_timeout, requests, ..Limits::new(4096) };
        let store = ReadOnly { windows: self.windows.clone(), read: self.windows_read.clone() };
        let alerts = self.alerts.then(|| Arc::new(alerts::Alerts) as Arc<dyn AlertTail>);
        let state = AdminState::new(
            Arc::new(Rules { seen: self.seen.clone(), known: Mutex::default(), count: self.rules }),
            Arc::new(Pipeline {
                not_ready: self.not_ready.clone(),
                partitions: self.partitions,
                begun: self.begun,
                alone: self.alone,
            }),
            Arc::new(store),
            Arc::new(records::Records { seen: self.seen.clone(), letters: self.letters }),
            weir::telemetry::metrics(),
            access,
            limits,
        );
        weir::admin::router(state.with_alerts(alerts))
    }

    fn admin(&self) -> Admin {
        let tokens = Tokens {
            viewer: self.tokens.map(|tokens| tokens.0.into()),
            publisher: self.tokens.map(|tokens| tokens.1.into()),
        };
        let person = |token: &str, may: &[May]| Person { token: token.into(), may: may.to_vec() };
        Admin {
            tokens,
            people: self.people.iter().map(|(name, token, may)| ((*name).to_owned(), person(token, may))).collect(),
            public_url: self.public_url.map(str::to_owned),
            hosts: self.hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..Admin::default()
        }
    }

    fn schema(&self) -> Schema {
        let field = |name: &str, sensitive| Field { sensitive, ..Field::new(name, Kind::Text, 0) };
        Schema { fields: vec![field("type", false), field("iban", self.sensitive)] }
    }
}

/// The revision of the fake set.
pub const REVISION: u64 = 4;

struct Rules {
    seen: Arc<Mutex<Vec<String>>>,
    known: Mutex<Vec<Vec<u8>>>,
    count: u32,
}

impl Rules {
    fn see(&self, what: String) {
        self.seen.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<RuleView> {
        let others = (1..self.count).map(|n| RuleView { name: format!("rule_{n:03}"), order: 10 + n as i32, ..rule() });
        std::iter::once(rule()).chain(others).collect()
    }
}

fn url() -> String {
    format!("mysql://weir:{SECRET}@db/risk is away")
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
        let verdict = || VerdictView {
            not_asked: false,
            rule: "high_amount".into(),
            sha256: Sha256::of(WASM).to_string(),
            mode: Mode::Live,
            hits: vec![hit.clone()],
        };
        let evaluated = |_| EvaluatedView {
            outcome: OutcomeView::DeadLetter,
            fault: Some(fault.clone()),
            fields: BTreeMap::from([("iban".into(), Some(IBAN.into())), ("type".into(), None)]),
            verdicts: vec![verdict()],
        };
        let test = test.map(|rule| format!("#[test]\nfn a_test_of_{rule}() {{\n    // {IBAN}\n}}\n"));
        Ok(EvaluateView { revision: 4, records: records.iter().map(evaluated).collect(), test, hidden: None })
    }
}

struct Pipeline {
    not_ready: Vec<String>,
    partitions: i32,
    begun: bool,
    alone: bool,
}

impl PipelineView for Pipeline {
    fn pipeline(&self) -> PipelineStatus {
        let stopped = PartitionStatus {
            partition: 0,
            worker: 1,
            position: Some(12),
            lag: None,
            watermark: Some("2026-01-01T00:00:00.000Z".into()),
            state: PartitionState::Stopped,
            error: Some(url()),
        };
        let running = |partition| PartitionStatus {
            partition,
            lag: Some(partition.into()),
            state: PartitionState::Running,
            error: None,
            ..stopped.clone()
        };
        let others = (1..self.partitions).map(running);
        PipelineStatus {
            name: "fraud".into(),
            version: "0.1.0".into(),
            state: InstanceState::Running,
            uptime_seconds: 3,
            workers: 2,
            ready: self.not_ready.is_empty(),
            not_ready: [vec![url()], self.not_ready.clone()].concat(),
            missing: if self.begun { Vec::new() } else { vec![missing()] },
            last_checkpoint_age_ms: Some(300),
            revision: 4,
            dependencies: self.dependencies(),
            partitions: std::iter::once(stopped.clone()).chain(others).collect(),
            conditions: Vec::new(),
        }
    }

    fn instances(&self) -> Arc<InstancesView> {
        let alone = AloneView { since: rfc3339(0), why: "no connection to db:3306 within 5s".into() };
        Arc::new(match self.begun {
            true => instances::instances(self.partitions, self.alone.then_some(alone)),
            false => InstancesView::default(),
        })
    }

    fn history(&self) -> HistoryView {
        if self.begun { instances::history() } else { HistoryView::default() }
    }

    fn dependencies(&self) -> Vec<DependencyView> {
        let up = |name: &str| DependencyView {
            name: name.into(),
            state: DependencyState::Up,
            since: None,
            last_error: None,
        };
        let error = ErrorView { at: "2026-01-01T00:00:00.000Z".into(), message: url() };
        let database = DependencyView { state: DependencyState::Away, last_error: Some(error), ..up("database") };
        vec![up("kafka"), database, up("lookup.customer")]
    }

    fn ready(&self) -> Result<Vec<String>, Vec<String>> {
        if self.not_ready.is_empty() { Ok(Vec::new()) } else { Err(self.not_ready.clone()) }
    }
}

fn missing() -> MissingView {
    MissingView { what: "no rule is live".into(), command: "weir rules push RULE.wasm".into() }
}

struct ReadOnly {
    windows: FakeWindows,
    read: Arc<AtomicU64>,
}

#[async_trait]
impl ReportStore for ReadOnly {
    /// A limit of 17 takes longer than another reader waits for its turn, and less than a request may.
    async fn windows_of(&self, wanted: WindowsWanted) -> Result<WindowRows, StoreError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        if wanted.limit == 17 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
        Ok(self.windows.read(wanted))
    }

    async fn activations(&self, _: u32) -> Result<Vec<Activation>, StoreError> {
        Ok(vec![Activation { partition: Partition(0), first_offset: Offset(7), revision: Revision(4) }])
    }

    async fn rule_changes(&self, rule: &str, limit: u32) -> Result<Vec<RuleChange>, StoreError> {
        if limit == 14 {
            return Err(StoreError::Unavailable(url()));
        }
        Ok(changes::history(rule, limit))
    }
}

#[async_trait]
impl AuditStore for ReadOnly {
    async fn audit(&self, limit: u32) -> Result<Vec<Audit>, StoreError> {
        if limit == 13 {
            return Err(StoreError::Unavailable(url()));
        }
        if limit == 14 {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let (who, action, rule) = ("publisher".into(), "publish".into(), "high_amount".into());
        Ok(vec![Audit {
            at: 0,
            who,
            action,
            rule,
            revision: 4,
            detail: "from none".into(),
            reason: Some("a first try".into()),
        }])
    }
}
