//! Lies that lift well: rows and codes that are not there, too many hits, details beyond measure.

use std::time::Duration;

use crate::hostile_modules::fixture::{BATCH, Fixture, codes, of, only_row_3};
use weir_testkit::guest::Guest;
use weir_testkit::wait::Fair;

#[tokio::test]
async fn a_hit_on_a_row_out_of_range_costs_its_row() {
    for row in ["(i32.const 99)", "(i32.const -1)", "(local.get $rows)"] {
        let lie = format!("(if (local.get $bad) (then (call $hit {row} (i32.const 0))))");
        assert_eq!(codes(Guest::hostile(&lie)).await, only_row_3("RULE_OUTPUT"), "{row}");
    }
}

#[tokio::test]
async fn a_hit_with_a_code_out_of_range_costs_its_row() {
    for code in [1, 9, 65_535] {
        let lie = format!("(if (local.get $bad) (then (call $hit (local.get $i) (i32.const {code}))))");
        assert_eq!(codes(Guest::hostile(&lie)).await, only_row_3("RULE_OUTPUT"), "{code}");
    }
}

/// So many hits on a bad row, each with this detail.
pub(crate) fn hits(count: u32, at: u32, length: u32) -> String {
    format!(
        "(if (local.get $bad) (then (loop
           (call $detail (local.get $i) (i32.const 0) (i32.const {at}) (i32.const {length}))
           (br_if 0 (i32.lt_u (global.get $hits) (i32.const {count}))))))"
    )
}

#[tokio::test]
async fn a_hundred_thousand_hits_from_one_call_cost_their_row() {
    assert_eq!(codes(Guest::hostile(&hits(100_000, 0, 0))).await, only_row_3("RULE_OUTPUT"));
}

#[tokio::test]
async fn more_hits_than_rows_and_codes_cost_their_row() {
    assert_eq!(codes(Guest::hostile(&hits(1_000, 0, 0))).await, only_row_3("RULE_OUTPUT"));
    assert_eq!(codes(Guest::hostile(&hits(5, 0, 0))).await, only_row_3("RULE_OUTPUT"));
}

#[tokio::test]
async fn a_detail_of_a_mebibyte_costs_its_row() {
    assert_eq!(codes(Guest::hostile(&hits(1, 2 << 20, 1 << 20))).await, only_row_3("RULE_OUTPUT"));
}

#[tokio::test]
async fn a_long_detail_within_the_limit_is_cut_between_characters() {
    let fixture = Fixture::new().await;
    let euros = "€".repeat(1_000);
    let more = format!(r#"(data (i32.const 8000) "{euros}")"#);
    fixture.publish(Guest { more: &more, ..Guest::hostile(&hits(1, 8_000, 3_000)) }).await;
    let found = fixture.worker().judge(&BATCH);
    assert_eq!(of("hostile", &found), only_row_3("BAD"));
    assert_eq!(found[0].detail, "€".repeat(256 / 3));
}

#[tokio::test]
async fn long_details_that_no_call_can_hold_together_are_got_row_by_row() {
    let fixture = Fixture::new().await;
    // 2,000 times 1 KiB is twice what a call may return; each row alone is within it, so no row is at fault.
    let detail = "(call $detail (local.get $i) (i32.const 0) (i32.const 8000) (i32.const 1024))";
    fixture.publish(Guest::hostile(detail)).await;
    let mut worker = fixture.worker();
    let began = Fair::start();
    let found = worker.judge(&[1; 2_000]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!((found.len(), worker.trips()), (2_000, 0));
    assert!(found.iter().all(|finding| &*finding.code == "BAD"), "{:?}", fixture.failures("hostile"));
}
