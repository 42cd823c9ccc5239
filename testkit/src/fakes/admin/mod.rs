//! What is behind the ports in the tests of the API: a catalog in memory whose modules are told apart by their
//! bytes, and a store that only reads.

mod alerts;
mod changes;
pub mod client;
mod filled;
pub mod instances;
mod pipeline;
mod records;
mod rules;
mod store;
mod windows;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir::admin::ports::AlertTail;
use weir::admin::{Access, AdminState, Limits};
use weir::config::{Admin, May, Person, Tokens};
use weir::model::record::{Field, Kind, Schema};

use pipeline::Pipeline;
use rules::Rules;
use store::ReadOnly;

pub use changes::RETIRED;
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
    /// Whether what is listed is there as often as a page shows it, each row with figures and texts of its own.
    pub filled: bool,
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
            filled: false,
            windows: FakeWindows::default(),
            windows_read: Arc::default(),
        }
    }
}

impl Fakes {
    /// As large as any: 1,000 partitions, 200 rules, 10,000 dead letters, 1,000 alerts, 1,000 changes, windows of 30 groups.
    pub fn filled() -> Self {
        let types = (0..30).map(|number| format!("TYPE_{number:02}")).collect();
        let windows = FakeWindows { more: 400, types };
        Self { filled: true, partitions: 1_000, rules: 200, letters: 10_000, windows, ..Self::default() }
    }

    /// The router over these fakes.
    pub fn api(&self) -> axum::Router {
        let access = Access::new(&self.admin(), "fraud", &self.schema());
        let Self { request_timeout, requests, .. } = *self;
        let limits = Limits { request_timeout, requests, ..Limits::new(4096) };
        let filled = self.filled;
        let store = ReadOnly { windows: self.windows.clone(), read: self.windows_read.clone(), filled };
        let alerts = self.alerts.then(|| Arc::new(alerts::Alerts { filled }) as Arc<dyn AlertTail>);
        let state = AdminState::new(
            Arc::new(Rules { seen: self.seen.clone(), known: Mutex::default(), count: self.rules, filled }),
            Arc::new(Pipeline {
                not_ready: self.not_ready.clone(),
                partitions: self.partitions,
                begun: self.begun,
                alone: self.alone,
                rules: filled.then_some(self.rules),
            }),
            Arc::new(store),
            Arc::new(records::Records { seen: self.seen.clone(), letters: self.letters, filled }),
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

fn url() -> String {
    format!("mysql://weir:{SECRET}@db/risk is away")
}
