//! Who is at fault when a batch fails, within which bounds that is asked, and when the breaker trips.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use weir::rules::Judge;

use crate::hostile_modules::fixture::{BATCH, Fixture, of};
use weir_testkit::guest::{GOOD, Guest};
use weir_testkit::wait::Fair;

const TRAP: &str = "(if (local.get $bad) (then unreachable))";

const AMOUNT: &str =
    "(i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8))))";

#[tokio::test]
async fn rows_that_are_slow_but_pass_alone_are_asked_for_a_second_only() {
    let fixture = Fixture::new().await;
    // About 5 ms of work for a row whose amount is 7.
    let slow = format!(
        "(if (i64.eq {AMOUNT} (i64.const 7)) (then
           (loop (global.set $attack (i32.add (global.get $attack) (i32.const 1)))
             (br_if 0 (i32.lt_u (global.get $attack) (i32.const 4000000))))
           (global.set $attack (i32.const 0))))"
    );
    fixture.publish(Guest::hostile(&slow)).await;
    let mut worker = fixture.worker();
    let began = Fair::start();
    let found = of("hostile", &worker.judge(&[7; 2_000]));
    let (fair, took) = (began.elapsed(), began.wall());
    assert!(fair < Duration::from_secs(4), "{fair:?}");
    assert!(took > Duration::from_secs(1), "{took:?}: the rule is not slow enough to test anything");
    assert!(found.len() < 1_999, "some rows were asked and passed: {} failed", found.len());
    // The rest shares what befell the batch.
    assert_eq!(found.last().unwrap(), &(1_999, "RULE_TIMEOUT".to_owned()));
    assert_eq!(worker.trips(), 1);
}

#[tokio::test]
async fn after_eight_culprits_the_rest_is_failed_unasked() {
    let fixture = Fixture::new().await;
    fixture.publish(Guest::hostile(TRAP)).await;
    fixture.publish(Guest::good("the_good_rule")).await;
    let mut worker = fixture.worker();
    // Eight bad rows, then good ones: they are not asked any more.
    let amounts: Vec<i64> = [1, 1].into_iter().chain([-1; 8]).chain([1; 90]).collect();
    let found = worker.judge(&amounts);
    let failed = of("hostile", &found);
    assert_eq!(failed, (2..100).map(|row| (row, "RULE_TRAP".to_owned())).collect::<Vec<_>>());
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 98)].into());
    let last = found.last().unwrap();
    assert!(last.detail.starts_with("not judged, 8 rows of its batch had failed before: wasm trap"), "{}", last.detail);
    assert_eq!(of("the_good_rule", &found), (2..10).map(|row| (row, "BAD".to_owned())).collect::<Vec<_>>());
    assert_eq!(worker.trips(), 1);
}

#[tokio::test]
async fn seven_culprits_in_a_batch_cost_seven_rows_and_trip_nothing() {
    let fixture = Fixture::new().await;
    fixture.publish(Guest::hostile(TRAP)).await;
    let mut worker = fixture.worker();
    let amounts: Vec<i64> = [-1; 7].into_iter().chain([1; 90]).collect();
    for _ in 0..10 {
        assert_eq!(worker.judge(&amounts).len(), 7);
    }
    assert_eq!(worker.trips(), 0);
}

#[tokio::test]
async fn memory_that_leaks_over_rows_is_no_rows_fault() {
    let leak = "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))";
    let each = format!("{leak}{GOOD}");
    let fixture = Fixture::new().await;
    fixture.publish(Guest::hostile(&each)).await;
    let mut worker = fixture.worker();
    let mut amounts = [1; 1_000];
    amounts[700] = -1;
    // 16 MiB hold 192 more pages: the batch fails, and so does an instance that has judged 192 rows one by one.
    for _ in 0..3 {
        assert_eq!(of("hostile", &worker.judge(&amounts)), [(700, "BAD".to_owned())]);
    }
    assert_eq!(fixture.failures("hostile").len(), 0);
    assert_eq!(worker.trips(), 1, "a search for each batch, which finds nobody: three trip");
}

#[tokio::test]
async fn one_bad_row_in_ten_thousand_never_trips_though_batches_are_of_one_row() {
    let fixture = Fixture::new().await;
    fixture.publish(Guest::hostile(TRAP)).await;
    let mut worker = fixture.worker();
    for _ in 0..5 {
        // As a producer sends a bad record again and again, in a batch each.
        for _ in 0..4 {
            assert_eq!(of("hostile", &worker.judge(&[-1])), [(0, "RULE_TRAP".to_owned())]);
        }
        worker.judge(&[1]);
    }
    assert_eq!(worker.trips(), 0);
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 20)].into());
}

#[tokio::test]
async fn a_rule_that_always_fails_trips_though_batches_are_small() {
    for (rows, batches) in [(1, 8), (2, 4), (4, 3)] {
        let fixture = Fixture::new().await;
        fixture.publish(Guest::hostile(TRAP)).await;
        let mut worker = fixture.worker();
        for _ in 1..batches {
            worker.judge(&vec![-1; rows]);
        }
        assert_eq!(worker.trips(), 0, "before batch {batches} of {rows} rows");
        worker.judge(&vec![-1; rows]);
        assert_eq!(worker.trips(), 1, "after batch {batches} of {rows} rows");
    }
}

#[tokio::test]
async fn rows_that_a_rule_does_not_apply_to_are_never_its_failures() {
    let fixture = Fixture::new().await;
    // This guest traps where a column says that a row has no value; the SDK would have skipped the row.
    let lacks = "(if (i32.load offset=24 (local.get $columns)) (then unreachable))";
    let flags = Guest { more: r#"(data (i32.const 1316) "\01")"#, ..Guest::hostile(lacks) };
    fixture.publish(flags).await;
    let mut worker = fixture.worker();
    for _ in 0..20 {
        assert_eq!(worker.try_judge(&[Some(1), None, Some(2)]).unwrap(), []);
    }
    assert_eq!((fixture.failures("hostile").len(), worker.trips()), (0, 0));
}

#[tokio::test]
async fn a_version_that_always_fails_gives_way_to_the_one_before_it() {
    let fixture = Fixture::new().await;
    let before = fixture.publish(Guest::good("hostile")).await;
    fixture.publish(Guest::hostile(TRAP)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(fixture.run(stop.clone()));
    let mut judge = Judge::new(fixture.runtime(), fixture.catalog.trips());
    let began = Fair::start();
    while !fixture.catalog.live().rules.iter().any(|rule| rule.id.sha256 == before.sha256) {
        assert!(began.elapsed() < Duration::from_secs(20), "the breaker did not bring the older version back");
        judge.judge(&Arc::clone(&fixture.catalog.live()), &fixture.rows(&[-1; 4]), &mut Vec::new()).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(of("hostile", &fixture.worker().judge(&BATCH)), [(3, "BAD".to_owned())]);
    stop.cancel();
    running.await.unwrap();
}
