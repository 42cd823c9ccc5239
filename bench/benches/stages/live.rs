//! A rule set in force, as the engine makes one: modules published to a catalog.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use weir::config::Config;
use weir::model::catalog::Origin;
use weir::model::checkpoint::StatsLayout;
use weir::model::record::Schema;
use weir::rules::{Catalog, Publish, Runtime};

/// The module of a rule of rules/.
pub(crate) fn module(rule: &str) -> Vec<u8> {
    let path = format!("{}/../rules.d/{rule}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}; make rules"))
}

/// `folder` takes the store.
pub(crate) async fn catalog(
    folder: &Path,
    compiler: PathBuf,
    schema: Arc<Schema>,
    modules: Vec<Vec<u8>>,
) -> (Arc<Catalog>, Arc<Runtime>) {
    // What is counted goes to the engine's own recorder; without it every metric costs nothing.
    weir::telemetry::metrics();
    let url = format!("sqlite://{}", folder.join("weir.db").display());
    let store = weir::store::connect(&url, "bench", "bench").await.unwrap();
    let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
    let mut config = Config::parse(include_str!("../../../weir.toml"), &|_| None).unwrap();
    config.rules.cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("weir-bench-code"));
    config.rules.timeout = Duration::from_secs(60); // valgrind is slow
    store.prepare(&config.fingerprint(), &layout).await.unwrap();
    let runtime = Runtime::with_compiler(&config.rules, compiler).unwrap();
    let catalog = Catalog::open(runtime.clone(), store, schema, Arc::new(config)).await.unwrap();
    for wasm in modules {
        let (origin, source, who) = (Origin::Api, "bench".into(), "bench".into());
        let how = Publish { origin, source, who, reason: None, seen: None, order: None, mode: None, replace: false };
        catalog.publish(wasm, how).await.unwrap();
    }
    (catalog, runtime)
}
