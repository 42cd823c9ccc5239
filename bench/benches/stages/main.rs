//! What each stage costs a record, through the engine library's public API, over records like those of `gen` (inputs.rs):
//! as time (criterion) and as instructions (`count NAME` under callgrind: bench/instructions). One binary for all of them,
//! since linking wasmtime takes minutes. No stage waits for anything: Kafka, the store and Redis are not in it.
//!
//! Private, so not measured here: what pipeline/judging.rs does between the stages (a finding becomes the reason of a
//! letter) and what outbox/dead_letter/ does with a letter that is published.
#![allow(clippy::unwrap_used, reason = "a bench that unwraps says where it failed")]

mod alerts;
mod count;
mod decode;
mod inputs;
mod judge;
mod live;
mod lookup;
mod outbox;
mod redis;
mod window;

use std::io::{Read, Write};
use std::time::Duration;

use criterion::{Criterion, Throughput};

/// One thing to measure. A turn is what the engine does with one batch; after a lap the inputs come again.
pub(crate) struct Case {
    /// The stage is its first word.
    pub(crate) name: String,
    /// Of a turn.
    pub(crate) records: usize,
    /// Turns of a lap.
    pub(crate) lap: usize,
    /// Sets it up: only for what is chosen.
    pub(crate) make: Box<dyn Fn() -> Turn>,
}

pub(crate) type Turn = Box<dyn FnMut()>;

impl Case {
    pub(crate) fn new(name: impl Into<String>, records: usize, lap: usize, make: impl Fn() -> Turn + 'static) -> Self {
        Self { name: name.into(), records, lap, make: Box::new(make) }
    }
}

fn cases() -> Vec<Case> {
    let stages = [decode::cases(), lookup::cases(), judge::cases(), window::cases(), outbox::cases(), alerts::cases()];
    stages.into_iter().flatten().collect()
}

/// The rules' compiler, as `weir compile-module`, but without its limits: under valgrind a process takes more.
fn compile_module() {
    let mut wasm = Vec::new();
    std::io::stdin().read_to_end(&mut wasm).unwrap();
    std::io::stdout().write_all(&weir::rules::compile(&wasm).unwrap()).unwrap();
}

fn time() {
    let criterion = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    let mut criterion = criterion.configure_from_args();
    for case in cases() {
        let (stage, what) = case.name.split_once(' ').unwrap();
        let mut group = criterion.benchmark_group(stage);
        group.throughput(Throughput::Elements(case.records as u64));
        let mut turn = None;
        group.bench_function(what, |bencher| bencher.iter(turn.get_or_insert_with(|| (case.make)())));
        group.finish();
    }
    criterion.final_summary();
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["compile-module"] => compile_module(),
        ["count"] => count::list(&cases()),
        ["count", name] => count::count(&cases(), name),
        _ => time(),
    }
}
