//! Modules that are no rules, and rules that are hostile: each is refused or contained, and a good rule judges on.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[path = "common/guest.rs"]
mod guest;

use std::io::Write;
use std::process::{Command, Stdio};

fn compile(wasm: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("compile-module")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(wasm).unwrap();
    let out = child.wait_with_output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn every_import_of_a_module_is_named() {
    let wasm = wat::parse_str(r#"(module (import "env" "now" (func)) (import "env" "rand" (func)))"#).unwrap();
    let (code, text) = compile(&wasm);
    assert_eq!(code, Some(1));
    assert!(text.contains("env::now, env::rand"), "{text}");
}

#[test]
fn a_core_module_without_the_contract_is_refused() {
    let (code, text) = compile(&wat::parse_str("(module)").unwrap());
    assert_eq!(code, Some(1));
    assert!(text.contains("component-type"), "{text}");
}

#[test]
fn a_truncated_module_is_refused() {
    let wasm = wat::parse_str("(module (func) (memory 1))").unwrap();
    let (code, text) = compile(&wasm[..wasm.len() - 3]);
    assert_eq!(code, Some(1));
    assert!(text.contains("not valid WebAssembly"), "{text}");
}

/// Publishes a rule with this body beside a good one, and judges rows of which only the last, -1, is bad.
async fn codes(body: &str) -> Vec<(u32, String, String)> {
    let bench = guest::Bench::new().await;
    bench.publish("hostile", body).await.unwrap();
    bench.publish("good_rule", guest::GOOD).await.unwrap();
    let found = bench.judge(&[5, 6, 7, -1]);
    assert!(found.contains(&(3, "good_rule".into(), "BAD".into())), "the good rule judged on: {found:?}");
    found.into_iter().filter(|(_, rule, _)| rule == "hostile").collect()
}

fn only_row_3(code: &str) -> Vec<(u32, String, String)> {
    vec![(3, "hostile".into(), code.into())]
}

#[tokio::test]
async fn a_loop_without_end_costs_its_row() {
    assert_eq!(codes("(if (local.get $bad) (then (loop (br 0))))").await, only_row_3("RULE_TIMEOUT"));
}

#[tokio::test]
async fn memory_without_bound_costs_its_row() {
    let grow = "(if (local.get $bad) (then (loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable))";
    assert_eq!(codes(grow).await, only_row_3("RULE_MEMORY"));
}

#[tokio::test]
async fn a_trap_costs_its_row() {
    assert_eq!(codes("(if (local.get $bad) (then unreachable))").await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn recursion_without_end_costs_its_row() {
    assert_eq!(codes("(if (local.get $bad) (then (call $deep)))").await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn a_hit_on_a_row_out_of_range_costs_its_row() {
    let lie = "(if (local.get $bad) (then (call $hit (i32.const 99) (i32.const 0))))";
    assert_eq!(codes(lie).await, only_row_3("RULE_OUTPUT"));
}

#[tokio::test]
async fn a_hit_with_a_code_out_of_range_costs_its_row() {
    let lie = "(if (local.get $bad) (then (call $hit (local.get $i) (i32.const 9))))";
    assert_eq!(codes(lie).await, only_row_3("RULE_OUTPUT"));
}

#[tokio::test]
async fn a_module_larger_than_the_bound_is_refused() {
    let bench = guest::Bench::new().await;
    let refused = bench.upload(vec![0; (8 << 20) + 1]).await.unwrap_err();
    assert!(matches!(refused, weir::rules::Refused::TooLarge { .. }), "{refused}");
}

#[tokio::test]
async fn a_compile_bomb_is_refused_in_time() {
    let bench = guest::Bench::new().await;
    let bomb = format!("{}{}", "(loop ".repeat(3600), "(br_if 0 (local.get $bad)))".repeat(3600));
    let began = std::time::Instant::now();
    assert!(bench.publish("bomb", &bomb).await.is_err());
    assert!(began.elapsed().as_secs() < 17, "{:?}", began.elapsed());
}

#[tokio::test]
async fn single_rows_never_trip_the_breaker_and_whole_batches_do() {
    let bench = guest::Bench::new().await;
    bench.publish("hostile", "(if (local.get $bad) (then unreachable))").await.unwrap();
    let single = vec![vec![1, -1]; 10];
    assert_eq!(bench.trips(&single), 0);
    assert_eq!(bench.trips(&[vec![-1, -1], vec![-1, -1]]), 0);
    assert_eq!(bench.trips(&[vec![-1, -1], vec![-1, -1], vec![-1, -1]]), 1);
}
