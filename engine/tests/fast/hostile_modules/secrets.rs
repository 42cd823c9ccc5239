//! What a rule can read: its own fields and parameters, and nothing of the records' other fields or of another rule.

use crate::hostile_modules::fixture::{Fixture, of};
use weir_testkit::guest::Guest;

/// An amount of each batch, in a column that every rule here declares.
const AMOUNT: i64 = 0x0dec_1a2e_d0f1_e1d5;
/// Of every row, in a field that only the good rule declares.
const SECRET: &str = "FieldXyz";
/// Only the good rule has this value of a parameter.
const PARAMETER: &str = "ParamXyz";

/// So small that looking through all of it fits the time of a call, with room for the hits at 1 MiB.
const PAGES: u32 = 18;

/// To declare `secret` and the parameter `limit` too: where `describe` allows them, and what it adds for that.
const DATA: &str = r#"(data (i32.const 1150) "secret") (data (i32.const 1232) "\05\00") (data (i32.const 1160) "limit")
    (data (i32.const 1408) "\05") (data (i32.const 1170) "none")"#;
const DECLARES: &str = "(call $put (i32.const 2024) (i32.const 1212) (i32.const 2))
    (call $put (i32.const 1224) (i32.const 1150) (i32.const 6))
    (call $put (i32.const 2040) (i32.const 1400) (i32.const 1))
    (call $put (i32.const 1400) (i32.const 1160) (i32.const 5))
    (call $put (i32.const 1420) (i32.const 1170) (i32.const 4))";
/// What was passed in may be overwritten by the next call: it stays below.
const KEEP: &str = "(memory.copy (i32.const 8000) (i32.const 65536) (i32.const 4096))";

/// Looks for these eight bytes in the whole memory. They are in the code, which is not in it.
const SCAN: &str = "(func $scan (param $bytes i64) (result i32) (local $at i32) (local $end i32)
    (local.set $end (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 7)))
    (loop $next
      (if (i64.eq (i64.load (local.get $at)) (local.get $bytes)) (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 0))";

/// Row 0 hits if the amount is found, row 1 if the secret is, row 2 if the parameter is.
fn spy() -> String {
    let bytes = |text: &str| i64::from_le_bytes(text.as_bytes().try_into().unwrap());
    let mut each = String::new();
    for (row, wanted) in [AMOUNT, bytes(SECRET), bytes(PARAMETER)].into_iter().enumerate() {
        each += &format!(
            "(if (i32.eq (local.get $i) (i32.const {row})) (then
               (if (call $scan (i64.const {wanted})) (then (call $hit (local.get $i) (i32.const 0))))))"
        );
    }
    each
}

/// The rows that `hostile` hits while these rules are given the parameter, the same in each of a hundred batches: on new
/// instances, where the pages of others may come again, and on used ones.
async fn found(hostile: Guest<'_>, given: &[&str]) -> Vec<u32> {
    let line = |rule: &&str| format!("[rule.{rule}]\nparameters = {{ limit = {PARAMETER:?} }}\n");
    let lines: String = given.iter().map(line).collect();
    let fixture = Fixture::with_secret(&lines, SECRET).await;
    let good = Guest { more: DATA, describe: DECLARES, configure: KEEP, ..Guest::good("the_good_rule") };
    fixture.publish(good).await;
    fixture.publish(hostile).await;
    let mut seen = None;
    for _ in 0..20 {
        let mut worker = fixture.worker();
        for _ in 0..5 {
            let findings = worker.judge(&[AMOUNT, 6, 7, -1]);
            assert_eq!(of("the_good_rule", &findings), [(3, "BAD".to_owned())]);
            let hits = of("hostile", &findings);
            assert!(hits.iter().all(|(_, code)| code == "BAD"), "{hits:?} {:?}", fixture.failures("hostile"));
            let rows: Vec<u32> = hits.into_iter().map(|(row, _)| row).collect();
            assert_eq!(*seen.get_or_insert_with(|| rows.clone()), rows);
        }
    }
    seen.unwrap()
}

#[tokio::test]
async fn a_rule_finds_no_undeclared_field_and_no_other_rule_s_parameter_in_all_its_memory() {
    let each = spy();
    let spy = Guest { pages: PAGES, more: SCAN, configure: KEEP, ..Guest::hostile(&each) };
    assert_eq!(found(spy, &["the_good_rule"]).await, [0], "the amount, which it declares, and no more");
}

#[tokio::test]
async fn a_rule_that_declares_the_field_and_is_given_the_parameter_finds_both() {
    let each = spy();
    let more = format!("{SCAN} {DATA}");
    let spy = Guest { pages: PAGES, more: &more, describe: DECLARES, configure: KEEP, ..Guest::hostile(&each) };
    assert_eq!(found(spy, &["the_good_rule", "hostile"]).await, [0, 1, 2]);
}
