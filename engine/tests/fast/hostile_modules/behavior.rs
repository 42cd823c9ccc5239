//! What a rule may do while it judges: loop, grow, recurse, trap. It costs the row that it does it on.

use crate::hostile_modules::fixture::{Fixture, codes, only_row_3};
use weir_testkit::guest::Guest;

#[tokio::test]
async fn a_loop_without_end_costs_its_row() {
    assert_eq!(codes(Guest::hostile("(if (local.get $bad) (then (loop (br 0))))")).await, only_row_3("RULE_TIMEOUT"));
}

#[tokio::test]
async fn tail_calls_without_end_cost_their_row() {
    let more = "(func $spin (return_call $spin))";
    let attack = Guest { more, ..Guest::hostile("(if (local.get $bad) (then (call $spin)))") };
    assert_eq!(codes(attack).await, only_row_3("RULE_TIMEOUT"));
}

#[tokio::test]
async fn a_loop_of_bulk_fills_costs_its_row() {
    let fill = "(if (local.get $bad) (then (loop (memory.fill (i32.const 1048576) (i32.const 0) (i32.const 3000000)) (br 0))))";
    assert_eq!(codes(Guest::hostile(fill)).await, only_row_3("RULE_TIMEOUT"));
}

#[tokio::test]
async fn memory_without_bound_costs_its_row() {
    let grow = "(if (local.get $bad) (then (loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable))";
    assert_eq!(codes(Guest::hostile(grow)).await, only_row_3("RULE_MEMORY"));
}

#[tokio::test]
async fn a_trap_after_a_refused_growth_that_did_no_harm_is_a_trap() {
    let attack = Guest {
        configure: "(drop (memory.grow (i32.const 60000)))",
        ..Guest::hostile("(if (local.get $bad) (then unreachable))")
    };
    assert_eq!(codes(attack).await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn a_trap_costs_its_row() {
    assert_eq!(codes(Guest::hostile("(if (local.get $bad) (then unreachable))")).await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn a_load_out_of_range_and_a_division_by_zero_cost_their_row() {
    for fault in ["(i32.load (i32.const -8))", "(i32.div_u (i32.const 1) (i32.eqz (local.get $bad)))"] {
        let each = format!("(if (local.get $bad) (then (drop {fault})))");
        assert_eq!(codes(Guest::hostile(&each)).await, only_row_3("RULE_TRAP"), "{fault}");
    }
}

#[tokio::test]
async fn recursion_without_end_costs_its_row() {
    assert_eq!(codes(Guest::hostile("(if (local.get $bad) (then (call $deep)))")).await, only_row_3("RULE_TRAP"));
}

#[tokio::test]
async fn a_table_grows_to_its_bound_and_no_further() {
    let attack = Guest {
        more: "(table $t 1 funcref)",
        ..Guest::hostile(
            "(if (local.get $bad) (then
               (loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
               (br_if 0 (i32.le_u (table.size $t) (i32.const 10000))) unreachable))",
        )
    };
    // At the bound the rule goes on; it traps if the table is larger.
    assert_eq!(codes(attack).await, []);
}

#[tokio::test]
async fn a_failure_is_told_in_one_line_however_the_module_names_its_functions() {
    let long = "x".repeat(50_000);
    let more = format!(r#"(func $evil (@name "two\0alines{long}") unreachable)"#);
    let attack = Guest { more: &more, ..Guest::hostile("(if (local.get $bad) (then (call $evil)))") };
    let fixture = Fixture::new().await;
    fixture.publish(attack).await;
    let found = fixture.worker().judge(&[1, -1]);
    assert_eq!(found.len(), 1);
    let detail = &found[0].detail;
    assert!(detail.starts_with("wasm trap: wasm `unreachable` instruction executed in twolinesxxx"), "{detail}");
    assert!(detail.len() <= 256 && !detail.contains(char::is_control), "{detail}");
}
