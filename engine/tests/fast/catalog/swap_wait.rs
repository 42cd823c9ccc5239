//! What the first batch by a new set waits for it, as the metric tells.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::catalog::fixture::Fixture;
use crate::catalog::module::{Guest, SLOW};

/// 100 million turns of a loop take no processor less, in seconds.
const LEAST: f64 = 0.02;

fn value(handle: &PrometheusHandle, of: &str) -> f64 {
    let name = format!("weir_rules_swap_wait_seconds_{of} ");
    handle.render().lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn the_first_batch_by_a_new_set_waits_for_its_instances_and_no_other_batch_does() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Of this thread, on which a test's runtime runs all that is async.
    let _local = metrics::set_default_local_recorder(&recorder);
    let mut fixture = Fixture::new();
    fixture.config.rules.timeout = Duration::from_secs(30);
    let catalog = fixture.open().await;
    let mut judge = catalog.judge_of_a_worker();
    let mut batch = || judge.judge(&catalog.catalog.live(), &catalog.batch(&[1]), &mut Vec::new()).unwrap();

    catalog.publish(&Guest::new("one").configure(SLOW)).await;
    batch();
    assert_eq!(value(&handle, "count"), 0.0, "a start is no swap");
    catalog.publish(&Guest::new("one").configure(SLOW).version("2.0.0")).await;
    batch();
    let waited = value(&handle, "sum");
    assert!(waited >= LEAST, "configure is in it: {waited} s");
    batch();
    assert_eq!((value(&handle, "count"), value(&handle, "sum")), (1.0, waited), "the second batch waits for nothing");
    catalog.publish(&Guest::new("two")).await;
    batch();
    assert_eq!(value(&handle, "count"), 2.0);
}
