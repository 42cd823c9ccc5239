//! The shipped rules over decoded records, by how many rules and how large batches. 2 % of the records hit
//! `negative_amount`; benches/rules.rs has each rule by itself.

use std::path::PathBuf;

use weir::rules::Judge;

use crate::inputs::{self, Balances, RECORDS, ROWS, plain};
use crate::{Case, Turn, live};

const RULES: [&str; 5] = ["negative_amount", "high_amount", "blocked_segment", "self_transfer", "balance_mismatch"];

pub(crate) fn cases() -> Vec<Case> {
    let by_rules = [1, 5, 20].map(|rules| case(format!("judge {rules} rules"), rules, ROWS, Balances::Right));
    let by_size =
        [1, 10, 100, 2_000].map(|rows| case(format!("judge 5 rules, {rows} a batch"), 5, rows, Balances::Right));
    let flagged = case("judge 5 rules, 2 of 5 records flagged".to_owned(), 5, ROWS, Balances::AsGen);
    by_rules.into_iter().chain(by_size).chain([flagged]).collect()
}

fn case(name: String, rules: usize, rows: usize, balances: Balances) -> Case {
    Case::new(name, rows, RECORDS / rows, move || turn(rules, rows, balances))
}

fn turn(rules: usize, rows: usize, balances: Balances) -> Turn {
    let schema = inputs::schema();
    let batches = inputs::batches(&schema, &inputs::records(balances, plain), rows);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (catalog, runtime) = tokio.block_on(live::catalog(folder.path(), compiler(), schema, modules(rules)));
    let live = catalog.live();
    assert_eq!(live.rules.len(), rules);
    let mut judge = Judge::new(runtime, catalog.trips());
    let (mut findings, mut at, mut found) = (Vec::new(), 0, 0);
    Box::new(move || {
        let _kept = (&tokio, &folder, &catalog);
        findings.clear();
        judge.judge(&live, &batches[at], &mut findings).unwrap();
        found += findings.len();
        at = (at + 1) % batches.len();
        // A rule that is never hit would measure something else.
        assert!(at > 0 || found > RECORDS / 100);
    })
}

/// The binary itself, or what runs it where its own code would not load (bench/instructions).
fn compiler() -> PathBuf {
    std::env::var_os("WEIR_BENCH_COMPILER").map_or_else(|| std::env::current_exe().unwrap(), PathBuf::from)
}

/// Beyond the five, the same under other names of the same length: each is a module with an instance of its own.
fn modules(count: usize) -> Vec<Vec<u8>> {
    let module = |at: usize| {
        let name = RULES[at % RULES.len()];
        let mut wasm = live::module(name);
        if at >= RULES.len() {
            let other = format!("{}{}", &name[..name.len() - 1], at / RULES.len());
            rename(&mut wasm, name.as_bytes(), other.as_bytes());
        }
        wasm
    };
    (0..count).map(module).collect()
}

fn rename(wasm: &mut [u8], old: &[u8], new: &[u8]) {
    let mut at = 0;
    while let Some(found) = wasm[at..].windows(old.len()).position(|bytes| bytes == old) {
        wasm[at + found..][..new.len()].copy_from_slice(new);
        at += found + new.len();
    }
}
