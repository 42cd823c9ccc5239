//! `on_failure`: what a row gets that a rule fails on. The default, a dead letter, is what all the other tests see.

use std::time::Duration;

use weir::model::catalog::Mode;
use weir::rules::Patch;

use crate::hostile_modules::fixture::{BATCH, Fixture, of};
use weir_testkit::guest::Guest;
use weir_testkit::wait::Fair;

const TRAP: &str = "(if (local.get $bad) (then unreachable))";

async fn fixture(on_failure: &str) -> Fixture {
    let fixture = Fixture::with(&format!("[rule.hostile]\non_failure = \"{on_failure}\"")).await;
    fixture.publish(Guest::hostile(TRAP)).await;
    fixture.publish(Guest::good("the_good_rule")).await;
    fixture
}

#[tokio::test]
async fn skip_lets_the_row_pass_and_counts_it() {
    let fixture = fixture("skip").await;
    let found = fixture.worker().judge(&BATCH);
    assert_eq!(of("hostile", &found), []);
    assert_eq!(of("the_good_rule", &found), [(3, "BAD".to_owned())], "no other rule is skipped");
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 1)].into());
}

#[tokio::test]
async fn skip_holds_past_the_bound_too_and_trips_the_breaker() {
    let fixture = fixture("skip").await;
    let mut worker = fixture.worker();
    assert_eq!(of("hostile", &worker.judge(&[-1; 20])), []);
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 20)].into());
    assert_eq!(worker.trips(), 1);
}

#[tokio::test]
async fn halt_names_rule_code_and_record() {
    let fixture = fixture("halt").await;
    let mut worker = fixture.worker();
    assert_eq!(worker.judge(&[1, 2]), [], "a good batch does not halt");
    let halt = worker.try_judge(&BATCH.map(Some)).unwrap_err();
    assert_eq!((halt.rule.as_str(), halt.code, halt.offset.0), ("hostile", "RULE_TRAP", 103));
    let text = halt.to_string();
    assert!(text.starts_with("rule hostile failed on offset 103 of partition 0"), "{text}");
    assert!(text.contains("RULE_TRAP: wasm trap: ") && text.contains("on_failure"), "{text}");
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 1)].into());
}

#[tokio::test]
async fn halt_comes_at_the_first_row_that_fails_and_trips_no_breaker() {
    let fixture = fixture("halt").await;
    let mut worker = fixture.worker();
    let began = Fair::start();
    for _ in 0..20 {
        worker.try_judge(&[Some(-1); 500]).unwrap_err();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // A restart has to meet the same rule: the operator chose to stop rather than to go on without it.
    assert_eq!(worker.trips(), 0);
}

#[tokio::test]
async fn a_shadow_rule_halts_nothing() {
    let fixture = fixture("halt").await;
    let shadow = Patch { mode: Some(Mode::Shadow), ..Patch::default() };
    fixture.catalog.patch("hostile", shadow, "test").await.unwrap();
    let found = fixture.worker().judge(&BATCH);
    assert_eq!((of("hostile", &found), found.len()), (vec![], 1));
    assert_eq!(fixture.failures("hostile"), [("RULE_TRAP".to_owned(), 1)].into());
}
