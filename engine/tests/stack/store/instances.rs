//! Rows by which the instances of a pipeline know of each other.

use std::time::Duration;

use weir::model::instance::Beat;

use crate::store::fixture::*;

/// What an instance says of itself.
pub(crate) fn beat(instance: &str, state: &str) -> Beat {
    Beat {
        instance: instance.into(),
        address: format!("http://{instance}:8080"),
        version: "1.0.0".into(),
        started_at: 1_000,
        state: state.into(),
    }
}

/// Each sees all of its own pipeline, with how long ago the database heard of them, and of the silent ones no state.
pub(crate) async fn instances_see_each_other_and_who_is_silent(url: &str) {
    let store = prepared(url, "beats").await;
    let other = prepared(url, "beats_of_others").await;
    other.beat(&beat("stranger", "{}"), 10_000).await.unwrap();
    let state = "é".repeat(Beat::STATE / 2);
    store.beat(&beat("a", &state), 10_000).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let rows = store.beat(&beat("b", "{}"), 200).await.unwrap();
    let known: Vec<_> = rows.iter().map(|row| (&*row.instance, &*row.address, row.state.len())).collect();
    assert_eq!(known, [("b", "http://b:8080", 2), ("a", "http://a:8080", 0)], "the one heard of last is the first");
    assert!(rows[0].age_ms < 250 && rows[1].age_ms >= 250, "{rows:?}");
    let rows = store.beat(&beat("b", "[]"), 60_000).await.unwrap();
    assert_eq!((&*rows[0].state, rows[1].state == state), ("[]", true), "written anew, and read whole");

    store.leave("b").await.unwrap();
    let rows = store.beat(&beat("c", "{}"), 60_000).await.unwrap();
    assert_eq!(rows.iter().map(|row| &*row.instance).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(store.forget_instances(60_000).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.beat(&beat("c", "{}"), 0).await.unwrap();
    assert_eq!(store.forget_instances(250).await.unwrap(), 1, "the one that was silent");
    let rows = other.beat(&beat("stranger", "{}"), 0).await.unwrap();
    assert_eq!(rows.len(), 1, "another pipeline's stays");
}
