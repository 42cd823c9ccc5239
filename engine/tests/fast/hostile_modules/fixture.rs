//! A catalog on SQLite, workers that judge by its set, and the good rule that has to be beside every attack.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc};
use tokio_util::sync::CancellationToken;
use weir::model::catalog::Origin;
use weir::model::checkpoint::StatsLayout;
use weir::model::finding::Finding;
use weir::model::ids::{Offset, Revision};
use weir::model::record::{Batch, Field, Kind, Schema, Value};
use weir::rules::{Catalog, Halt, Judge, Publish, Published, Refused, RulesDirectory, Runtime, Trip};

use weir_testkit::guest::Guest;
use weir_testkit::wait::Fair;

/// Time over which the costs of rules are averaged here; it is 10 s in the product.
pub(crate) const COST_WINDOW: Duration = Duration::from_secs(2);

/// Rows of which only the last is bad.
pub(crate) const BATCH: [i64; 4] = [5, 6, 7, -1];

/// A figure of the whole process means something only while no other test runs.
static PROCESS: RwLock<()> = RwLock::const_new(());

#[allow(dead_code, reason = "held, not read")]
enum Share {
    Some(RwLockReadGuard<'static, ()>),
    All(RwLockWriteGuard<'static, ()>),
}

pub(crate) struct Fixture {
    pub(crate) catalog: Arc<Catalog>,
    directory: Arc<RulesDirectory>,
    runtime: Arc<Runtime>,
    schema: Arc<Schema>,
    secret: Option<&'static str>,
    _folder: tempfile::TempDir,
    _share: Share,
}

/// A worker's judge; what it reports to the catalog is kept here.
pub(crate) struct Worker<'a> {
    fixture: &'a Fixture,
    judge: Judge,
    trips: mpsc::Receiver<Trip>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines of configuration.
    pub(crate) async fn with(lines: &str) -> Self {
        Self::start(lines, None, Share::Some(PROCESS.read().await)).await
    }

    /// Where records have another field, `secret`: this text in every row.
    pub(crate) async fn with_secret(lines: &str, secret: &'static str) -> Self {
        Self::start(lines, Some(secret), Share::Some(PROCESS.read().await)).await
    }

    /// While no other test runs.
    pub(crate) async fn alone() -> Self {
        Self::start("", None, Share::All(PROCESS.write().await)).await
    }

    async fn start(lines: &str, secret: Option<&'static str>, share: Share) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = weir::store::connect(&url, "p", "t").await.unwrap();
        let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
        let text = format!("{}\n{lines}\n", include_str!("../../../../weir.toml"));
        let mut config = weir::config::Config::parse(&text, &|_| Some("sqlite://unused".into())).unwrap();
        config.rules.dir = folder.path().join("rules.d");
        store.prepare(&config.fingerprint(), &layout).await.unwrap();
        let runtime = Runtime::with_cost_window(&config.rules, env!("CARGO_BIN_EXE_weir").into(), COST_WINDOW).unwrap();
        let field = |name: &str, kind, scale| Field { required: true, ..Field::new(name, kind, scale) };
        let mut fields = vec![field("amount", Kind::Decimal, 2)];
        fields.extend(secret.map(|_| field("secret", Kind::Text, 0)));
        let schema = Arc::new(Schema { fields });
        let config = Arc::new(config);
        let catalog = Catalog::open(runtime.clone(), store, schema.clone(), config.clone()).await.unwrap();
        let directory = Arc::new(RulesDirectory::new(catalog.clone(), &config.rules));
        Self { catalog, directory, runtime, schema, secret, _folder: folder, _share: share }
    }

    /// The loops of the catalog and of its directory, until told to stop.
    pub(crate) fn run(&self, stopped: CancellationToken) -> impl Future<Output = ()> + use<> {
        let (catalog, directory) = (self.catalog.clone(), self.directory.clone());
        async move {
            tokio::join!(catalog.run(stopped.clone()), directory.follow(stopped));
        }
    }

    pub(crate) async fn upload(&self, wasm: Vec<u8>) -> Result<Published, Refused> {
        let how = Publish {
            origin: Origin::Api,
            source: "test".into(),
            who: "test".into(),
            reason: None,
            seen: None,
            order: None,
            mode: None,
            replace: false,
        };
        self.catalog.publish(wasm, how).await
    }

    pub(crate) async fn publish(&self, guest: Guest<'_>) -> Published {
        self.upload(guest.core()).await.unwrap()
    }

    pub(crate) fn worker(&self) -> Worker<'_> {
        let (sender, trips) = mpsc::channel(64);
        Worker { fixture: self, judge: Judge::new(self.runtime.clone(), sender), trips }
    }

    pub(crate) fn runtime(&self) -> Arc<Runtime> {
        self.runtime.clone()
    }

    pub(crate) fn revision(&self) -> Revision {
        self.catalog.live().revision
    }

    /// Rows that the rule failed on so far, by code.
    pub(crate) fn failures(&self, rule: &str) -> BTreeMap<String, u64> {
        let live = self.catalog.live();
        let rule = live.rules.iter().find(|r| &*r.id.name == rule).unwrap();
        rule.stats.failures.lock().unwrap().clone()
    }

    pub(crate) fn rows(&self, amounts: &[i64]) -> Batch {
        self.batch(&amounts.iter().copied().map(Some).collect::<Vec<_>>())
    }

    /// Rows without an amount are None.
    fn batch(&self, amounts: &[Option<i64>]) -> Batch {
        let mut batch = Batch::new(&self.schema);
        for (row, amount) in amounts.iter().enumerate() {
            batch.offsets.push(Offset(100 + row as i64));
            batch.columns[0].push(amount.map(Value::Decimal));
            if let Some(secret) = self.secret {
                batch.columns[1].push(Some(Value::Text(secret)));
            }
        }
        batch
    }
}

impl Worker<'_> {
    pub(crate) fn try_judge(&mut self, amounts: &[Option<i64>]) -> Result<Vec<Finding>, Halt> {
        let mut out = Vec::new();
        self.judge.judge(&self.fixture.catalog.live(), &self.fixture.batch(amounts), &mut out)?;
        Ok(out)
    }

    /// What the set finds.
    pub(crate) fn judge(&mut self, amounts: &[i64]) -> Vec<Finding> {
        self.try_judge(&amounts.iter().copied().map(Some).collect::<Vec<_>>()).unwrap()
    }

    /// Judges and asks for the details of flags on these rows.
    pub(crate) fn explained(&mut self, amounts: &[i64], rows: &[u32]) -> Vec<(u32, String)> {
        let (set, batch, mut out) = (self.fixture.catalog.live(), self.fixture.rows(amounts), Vec::new());
        self.judge.judge(&set, &batch, &mut out).unwrap();
        self.judge.explain(&set, &batch, rows, &mut out);
        out.into_iter().map(|found| (found.row, found.detail)).collect()
    }

    /// How often the breaker tripped so far.
    pub(crate) fn trips(&self) -> usize {
        self.trips.len()
    }
}

/// Row and code of what this rule found.
pub(crate) fn of(rule: &str, findings: &[Finding]) -> Vec<(u32, String)> {
    let own = findings.iter().filter(|f| &*f.rule.name == rule);
    own.map(|f| (f.row, f.code.to_string())).collect()
}

/// Publishes the attack beside a good rule and has one worker judge the same batch twice; returns what the attack got,
/// which has to be the same each time. Both times the good rule is right.
pub(crate) async fn codes(attack: Guest<'_>) -> Vec<(u32, String)> {
    let fixture = Fixture::new().await;
    fixture.publish(attack).await;
    judged(&fixture).await
}

/// The same with a module that may have another form.
pub(crate) async fn judged(fixture: &Fixture) -> Vec<(u32, String)> {
    fixture.publish(Guest::good("the_good_rule")).await;
    let (mut worker, began) = (fixture.worker(), Fair::start());
    let once = worker.judge(&BATCH);
    let again = worker.judge(&BATCH);
    assert!(began.elapsed() < Duration::from_secs(6), "two batches of four rows took {:?}", began.elapsed());
    for findings in [&once, &again] {
        assert_eq!(of("the_good_rule", findings), [(3, "BAD".to_owned())], "the good rule judged on");
    }
    assert_eq!(of("hostile", &once), of("hostile", &again));
    of("hostile", &once)
}

/// Uploads what has to be refused, and says why it was: the set stays, the good rule in it judges on, in bounded time.
pub(crate) async fn refused(upload: Vec<u8>) -> String {
    let fixture = Fixture::new().await;
    refused_by(&fixture, upload).await
}

pub(crate) async fn refused_by(fixture: &Fixture, upload: Vec<u8>) -> String {
    fixture.publish(Guest::good("the_good_rule")).await;
    let (before, began) = (fixture.revision(), Fair::start());
    let why = fixture.upload(upload).await.expect_err("the upload is refused").to_string();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?} to say: {why}");
    assert_eq!(fixture.revision(), before);
    assert_eq!(of("the_good_rule", &fixture.worker().judge(&BATCH)), [(3, "BAD".to_owned())]);
    assert!(!why.is_empty() && why.len() < 2_000, "{} bytes: {}", why.len(), &why[..200]);
    why
}

/// Row 3 alone failed, with this code.
pub(crate) fn only_row_3(code: &str) -> Vec<(u32, String)> {
    vec![(3, code.to_owned())]
}
