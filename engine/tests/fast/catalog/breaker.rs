//! What a rule that keeps failing goes back to.

use std::time::Duration;

use weir::model::catalog::Mode;

use crate::catalog::fixture::{Fixture, Opened, by_api, set, within};
use crate::catalog::module::{Guest, TRAPS_RARELY};

const SOON: Duration = Duration::from_secs(5);

/// Version 1 of a rule judges well; later ones trap on 4242.
fn good() -> Guest {
    Guest::new("swapped")
}

fn bad(version: &str) -> Guest {
    Guest::new("swapped").version(version).judge(TRAPS_RARELY)
}

async fn trip_and_wait(catalog: &Opened) {
    let revision = catalog.catalog.live().revision;
    catalog.judge_until_it_trips(4_242);
    within(SOON, "the breaker acts", || catalog.catalog.live().revision > revision).await;
}

#[tokio::test]
async fn a_bad_version_goes_back_to_the_good_one_before_it() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let v1 = catalog.publish(&good()).await.sha256;
    let v2 = catalog.publish(&bad("2.0.0")).await.sha256;
    assert_eq!(catalog.judge(4_242), ["RULE_TRAP"]);

    trip_and_wait(&catalog).await;
    assert_eq!((catalog.sha("swapped"), catalog.suspended("swapped")), (Some(v1), None));
    assert!(catalog.judge(4_242).is_empty());
    let line = catalog.audit().await;
    assert_eq!((line.who.as_str(), line.action.as_str(), line.revision), ("engine", "trip", 3));
    assert!(line.detail.starts_with(&format!("{v2} -> {v1}: RULE_TRAP")), "{line:?}");
}

#[tokio::test]
async fn two_bad_versions_never_swing() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let v1 = catalog.publish(&good()).await.sha256;
    catalog.publish(&bad("2.0.0")).await;
    trip_and_wait(&catalog).await;
    catalog.publish(&bad("3.0.0")).await;
    trip_and_wait(&catalog).await;
    assert_eq!(catalog.sha("swapped"), Some(v1), "not the second, which tripped before");

    // The same where no good one is left: bad, worse, then nothing.
    let other = |version: &str| Guest { name: "hopeless".into(), ..bad(version) };
    catalog.publish(&other("1.0.0")).await;
    let worse = catalog.publish(&other("2.0.0")).await.sha256;
    trip_and_wait(&catalog).await;
    trip_and_wait(&catalog).await;
    assert!(catalog.suspended("hopeless").unwrap().contains("RULE_TRAP"));
    assert_ne!(catalog.sha("hopeless"), Some(worse));
}

#[tokio::test]
async fn a_version_that_never_acted_is_not_gone_back_to() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let off = weir::rules::Publish { mode: Some(Mode::Off), ..by_api() };
    catalog.catalog.publish(good().wasm(), off).await.unwrap();
    let v2 = catalog.publish(&bad("2.0.0")).await.sha256;
    catalog.mode("swapped", Mode::Live).await;
    trip_and_wait(&catalog).await;
    assert_eq!(catalog.sha("swapped"), Some(v2));
    assert!(catalog.suspended("swapped").unwrap().contains("RULE_TRAP"));
}

#[tokio::test]
async fn a_rule_without_a_version_before_is_suspended() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let only = catalog.publish(&bad("1.0.0")).await.sha256;
    trip_and_wait(&catalog).await;
    assert!(catalog.suspended("swapped").unwrap().contains("RULE_TRAP"));
    assert!(catalog.judge(4_242).is_empty(), "a suspended rule judges nothing");
    let line = catalog.audit().await;
    assert_eq!((line.who.as_str(), line.action.as_str()), ("engine", "suspend"));
    assert!(line.detail.starts_with(&only.to_string()), "{line:?}");
}

#[tokio::test]
async fn the_good_version_is_known_after_a_restart_too() {
    let fixture = Fixture::new();
    let v1 = {
        let catalog = fixture.open().await;
        let v1 = catalog.publish(&good()).await.sha256;
        catalog.publish(&bad("2.0.0")).await;
        v1
    };
    let catalog = fixture.open().await;
    let _running = catalog.run();
    trip_and_wait(&catalog).await;
    assert_eq!(catalog.sha("swapped"), Some(v1));
}

#[tokio::test]
async fn a_trip_of_a_version_that_is_out_of_force_already_changes_nothing() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&bad("1.0.0")).await;
    // It trips, and a person fixes it before the breaker gets to it.
    catalog.judge_until_it_trips(4_242);
    let fixed = catalog.publish(&good()).await;
    let _running = catalog.run();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((catalog.sha("swapped"), catalog.suspended("swapped")), (Some(fixed.sha256), None));
    assert_eq!(catalog.catalog.live().revision, fixed.revision);
}

#[tokio::test]
async fn a_trip_does_not_undo_what_a_person_did_meanwhile_with_the_same_bytes() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let only = catalog.publish(&bad("1.0.0").parameter("limit", "10")).await.sha256;
    // It trips, and a person fixes it by a parameter before the breaker gets to it.
    catalog.judge_until_it_trips(4_242);
    let fixed = catalog.catalog.patch("swapped", set(&[("limit", Some("7"))]), "test").await.unwrap();
    let running = catalog.run();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((catalog.sha("swapped"), catalog.suspended("swapped")), (Some(only), None));
    assert_eq!(catalog.catalog.live().revision, fixed);

    trip_and_wait(&catalog).await;
    assert!(catalog.suspended("swapped").is_some(), "the fix was none: it trips again");
    drop(running);
}

#[tokio::test]
async fn a_trip_does_not_undo_what_another_instance_did_meanwhile() {
    let fixture = Fixture::new();
    let here = fixture.open().await;
    here.publish(&bad("1.0.0").parameter("limit", "10")).await;
    let there = fixture.open().await;
    let fixed = there.catalog.patch("swapped", set(&[("limit", Some("7"))]), "test").await.unwrap();
    // It trips on the set that it still has.
    here.judge_until_it_trips(4_242);
    let _running = here.run();
    within(SOON, "it takes the other's set", || here.catalog.live().revision >= fixed).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((here.catalog.live().revision, here.suspended("swapped")), (fixed, None));
}
