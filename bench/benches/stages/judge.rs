//! The shipped rules over decoded records: each alone, by how many and by how large batches. Unless the name says
//! otherwise 2 % of the records hit `negative_amount` and nothing else.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use weir::rules::Judge;

use crate::inputs::{self, Payments, RECORDS, ROWS, plain};
use crate::{Case, Turn, live};

pub(crate) const RULES: [&str; 5] =
    ["negative_amount", "high_amount", "blocked_segment", "self_transfer", "balance_mismatch"];

pub(crate) fn cases() -> Vec<Case> {
    let good = |name: String, rules: Vec<&'static str>, rows| case(name, rules, rows, Payments::Good);
    let five = || RULES.to_vec();
    let mut cases: Vec<Case> = RULES.map(|rule| good(format!("judge {rule}"), vec![rule], ROWS)).into();
    cases.push(good("judge 5 rules".into(), five(), ROWS));
    cases.push(good("judge 20 rules".into(), RULES.repeat(4), ROWS));
    cases.extend([1, 10, 100].map(|rows| good(format!("judge 5 rules, {rows} a batch"), five(), rows)));
    cases.push(good("judge 5 rules, 2,000 a batch".into(), five(), 2_000));
    cases.push(case("judge 5 rules, two in five records flagged".into(), five(), ROWS, Payments::OddBalances));
    cases.push(case("judge 5 rules, every record rejected".into(), five(), ROWS, Payments::Bad));
    cases
}

fn case(name: String, rules: Vec<&'static str>, rows: usize, payments: Payments) -> Case {
    Case::new(name, rows, RECORDS / rows, move || turn(&rules, rows, payments))
}

fn turn(rules: &[&str], rows: usize, payments: Payments) -> Turn {
    let schema = inputs::schema();
    let batches = inputs::batches(&schema, &inputs::records(payments, plain), rows);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (catalog, runtime) = tokio.block_on(live::catalog(folder.path(), compiler(), schema, modules(rules)));
    let live = catalog.live();
    assert_eq!(live.rules.len(), rules.len());
    let expected = expected(rules, payments);
    let mut judge = Judge::new(runtime, catalog.trips());
    let (mut findings, mut at, mut found) = (Vec::new(), 0, 0);
    Box::new(move || {
        let _kept = (&tokio, &folder, &catalog);
        findings.clear();
        judge.judge(&live, &batches[at], &mut findings).unwrap();
        found += findings.len();
        at = (at + 1) % batches.len();
        if at == 0 {
            // Else another thing would be measured than the name says.
            assert!(expected.contains(&std::mem::take(&mut found)));
        }
    })
}

/// The binary itself, or what runs it where its own code would not load (bench/instructions).
pub(crate) fn compiler() -> PathBuf {
    std::env::var_os("WEIR_BENCH_COMPILER").map_or_else(|| std::env::current_exe().unwrap(), PathBuf::from)
}

/// Findings of a lap.
fn expected(rules: &[&str], payments: Payments) -> RangeInclusive<usize> {
    match (payments, rules) {
        (Payments::Good, ["negative_amount"]) => RECORDS / 66..=RECORDS / 40,
        (Payments::Good, [_]) => 0..=0,
        (Payments::Good, _) => rules.len() / RULES.len() * RECORDS / 66..=rules.len() / RULES.len() * RECORDS / 40,
        (Payments::OddBalances, _) => RECORDS * 2 / 5..=RECORDS / 2,
        (Payments::Bad, _) => RECORDS..=RECORDS,
    }
}

/// A rule that is there again has another name of the same length: a module with an instance of its own.
pub(crate) fn modules(rules: &[&str]) -> Vec<Vec<u8>> {
    let module = |(at, name): (usize, &&str)| {
        let mut wasm = live::module(name);
        let before = rules[..at].iter().filter(|other| *other == name).count();
        if before > 0 {
            let other = format!("{}{before}", &name[..name.len() - 1]);
            rename(&mut wasm, name.as_bytes(), other.as_bytes());
        }
        wasm
    };
    rules.iter().enumerate().map(module).collect()
}

fn rename(wasm: &mut [u8], old: &[u8], new: &[u8]) {
    let mut at = 0;
    while let Some(found) = wasm[at..].windows(old.len()).position(|bytes| bytes == old) {
        wasm[at + found..][..new.len()].copy_from_slice(new);
        at += found + new.len();
    }
}
