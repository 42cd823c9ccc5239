//! The fuzz targets on stable: each over its corpus, which holds what was found before, and then for seconds over inputs made
//! from it. `make fuzz` has libFuzzer look for minutes; see bench/reliability.md.

mod corpus;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use mutate::Mutator;

/// Of made inputs, a target.
const LOOK: Duration = Duration::from_secs(3);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} should be a number")))
}

fn run(name: &str, target: fn(&[u8])) {
    weir_testkit::fuzz::compile_by(env!("CARGO_BIN_EXE_weir"));
    let corpus = corpus::of(name);
    for (path, bytes) in &corpus {
        hold(target, bytes, || format!("{name}: {} again", path.display()));
    }
    // A new day is a new look.
    let seed = setting("SEED").unwrap_or_else(|| chrono::Utc::now().timestamp() as u64 / 86_400);
    let look = setting("SECONDS").map_or(LOOK, Duration::from_secs);
    let mut mutator = Mutator::new(corpus.into_iter().map(|(_, bytes)| bytes).collect());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (began, mut inputs) = (Instant::now(), 0);
    while began.elapsed() < look {
        let input = mutator.next(&mut rng);
        hold(target, &input, || format!("{name}: SEED={seed}, input {inputs}, {}", kept(name, &input)));
        inputs += 1;
    }
    println!("{name}: {inputs} inputs, SEED={seed}");
    assert!(inputs > 0, "nothing was tried");
}

/// Runs the target; a panic of it is told with what it was given.
fn hold(target: fn(&[u8]), input: &[u8], what: impl Fn() -> String) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{}", what());
        resume_unwind(panic);
    }
}

/// Writes the input where it can be taken into the corpus from.
fn kept(name: &str, input: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    std::fs::write(&path, input).unwrap();
    format!("kept as {}: fix it and put it into fuzz/corpus/{name}/", path.display())
}

#[test]
fn any_record_is_what_the_oracle_says() {
    run("decode", weir_testkit::fuzz::decode);
}

#[test]
fn any_answer_of_a_module_is_its_hits_or_a_failure_of_its_rows() {
    run("answer", weir_testkit::fuzz::answer);
}

#[test]
fn any_upload_is_a_module_or_refused() {
    run("module", weir_testkit::fuzz::module);
}

#[test]
fn any_manifest_is_one_to_live_by_or_refused() {
    run("manifest", weir_testkit::fuzz::manifest);
}

#[test]
fn any_text_is_a_configuration_to_run_by_or_refused() {
    run("config", weir_testkit::fuzz::config);
}

#[test]
fn any_line_is_a_record_or_a_numbered_error() {
    run("csv", weir_testkit::fuzz::csv);
}

#[test]
fn any_chunk_is_its_letters_or_damaged() {
    run("letters", weir_testkit::fuzz::letters);
}
