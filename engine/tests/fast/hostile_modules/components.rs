//! Ready-made components: a good one is a rule like any other, a bad one is contained or refused like any other.

use crate::hostile_modules::fixture::{Fixture, judged, only_row_3, refused};
use weir_testkit::guest::Guest;

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn a_good_component_judges() {
    let fixture = Fixture::new().await;
    fixture.upload(Guest::good("hostile").component()).await.unwrap();
    assert_eq!(judged(&fixture).await, only_row_3("BAD"));
}

#[tokio::test]
async fn a_component_that_traps_costs_its_row() {
    let fixture = Fixture::new().await;
    fixture.upload(Guest::hostile("(if (local.get $bad) (then unreachable))").component()).await.unwrap();
    assert_eq!(judged(&fixture).await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn every_import_of_a_component_is_named() {
    let why =
        refused(component(r#"(component (import "clock" (func)) (import "wasi:cli/environment@0.2.0" (instance)))"#))
            .await;
    assert!(why.contains("clock, wasi:cli/environment@0.2.0"), "{why}");
}

#[tokio::test]
async fn a_component_without_the_contract_is_refused() {
    for text in [
        "(component)",
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "judge") (canon lift (core func $i "f"))))"#,
    ] {
        let why = refused(component(text)).await;
        assert!(why.contains("weir:rule/guest@0.1.0"), "{why}");
    }
}

/// A section of a component's binary form.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb128(content.len()), content].concat()
}

fn leb128(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n > 0x7f {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// The good rule as a component that makes so many more instances of its own core module (0) or of this one (1).
fn with_instances(pages: u32, module: &str, index: u8, many: usize) -> Vec<u8> {
    let rule = Guest { pages, ..Guest::good("hostile") }.component();
    let instance = [0, index, 0];
    let instances = [leb128(many), instance.repeat(many)].concat();
    [rule, section(1, &component(module)), section(2, &instances)].concat()
}

#[tokio::test]
async fn too_many_instances_and_memories_are_refused() {
    for (what, upload, words) in [
        ("3 instances", with_instances(64, "(module)", 1, 2), "instance count too high"),
        ("900 instances", with_instances(64, "(module)", 1, 900), "instance count too high"),
        ("2 memories", with_instances(64, "(module)", 0, 1), "memory count too high"),
        ("200 memories of 16 MiB", with_instances(256, "(module)", 0, 199), "memory count too high"),
        (
            "3 tables",
            with_instances(64, "(module (table 1 funcref) (table 1 funcref) (table 1 funcref))", 1, 1),
            "table",
        ),
    ] {
        let why = refused(upload).await;
        assert!(why.contains("describe failed: RULE_MEMORY") && why.contains(words), "{what}: {why}");
    }
    let why = refused(with_instances(64, "(module)", 1, 10_000)).await;
    assert!(why.contains("exceeds limit of 1000"), "before it is compiled: {why}");
}

#[tokio::test]
async fn a_memory_beside_it_of_another_kind_is_refused() {
    for (module, words) in [("(module (memory i64 1))", "memory64"), ("(module (memory 1 1 shared))", "threads")] {
        let why = refused(with_instances(64, module, 1, 1)).await;
        assert!(why.contains(words), "{module}: {why}");
    }
}

#[tokio::test]
async fn an_instance_beside_it_that_is_within_the_bounds_is_a_part_of_a_rule() {
    let fixture = Fixture::new().await;
    fixture.upload(with_instances(64, "(module (table 2 funcref))", 1, 1)).await.unwrap();
    assert_eq!(judged(&fixture).await, only_row_3("BAD"));
}

#[tokio::test]
async fn more_memory_or_table_at_the_start_than_allowed_is_refused() {
    for (more, pages) in [("", 257), ("", 65_536), ("(table 10001 funcref)", 64), ("(table 0xffffffff funcref)", 64)] {
        let why = refused(Guest { more, pages, ..Guest::good("hostile") }.core()).await;
        assert!(why.contains("describe failed: RULE_MEMORY"), "{pages} pages {more}: {why}");
    }
}

#[tokio::test]
async fn a_component_that_is_cut_short_is_refused() {
    let whole = Guest::good("hostile").component();
    for length in [8, 50, whole.len() / 2, whole.len() - 1] {
        refused(whole[..length].to_vec()).await;
    }
}

/// The good rule with components nested so deep in it.
fn nested(levels: usize) -> Vec<u8> {
    let empty = component("(component)");
    // From the end, so that each level adds its own bytes and copies no other's.
    let mut backwards: Vec<u8> = empty.iter().rev().copied().collect();
    for _ in 0..levels {
        let before = [&empty[..], &[4], &leb128(backwards.len())].concat();
        backwards.extend(before.iter().rev());
    }
    backwards.reverse();
    [Guest::good("hostile").component(), section(4, &backwards)].concat()
}

#[tokio::test]
async fn components_nested_deep_are_refused_or_do_no_harm() {
    // As many as fit into `rules.max_module`, and as many as may be or nearly.
    for levels in [600_000, 1_000, 990] {
        let fixture = Fixture::new().await;
        match fixture.upload(nested(levels)).await {
            Ok(_) => assert_eq!(judged(&fixture).await, only_row_3("BAD"), "{levels}"),
            Err(_) => assert_eq!(judged(&fixture).await, [], "{levels}"),
        }
    }
}
