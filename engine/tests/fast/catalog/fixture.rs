//! A catalog on a SQLite store of the test's own, closed and opened again as the test likes, with a compiler that counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};
use weir::config::Config;
use weir::model::catalog::{Audit, Mode, Origin};
use weir::model::checkpoint::StatsLayout;
use weir::model::ids::{Offset, Sha256};
use weir::model::record::{Batch, Schema, Value};
use weir::rules::{
    BuildError, Catalog, CatalogError, Judge, LiveRule, LiveSet, Patch, Publish, Published, Recorder, Refused,
    RuleVerdict, RulesDirectory, Runtime,
};
use weir::store::Store;

use crate::catalog::module::Guest;
use weir_testkit::wait::Fair;

pub(crate) struct Fixture {
    pub(crate) config: Config,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../../weir.toml");
        let mut config = Config::parse(text, &|_| None).unwrap();
        config.rules.dir = folder.path().join("rules.d");
        config.rules.cache = Some(folder.path().join("cache"));
        // The tests share few cores; what they test is no time.
        config.rules.timeout = Duration::from_millis(500);
        symlink(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fast/catalog/counting-compiler"),
            folder.path().join("compiler"),
        )
        .unwrap();
        symlink(env!("CARGO_BIN_EXE_weir"), folder.path().join("weir")).unwrap();
        Self { config, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("weir.db").display())
    }

    /// How often a compiler was started.
    pub(crate) fn compiles(&self) -> usize {
        fs::read_to_string(self.folder.path().join("compiles")).unwrap_or_default().lines().count()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        fs::create_dir_all(&self.config.rules.dir).unwrap();
        self.config.rules.dir.join(name)
    }

    pub(crate) async fn open(&self) -> Opened {
        self.try_open(self.folder.path().join("compiler")).await.unwrap()
    }

    /// With nothing that compiles.
    pub(crate) async fn open_without_compiler(&self) -> Opened {
        self.try_open("/bin/false".into()).await.unwrap()
    }

    pub(crate) async fn try_open(&self, compiler: PathBuf) -> Result<Opened, CatalogError> {
        let store = weir::store::connect(&self.url(), "p", "t").await.unwrap();
        let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
        store.prepare(&self.config.fingerprint(), &layout).await.unwrap();
        let runtime = Runtime::with_compiler(&self.config.rules, compiler).unwrap();
        let schema = Arc::new(self.config.schema().unwrap());
        let config = Arc::new(self.config.clone());
        let catalog = Catalog::open(runtime.clone(), store.clone(), schema.clone(), config).await?;
        let directory = Arc::new(RulesDirectory::new(catalog.clone(), &self.config.rules));
        Ok(Opened { catalog, directory, runtime, schema, store })
    }
}

/// An open catalog.
pub(crate) struct Opened {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) directory: Arc<RulesDirectory>,
    runtime: Arc<Runtime>,
    schema: Arc<Schema>,
    pub(crate) store: Arc<dyn Store>,
}

/// A program that does this.
pub(crate) fn script(path: &std::path::Path, body: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// By the API, with nothing said.
pub(crate) fn by_api() -> Publish {
    let (source, who) = ("test".into(), "test".into());
    Publish { origin: Origin::Api, source, who, reason: None, seen: None, order: None, mode: None, replace: false }
}

/// A patch of parameters only; None unsets.
pub(crate) fn set(parameters: &[(&str, Option<&str>)]) -> Patch {
    let parameters: BTreeMap<_, _> =
        parameters.iter().map(|(name, value)| (name.to_string(), value.map(str::to_owned))).collect();
    Patch { parameters: Some(parameters), ..Patch::default() }
}

impl Opened {
    pub(crate) async fn publish(&self, guest: &Guest) -> Published {
        self.try_publish(guest).await.unwrap()
    }

    pub(crate) async fn try_publish(&self, guest: &Guest) -> Result<Published, Refused> {
        self.catalog.publish(guest.wasm(), by_api()).await
    }

    pub(crate) async fn mode(&self, rule: &str, mode: Mode) {
        self.catalog.patch(rule, Patch { mode: Some(mode), ..Patch::default() }, "test").await.unwrap();
    }

    pub(crate) fn rule(&self, name: &str) -> Option<Arc<LiveRule>> {
        self.catalog.live().rules.iter().find(|rule| &*rule.id.name == name).cloned()
    }

    pub(crate) fn sha(&self, name: &str) -> Option<Sha256> {
        self.rule(name).map(|rule| rule.id.sha256)
    }

    /// Why a rule is suspended.
    pub(crate) fn suspended(&self, name: &str) -> Option<String> {
        self.rule(name).unwrap().suspended.clone()
    }

    /// What the catalog tells an operator under this code: subject and message.
    pub(crate) fn told(&self, code: &str) -> Vec<(String, String)> {
        self.catalog.conditions().with(code).into_iter().map(|c| (c.subject, c.message)).collect()
    }

    /// The newest line.
    pub(crate) async fn audit(&self) -> Audit {
        self.store.audit(1).await.unwrap().remove(0)
    }

    /// The codes that the rules give a record of this amount.
    pub(crate) fn judge(&self, amount: i64) -> Vec<String> {
        let found = self.evaluate(&[amount]).into_iter().filter(|verdict| verdict.rule.mode == Mode::Live);
        found.flat_map(|verdict| verdict.findings).map(|finding| finding.code.to_string()).collect()
    }

    /// What each rule says of records of these amounts.
    pub(crate) fn evaluate(&self, amounts: &[i64]) -> Vec<RuleVerdict> {
        self.evaluate_by(&self.catalog.live(), &self.batch(amounts))
    }

    /// What each rule of this set says.
    pub(crate) fn evaluate_by(&self, set: &Arc<LiveSet>, batch: &Batch) -> Vec<RuleVerdict> {
        let mut judge = Judge::observed(self.runtime.clone(), Recorder::default(), Arc::default());
        judge.judge(set, batch, &mut Vec::new()).unwrap();
        judge.into_observer().verdicts
    }

    /// The set in force with these parameters of a rule.
    pub(crate) fn with_parameters(&self, rule: &str, parameters: &[(&str, &str)]) -> Result<Arc<LiveSet>, BuildError> {
        let values = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let changes = BTreeMap::from([(rule.to_owned(), values.collect())]);
        self.catalog.live().with_parameters(&self.runtime, &self.schema, &changes).map(Arc::new)
    }

    pub(crate) fn judge_of_a_worker(&self) -> Judge {
        Judge::new(self.runtime.clone(), self.catalog.trips())
    }

    /// A worker judges batches of this amount only until its breaker trips.
    pub(crate) fn judge_until_it_trips(&self, amount: i64) {
        let mut judge = self.judge_of_a_worker();
        for _ in 0..3 {
            judge.judge(&self.catalog.live(), &self.batch(&[amount; 8]), &mut Vec::new()).unwrap();
        }
    }

    pub(crate) fn batch(&self, amounts: &[i64]) -> Batch {
        let mut batch = Batch::new(&self.schema);
        let amount = self.schema.find("amount").unwrap();
        for (row, &value) in amounts.iter().enumerate() {
            batch.offsets.push(Offset(row as i64));
            for (at, column) in batch.columns.iter_mut().enumerate() {
                column.push((at == amount.0).then_some(Value::Decimal(value)));
            }
        }
        batch
    }

    /// The loops of the catalog and its directory, until the answer is dropped.
    pub(crate) fn run(&self) -> DropGuard {
        let stopping = CancellationToken::new();
        let stop = stopping.clone().drop_guard();
        let directory = self.directory.clone();
        tokio::spawn(self.catalog.clone().run(stopping.clone()));
        tokio::spawn(async move { directory.follow(stopping).await });
        stop
    }
}

/// Waits until it holds, so long on a machine that has time for it.
pub(crate) async fn within(limit: Duration, what: &str, holds: impl Fn() -> bool) {
    let began = Fair::start();
    while !holds() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
