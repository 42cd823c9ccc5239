//! Writes rules that are dear or fail, as `bench/isolation` has them judge in shadow: KIND-000.wasm and on, each a rule of its
//! own. The publish's own batches pass all of them.
//!
//!     hostile KIND COUNT DIRECTORY
#![allow(clippy::unwrap_used, reason = "the guests are the tests'")]

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use weir_testkit::guest::{Guest, kinds};

/// What a `slow` rule takes of the processor at each call, in milliseconds: near `rules.timeout`, which is 50 ms, and as far below it as
/// a busy machine makes a call longer.
const SLOW: f64 = 40.0;
/// Steps over which the machine's speed is taken.
const SAMPLE: u64 = 50_000_000;
/// Nanoseconds that a step takes on the processor of which `kinds::burns` speaks.
const STEP: f64 = 1e6 / 750_000.0;

#[derive(Parser)]
struct Args {
    kind: Kind,
    count: usize,
    directory: PathBuf,
}

/// As `kinds` has them.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// For ever, on a negative amount.
    Loops,
    /// For ever, on a batch of more than 20 rows; each row alone passes.
    Many,
    /// 40 ms of processor time a call, and every row passes.
    Slow,
    /// Takes all the memory that it may have, writes to it and traps, on a negative amount.
    Fills,
    /// On every row but those that a publish tries.
    Traps,
}

/// This machine's speed, as a multiple of the one that `kinds::burns` is written for. Measured with every processor busy, as they
/// are beside an engine under load: two that share a core are slower together, and a rule tuned on an idle machine would then take
/// more than `rules.timeout` and be refused.
fn speed() -> f64 {
    let count = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads: Vec<_> = (0..count).map(|_| std::thread::spawn(step)).collect();
    let slowest = threads.into_iter().map(|thread| thread.join().unwrap()).fold(0.0, f64::max);
    STEP / slowest
}

/// Nanoseconds that a step takes here. Each waits for the one before, as in a module.
fn step() -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let (began, mut x) = (Instant::now(), 1_u64);
        for _ in 0..SAMPLE {
            x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        std::hint::black_box(x);
        best = best.min(began.elapsed().as_secs_f64() * 1e9 / SAMPLE as f64);
    }
    best
}

fn main() -> Result<()> {
    let Args { kind, count, directory } = Args::parse();
    let named = kind.to_possible_value().context("every kind has a name")?;
    let (each, more) = match kind {
        Kind::Slow => (kinds::BURNS.to_owned(), kinds::burns(SLOW * speed())),
        _ => kinds::of(named.get_name()),
    };
    std::fs::create_dir_all(&directory)?;
    for n in 0..count {
        let name = format!("{}_{n:03}", named.get_name());
        let wasm = Guest { each: &each, more: &more, ..Guest::good(&name) }.core();
        let at = directory.join(format!("{name}.wasm"));
        std::fs::write(&at, wasm).with_context(|| at.display().to_string())?;
    }
    Ok(())
}
