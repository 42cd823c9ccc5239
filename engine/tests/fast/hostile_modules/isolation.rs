//! What dear rules cost those beside them.

use weir::model::catalog::{Mode, Origin};
use weir::rules::Publish;

use crate::hostile_modules::fixture::{Fixture, of};
use weir_testkit::guest::Guest;
use weir_testkit::guest::kinds;

fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[tokio::test]
async fn forty_shadow_rules_of_each_kind_take_no_more_than_their_share() {
    for kind in ["loops", "many", "slow", "fills", "traps"] {
        let (each, more) = kinds::of(kind);
        let fixture = Fixture::new().await;
        fixture.publish(Guest::good("the_good_rule")).await;
        for n in 0..40 {
            let name = format!("shadow_{n}");
            let wasm = Guest { each: &each, more: &more, ..Guest::good(&name) }.core();
            let how = Publish {
                origin: Origin::Api,
                source: "test".into(),
                who: "test".into(),
                reason: None,
                seen: None,
                order: None,
                mode: Some(Mode::Shadow),
                replace: false,
            };
            fixture.catalog.publish(wasm, how).await.unwrap();
        }
        let mut worker = fixture.worker();
        let mut amounts = [5; 1_000];
        amounts[700] = -1;
        // One batch after the other, without them and beside them; nobody acts on what trips, so it never gets better.
        let began = cpu();
        let mut batches = 0;
        while cpu() - began < 1.0 {
            assert_eq!(of("the_good_rule", &worker.judge(&amounts)), [(700, "BAD".to_owned())]);
            batches += 1;
        }
        let shadow: u64 = fixture
            .catalog
            .live()
            .rules
            .iter()
            .filter(|rule| rule.mode == Mode::Shadow)
            .map(|rule| rule.stats.nanos.load(std::sync::atomic::Ordering::Relaxed))
            .sum();
        // 0.1 s of credit at the start, 10 % of the rest, and the call at hand.
        assert!(shadow < 450_000_000, "{kind}: {shadow} ns of 1 s, {batches} batches");
        assert!(batches > 100, "{kind}: {batches} batches a second");
    }
}

#[tokio::test]
async fn one_that_loops_on_large_batches_trips_though_each_row_passes_alone() {
    let fixture = Fixture::new().await;
    fixture.publish(Guest::hostile(kinds::MANY)).await;
    let mut worker = fixture.worker();
    for batch in 1..=3 {
        assert_eq!(worker.trips(), 0, "before batch {batch}");
        assert!(of("hostile", &worker.judge(&[5; 30])).is_empty(), "each row passes");
    }
    assert_eq!(worker.trips(), 1);
}
