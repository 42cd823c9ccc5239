//! Two instances on one store.

use std::time::{Duration, Instant};

use crate::catalog::fixture::{Fixture, within};
use crate::catalog::module::Guest;
use weir_testkit::wait::Fair;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_swap_on_one_reaches_the_other_within_two_seconds() {
    let fixture = Fixture::new();
    let (here, there) = (fixture.open().await, fixture.open().await);
    let _running = there.run();
    let mut took = Vec::new();
    for version in ["1.0.0", "2.0.0", "3.0.0", "4.0.0"] {
        let published = here.publish(&Guest::new("swapped").version(version)).await;
        let began = Fair::start();
        within(SOON, version, || there.sha("swapped") == Some(published.sha256)).await;
        took.push(began.elapsed());
        assert_eq!(there.catalog.live().revision, published.revision);
    }
    here.catalog.retire("swapped", "test").await.unwrap();
    let began = Instant::now();
    within(SOON, "retired", || there.rule("swapped").is_none()).await;
    took.push(began.elapsed());
    // Most: a busy machine may hold up one of them.
    took.sort();
    assert!(took[took.len() / 2] < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn changes_at_once_on_both_end_applied() {
    let fixture = Fixture::new();
    let (here, there) = (fixture.open().await, fixture.open().await);
    let (left, right) = (["a", "b", "c"].map(Guest::new), ["x", "y", "z"].map(Guest::new));
    for (one, other) in left.iter().zip(&right) {
        let (one, other) = tokio::join!(here.try_publish(one), there.try_publish(other));
        assert!(one.unwrap().new && other.unwrap().new);
    }
    let set = here.store.rule_set().await.unwrap();
    let names: Vec<_> = set.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!((names, set.revision.0), (vec!["a", "b", "c", "x", "y", "z"], 6));
}

#[tokio::test]
async fn an_instance_that_a_new_set_does_not_fit_keeps_judging_by_the_one_it_has() {
    let mut fixture = Fixture::new();
    let here = fixture.open().await;
    fixture.config.record.fields.remove("name_dest");
    let behind = fixture.open().await;
    let _running = behind.run();
    here.publish(&Guest::new("steady")).await;
    within(SOON, "the one that fits", || behind.rule("steady").is_some()).await;
    here.publish(&Guest::new("reader").field("name_dest", crate::catalog::module::TEXT, false)).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(behind.catalog.live().revision.0, 1);
    assert_eq!(here.store.revision().await.unwrap().0, 2, "it suspends nothing for the others");
    // A file that comes there meanwhile waits, and says for what.
    std::fs::write(fixture.file("dropped.wasm"), Guest::new("dropped").wasm()).unwrap();
    let waits =
        || behind.directory.problems().iter().any(|p| p.message.contains("the stored rule reader does not fit"));
    within(SOON, "the file waits", waits).await;
    here.catalog.retire("reader", "test").await.unwrap();
    within(SOON, "what fits again", || behind.rule("reader").is_none()).await;
    within(SOON, "the file", || behind.rule("dropped").is_some()).await;
    within(SOON, "no problem is left", || behind.directory.problems().is_empty()).await;
}
