//! A catalog on SQLite with the schema of `weir.toml`, one a process and kind: made by the first input that needs it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use weir::config::Config;
use weir::model::catalog::Origin;
use weir::model::checkpoint::StatsLayout;
use weir::model::record::Schema;
use weir::rules::{Catalog, Publish, Runtime};

static COMPILER: OnceLock<PathBuf> = OnceLock::new();

/// Names the binary whose `compile-module` compiles; the one that runs, unless this is called first.
pub fn compile_by(binary: impl Into<PathBuf>) {
    let _ = COMPILER.set(binary.into());
}

pub(crate) struct Fixture {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) schema: Arc<Schema>,
    tokio: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// With so long for a call of a rule.
    pub(crate) fn new(timeout: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let mut config = Config::parse(include_str!("../../../weir.toml"), &|_| None).unwrap();
        config.rules.dir = folder.path().join("rules.d");
        config.rules.cache = Some(folder.path().join("cache"));
        config.rules.timeout = timeout;
        let schema = Arc::new(config.schema().unwrap());
        let compiler = COMPILER.get_or_init(|| std::env::current_exe().unwrap()).clone();
        let runtime = Runtime::with_compiler(&config.rules, compiler).unwrap();
        let catalog = tokio.block_on(async {
            let store = weir::store::connect(&url, "p", "t").await.unwrap();
            let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
            store.prepare(&config.fingerprint(), &layout).await.unwrap();
            Catalog::open(runtime.clone(), store, schema.clone(), Arc::new(config)).await.unwrap()
        });
        Self { catalog, runtime, schema, tokio, _folder: folder }
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.tokio.block_on(work)
    }

    pub(crate) fn publish(&self, wasm: Vec<u8>) {
        let how = Publish {
            origin: Origin::Api,
            source: "fuzz".into(),
            who: "fuzz".into(),
            reason: None,
            seen: None,
            order: None,
            mode: None,
            replace: false,
        };
        self.wait(self.catalog.publish(wasm, how)).unwrap_or_else(|refused| panic!("{refused}"));
    }
}

/// The process's one of its kind. A target that has panicked is asked on by `cargo test`, so a poisoned lock is none.
pub(crate) fn with<T, R>(once: &'static OnceLock<Mutex<T>>, make: fn() -> T, work: impl FnOnce(&mut T) -> R) -> R {
    let held = once.get_or_init(|| Mutex::new(make()));
    work(&mut held.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}
