//! Hand-written guests of `rule.wit`, and a catalog on SQLite to try them in.

use std::sync::Arc;

use weir::config::Rules;
use weir::model::catalog::Origin;
use weir::model::ids::Offset;
use weir::model::record::{Batch, Field, Kind, Schema, Value};
use weir::model::step::{Fingerprint, StatsLayout};
use weir::rules::{Catalog, Publish, Published, Refused, Runtime};

/// Hits where the amount is negative.
pub(crate) const GOOD: &str = "(if (local.get $bad) (then (call $hit (local.get $i) (i32.const 0))))";

/// A core module whose `judge` runs this body for each row; `$i` is the row and `$bad` whether its amount is negative.
/// Less than a million counts as no amount at all: the probe at publish tries the least of all.
pub(crate) fn module(name: &str, body: &str) -> Vec<u8> {
    let n = name.len();
    let text = format!(
        r#"(module
  (memory (export "memory") 4) (global $heap (mut i32) (i32.const 65536)) (global $hits (mut i32) (i32.const 0))
  (data (i32.const 1024) "{name}") (data (i32.const 1100) "amount") (data (i32.const 1110) "BAD") (data (i32.const 1120) "1.0.0")
  (data (i32.const 1220) "\03\01")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
  (func $deep (call $deep) (call $deep))
  (func $put (param i32 i32 i32) (i32.store (local.get 0) (local.get 1)) (i32.store offset=4 (local.get 0) (local.get 2)))
  (func $hit (param $row i32) (param $code i32) (local $at i32)
    (local.set $at (i32.add (i32.const 4096) (i32.mul (global.get $hits) (i32.const 16))))
    (i32.store (local.get $at) (local.get $row)) (i32.store offset=4 (local.get $at) (local.get $code))
    (call $put (i32.add (local.get $at) (i32.const 8)) (i32.const 0) (i32.const 0))
    (global.set $hits (i32.add (global.get $hits) (i32.const 1))))
  (func (export "weir:rule/guest@0.1.0#describe") (result i32)
    (call $put (i32.const 2000) (i32.const 1024) (i32.const {n})) (call $put (i32.const 2008) (i32.const 1120) (i32.const 5))
    (call $put (i32.const 2024) (i32.const 1212) (i32.const 1)) (call $put (i32.const 2032) (i32.const 1300) (i32.const 1))
    (call $put (i32.const 1212) (i32.const 1100) (i32.const 6)) (call $put (i32.const 1300) (i32.const 1110) (i32.const 3))
    (i32.const 2000))
  (func (export "weir:rule/guest@0.1.0#configure") (param i32 i32 i32 i32) (result i32) (i32.const 3000))
  (func (export "weir:rule/guest@0.1.0#judge") (param $rows i32) (param $columns i32) (param i32) (result i32)
    (local $i i32) (local $bad i32)
    (global.set $hits (i32.const 0))
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $rows)))
      (local.set $bad (i64.gt_u (i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8)))) (i64.const -1000000)))
      {body}
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
    (global.set $heap (i32.const 65536))
    (call $put (i32.const 64) (i32.const 4096) (global.get $hits)) (i32.const 64)))"#
    );
    let mut wasm = wat::parse_str(&text).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/wit")).unwrap();
    let world = resolve.select_world(&[package], Some("rule")).unwrap();
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, wit_component::StringEncoding::UTF8, false)
        .unwrap();
    wasm
}

pub(crate) struct Bench {
    catalog: Arc<Catalog>,
    runtime: Arc<Runtime>,
    schema: Arc<Schema>,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = weir::store::connect(&url, "p", "t").await.unwrap();
        let layout = StatsLayout { table: "stats".into(), group_by: vec!["type".into()], measures: vec![] };
        let fingerprint = Fingerprint {
            topic: "t".into(),
            group: "weir".into(),
            letter_topic: "d".into(),
            window_ms: 5_000,
            group_by: vec!["type".into()],
            scales: vec![],
            table: "stats".into(),
        };
        store.prepare(&fingerprint, &layout).await.unwrap();
        let text = include_str!("../../../weir.toml");
        let config = weir::config::Config::parse(text, &|_| Some("sqlite://unused".into())).unwrap();
        let rules: &Rules = &config.rules;
        let runtime = Runtime::with_compiler(rules, env!("CARGO_BIN_EXE_weir").into()).unwrap();
        let amount = Field {
            name: "amount".into(),
            kind: Kind::Decimal,
            required: true,
            path: vec!["amount".into()],
            scale: 2,
            lookup: None,
        };
        let schema = Arc::new(Schema { fields: vec![amount] });
        let catalog = Catalog::open(runtime.clone(), store, schema.clone(), Arc::new(config)).await.unwrap();
        Self { catalog, runtime, schema, _folder: folder }
    }

    pub(crate) async fn upload(&self, wasm: Vec<u8>) -> Result<Published, Refused> {
        let how = Publish { origin: Origin::Api, source: "test".into(), who: "test".into(), order: None, mode: None };
        self.catalog.publish(wasm, how).await
    }

    pub(crate) async fn publish(&self, name: &str, body: &str) -> Result<Published, Refused> {
        self.upload(module(name, body)).await
    }

    /// How often one worker's breaker trips over these batches.
    pub(crate) fn trips(&self, batches: &[Vec<i64>]) -> usize {
        let (sender, trips) = tokio::sync::mpsc::channel(64);
        let mut judge = weir::rules::Judge::new(self.runtime.clone(), sender);
        for amounts in batches {
            judge.judge(&self.catalog.live(), &self.batch(amounts), &mut Vec::new()).unwrap();
        }
        trips.len()
    }

    /// Row, rule and code of what the set finds.
    pub(crate) fn judge(&self, amounts: &[i64]) -> Vec<(u32, String, String)> {
        let found = self.catalog.evaluate(&self.batch(amounts)).unwrap();
        found.into_iter().map(|f| (f.row, f.rule.name.to_string(), f.code.into_owned())).collect()
    }

    fn batch(&self, amounts: &[i64]) -> Batch {
        let mut batch = Batch::new(&self.schema);
        for (row, &amount) in amounts.iter().enumerate() {
            batch.offsets.push(Offset(row as i64));
            batch.columns[0].push(Some(Value::Decimal(amount)));
        }
        batch
    }
}
