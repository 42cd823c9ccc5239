//! Compile bombs: small modules on which a compiler spends minutes or all memory. The child process that compiles them
//! ends at 1 GiB, 10 s of CPU or 15 s, and the engine judges on.

use std::time::Duration;

use crate::hostile_modules::fixture::{Fixture, judged, refused};
use weir_testkit::guest::Guest;
use weir_testkit::wait::Fair;

fn with(more: &str) -> Vec<u8> {
    Guest { more, ..Guest::good("hostile") }.core()
}

/// Refused because the compiler was ended.
async fn ended(upload: Vec<u8>) {
    let why = refused(upload).await;
    let ended = why.contains("compiling exceeded 1 GiB or 10 s") || why.contains("compiling took more than 15 s");
    assert!(ended, "{why}");
}

/// Whether the compiler gets through depends on the machine's speed: then it is a rule.
async fn ended_or_a_rule(upload: Vec<u8>) {
    let fixture = Fixture::new().await;
    let began = Fair::start();
    let expected = match fixture.upload(upload).await {
        Ok(_) => vec![(3, "BAD".to_owned())],
        Err(_) => Vec::new(),
    };
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(judged(&fixture).await, expected);
}

#[tokio::test]
async fn nested_loops() {
    let nest = format!("{}{}", "(loop ".repeat(3_600), "(br_if 0 (local.get $bad)))".repeat(3_600));
    ended(Guest::hostile(&nest).core()).await;
}

#[tokio::test]
async fn a_million_functions() {
    ended(with(&"(func)".repeat(990_000))).await;
}

#[tokio::test]
async fn blocks_nested_two_million_deep() {
    let deep = format!("(func {}{})", "block ".repeat(2_400_000), "end ".repeat(2_400_000));
    ended(with(&deep)).await;
}

#[tokio::test]
async fn thousands_of_locals_alive_at_once() {
    let locals = 20_000;
    let mut body = String::new();
    for local in 0..locals {
        body.push_str(&format!("(local.set {local} (i32.load (i32.const {local})))"));
    }
    let mut rest = String::new();
    for local in 0..locals {
        rest.push_str(&format!("(i32.store (i32.const {local}) (local.get {local}))"));
    }
    ended_or_a_rule(with(&format!("(func (local {}) {body} (call $deep) {rest})", "i32 ".repeat(locals)))).await;
}

#[tokio::test]
async fn a_jump_table_of_a_million_ways() {
    let table = format!("(func (param i32) (block (block (br_table {} (local.get 0)))))", "0 1 ".repeat(500_000));
    ended_or_a_rule(with(&table)).await;
}

#[tokio::test]
async fn data_up_to_the_size_that_a_module_may_have() {
    // 8,000,000 bytes in one segment at 64 KiB, where a rule keeps nothing across calls.
    let more = format!(r#"(data (i32.const 65536) "{}")"#, "x".repeat(8_000_000));
    let upload = Guest { more: &more, pages: 200, ..Guest::good("hostile") }.core();
    ended_or_a_rule(upload).await;
    let why = refused(Guest { more: &more, pages: 64, ..Guest::good("hostile") }.core()).await;
    assert!(why.contains("RULE_TRAP") || why.contains("out of bounds"), "more data than memory: {why}");
}

#[tokio::test]
async fn a_hundred_thousand_data_segments() {
    ended_or_a_rule(with(&r#"(data (i32.const 8000) "x")"#.repeat(99_000))).await;
    let why = refused(with(&r#"(data (i32.const 8000) "x")"#.repeat(100_001))).await;
    assert!(why.contains("data"), "{why}");
}
