//! Modules that are told whether to explain their flags, and do as they like.

use std::time::Duration;

use wit_component::StringEncoding::UTF8;

use crate::hostile_modules::fixture::{Fixture, refused};
use weir_testkit::guest::{Guest, typed};
use weir_testkit::wait::Fair;

const CONTRACT: &str = include_str!("../../../../sdk/wit/rule.wit");
const FLAG: &str = "(i32.store8 (i32.const 1316) (i32.const 1))";

/// A rule whose one code is a flag, with this export and what its world says of it.
fn told(export: &str, world: &str, each: &str) -> Vec<u8> {
    let data = "(data (i32.const 8000) \"seen\") (global $told (mut i32) (i32.const 1)) (global $calls (mut i32) (i32.const 0))";
    let more = format!("{data} {export}");
    let guest = Guest { describe: FLAG, more: &more, ..Guest::hostile(each) };
    typed(&guest.text(), &CONTRACT.replace("export guest;", &format!("export guest; {world}")), UTF8)
}

const WORLD: &str = "export explain-flags: func(wanted: bool);";
const OBEYS: &str = r#"(func (export "explain-flags") (param i32) (global.set $told (local.get 0)))"#;
/// The detail is four bytes if it was told to explain.
const HIT: &str =
    "(call $detail (local.get $i) (i32.const 0) (i32.const 8000) (i32.mul (global.get $told) (i32.const 4)))";

#[tokio::test]
async fn one_that_traps_when_it_is_told_is_refused() {
    let trap = r#"(func (export "explain-flags") (param i32) unreachable)"#;
    let why = refused(told(trap, WORLD, "")).await;
    assert!(why.contains("RULE_TRAP") && why.contains("hostile"), "{why}");
}

/// Hits bad rows when it is told to be brief, and does this when it is told to explain them.
fn explains_by(act: &str) -> String {
    format!("(if (local.get $bad) (then (if (global.get $told) (then {act})) {HIT}))")
}

#[tokio::test]
async fn one_that_traps_while_it_explains_has_flags_without_details() {
    let fixture = Fixture::new().await;
    fixture.upload(told(OBEYS, WORLD, &explains_by("unreachable"))).await.unwrap();
    let mut worker = fixture.worker();
    for _ in 0..20 {
        assert_eq!(worker.explained(&[5, 6, 7, -1], &[3]), [(3, String::new())]);
    }
    assert_eq!((fixture.failures("hostile").len(), worker.trips()), (0, 0), "it judged every row");
}

#[tokio::test]
async fn one_that_never_ends_when_it_explains_is_soon_asked_no_more() {
    let fixture = Fixture::new().await;
    fixture.upload(told(OBEYS, WORLD, &explains_by("(loop (br 0))"))).await.unwrap();
    let (mut worker, began) = (fixture.worker(), Fair::start());
    for _ in 0..100 {
        assert_eq!(worker.explained(&[5, 6, 7, -1], &[3]), [(3, String::new())]);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}: two time-outs of 50 ms a batch are ten", began.elapsed());
}

#[tokio::test]
async fn one_whose_instance_is_worn_out_explains_on_another() {
    let fixture = Fixture::new().await;
    let each =
        format!("(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (if (local.get $bad) (then {HIT}))");
    // It has judged six rows by then; a publish tries five at most.
    let worn = r#"(func (export "explain-flags") (param i32) (global.set $told (local.get 0))
        (if (i32.and (local.get 0) (i32.gt_u (global.get $calls) (i32.const 5))) (then unreachable)))"#;
    fixture.upload(told(worn, WORLD, &each)).await.unwrap();
    let mut worker = fixture.worker();
    for _ in 0..5 {
        assert_eq!(worker.explained(&[5, 6, 7, 8, 9, -1], &[5]), [(5, "seen".to_owned())]);
    }
}

#[tokio::test]
async fn one_that_hits_other_rows_when_it_is_asked_again_changes_nothing() {
    let fixture = Fixture::new().await;
    // Told to be brief it hits bad rows; told to explain, every row.
    let each = format!("(if (i32.or (local.get $bad) (global.get $told)) (then {HIT}))");
    fixture.upload(told(OBEYS, WORLD, &each)).await.unwrap();
    let mut worker = fixture.worker();
    let bad = [(0, "seen".to_owned()), (2, String::new()), (3, "seen".to_owned())];
    assert_eq!(worker.explained(&[-1, 6, -2, -1], &[0, 1, 3]), bad);

    // Told to explain it hits nothing.
    let each = format!("(if (i32.and (local.get $bad) (i32.eqz (global.get $told))) (then {HIT}))");
    fixture.upload(told(OBEYS, WORLD, &each)).await.unwrap();
    assert_eq!(worker.explained(&[-1, 6], &[0, 1]), [(0, String::new())]);
}

#[tokio::test]
async fn an_export_of_that_name_and_another_type_is_left_alone() {
    for (parameter, world) in
        [("", "export explain-flags: func();"), ("(param i64)", "export explain-flags: func(at: u64);")]
    {
        let fixture = Fixture::new().await;
        let export = format!(r#"(func (export "explain-flags") {parameter} unreachable)"#);
        let each = format!("(if (local.get $bad) (then {HIT}))");
        fixture.upload(told(&export, world, &each)).await.unwrap();
        assert_eq!(fixture.worker().explained(&[5, -1], &[1]), [(1, "seen".to_owned())], "{world}");
    }
}
