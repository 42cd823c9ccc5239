//! What a rule costs: the real modules of rules.d (`make rules`) judging batches of 1,000 rows through the engine's own
//! judge, so lowering, the call, lifting and the figures count. Throughput is rows: its inverse is the time a row and rule.
//! Compiles through `weir compile-module` of the same profile (`cargo build --release -p weir`).
#![allow(clippy::unwrap_used, reason = "a bench that unwraps says where it failed")]

mod live;

use std::path::PathBuf;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use weir::model::ids::Offset;
use weir::model::record::{Batch, Field, Kind, Schema, Value};
use weir::rules::Judge;

const ROWS: usize = 1_000;

fn field(name: &str, kind: Kind) -> Field {
    let path = vec![name.to_owned()];
    let scale = if kind == Kind::Decimal { 2 } else { 0 };
    let time = Default::default();
    Field { name: name.to_owned(), kind, required: false, path, scale, time, lookup: None, sensitive: false }
}

fn schema() -> Arc<Schema> {
    let decimals = ["amount", "old_balance_org", "new_balance_orig"].map(|name| field(name, Kind::Decimal));
    let texts = ["type", "name_orig", "name_dest", "customer.segment"].map(|name| field(name, Kind::Text));
    Arc::new(Schema { fields: decimals.into_iter().chain(texts).collect() })
}

/// Payments of PaySim's shape; every row whose number divides by `every` is one that the rules hit: `amount` cents for the
/// rule on amounts, its other fields for the rest.
fn payments(schema: &Schema, every: usize, bad_amount: i64) -> Batch {
    let mut batch = Batch::new(schema);
    for row in 0..ROWS {
        let hit = every > 0 && row % every == 0;
        let (orig, dest) = (format!("C{}", 1_000_000 + row * 17), format!("M{}", 1_000_000 + row * 13));
        let amount = 1_000 + row as i64;
        let row_values = [
            Value::Decimal(if hit { bad_amount } else { amount }),
            Value::Decimal(500_000),
            Value::Decimal(500_000 - amount),
            Value::Text(["PAYMENT", "CASH_OUT", "TRANSFER", "DEBIT"][row % 4]),
            Value::Text(&orig),
            Value::Text(if hit { &orig } else { &dest }),
            Value::Text(if hit { "blocked" } else { "retail" }),
        ];
        batch.offsets.push(Offset(row as i64));
        for (column, value) in batch.columns.iter_mut().zip(row_values) {
            column.push(Some(value));
        }
    }
    batch
}

/// The engine that is beside this bench in the target folder.
fn compiler() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let weir = here.ancestors().nth(2).unwrap().join("weir");
    assert!(weir.exists(), "{} is missing: cargo build --release -p weir", weir.display());
    weir
}

fn rules(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let names = ["negative_amount", "high_amount", "self_transfer", "balance_mismatch", "blocked_segment"];
    let sets = names.map(|name| (name, vec![name])).into_iter().chain([("five_rules", names.to_vec())]);
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, set) in sets {
        let folder = tempfile::tempdir().unwrap();
        let modules = set.iter().map(|rule| live::module(rule)).collect();
        let (catalog, runtime) = tokio.block_on(live::catalog(folder.path(), compiler(), schema(), modules));
        let live = catalog.live();
        let bad_amount = if name == "high_amount" { 20_000_001 } else { -1 };
        for (share, every) in [("no hits", 0), ("2 % hits", 50)] {
            let batch = payments(&schema(), every, bad_amount);
            let mut judge = Judge::new(runtime.clone(), catalog.trips());
            let mut findings = Vec::new();
            group.bench_function(BenchmarkId::new(name, share), |bencher| {
                bencher.iter(|| {
                    findings.clear();
                    judge.judge(&live, &batch, &mut findings).unwrap();
                    assert!((every == 0) == findings.is_empty());
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
