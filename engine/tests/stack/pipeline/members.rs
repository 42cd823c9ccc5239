//! Workers and their membership in the group: one that Kafka's client can't bring back is made anew, and two that are one
//! member are told.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::pipeline::proxy::Proxy;
use weir_testkit::broker::PARTITIONS;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::api::{ask, flowing, readyz};
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;

/// A dead member is given up soon, and the cluster is asked all the time.
const QUICK: &str =
    r#""session.timeout.ms" = "3000", "heartbeat.interval.ms" = "200", "topic.metadata.refresh.interval.ms" = "500""#;

/// Until the instance is ready and has all partitions.
fn until_it_has_all(engine: &mut Engine, admin: u16) {
    engine.until("it has all partitions", Duration::from_secs(60), || {
        readyz(admin).0 == 200 && flowing(admin) == Some(PARTITIONS as usize)
    });
}

#[test]
fn a_worker_that_librdkafka_leaves_without_a_broker_is_named_and_made_anew() {
    let quick = format!("rejoin_after = \"5s\"\nproperties = {{ {QUICK} }}");
    let pipeline = TestPipeline::new("forgotten").with("properties = {}", &quick).with_workers(2);
    let generated = Generated::new(&pipeline, 30_000, 43, &[]);
    let proxy = Proxy::before(pipeline.stack.brokers());
    let mut command = pipeline.running(&pipeline.config());
    command.env("WEIR_BROKERS", proxy.address());
    let mut engine = Engine::start(command, pipeline.folder.path().join("run.log"));
    pipeline.until_ready(&mut engine);
    let producer = generated.produce_at(&pipeline, 2_000);
    engine.until("records flow", Duration::from_secs(60), || pipeline.position() > 4_000);

    let began = Instant::now();
    proxy.forget();
    let mut said = String::new();
    engine.within("/readyz names a worker that is no member", Duration::from_secs(30), || {
        let (status, text) = readyz(pipeline.admin);
        said = text;
        status == 503 && said.contains("is not a member of the group") && said.contains(&pipeline.group())
    });
    assert!(said.contains("worker 0 of 2") || said.contains("worker 1 of 2"), "{said}");
    let anew = || pipeline.metric("weir_rejoins_total", "").unwrap_or_default() >= 1.0;
    engine.until("a consumer is made anew", Duration::from_secs(60), anew);
    println!("made anew after {:?}", began.elapsed());
    producer.finish();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    pipeline.until_ready(&mut engine);
    engine.stop();
    pipeline.windows_are("type", &generated.windows);
    let source = pipeline.read(&pipeline.topic());
    pipeline.letters_are(&source, &generated.dirty(&source));
}

/// The partitions of which an instance's `/metrics` has figures.
fn shown(admin: u16) -> BTreeSet<String> {
    let (_, text) = ask(admin, "GET", "/metrics", "text/plain", b"").unwrap_or_default();
    let series = text.lines().filter_map(|line| line.strip_prefix("weir_partition_position{partition=\""));
    series.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn a_partition_that_another_instance_takes_is_in_the_metrics_of_that_one_alone() {
    let quick = format!("properties = {{ {QUICK} }}");
    let pipeline = TestPipeline::new("shown").with("properties = {}", &quick).with_workers(1);
    let logs = ["first", "second"].map(|name| pipeline.folder.path().join(format!("{name}.log")));
    let (mut first, one) = pipeline.start_beside(&logs[0]);
    until_it_has_all(&mut first, one);
    let all = PARTITIONS as usize;
    first.until("all partitions are shown", Duration::from_secs(60), || shown(one).len() == all);
    let (mut second, other) = pipeline.start_beside(&logs[1]);
    second.until("each partition is shown once", Duration::from_secs(60), || {
        let (mine, theirs) = (shown(one), shown(other));
        !mine.is_empty() && !theirs.is_empty() && mine.is_disjoint(&theirs) && mine.len() + theirs.len() == all
    });
    first.stop();
    second.stop();
}

#[test]
fn an_engine_whose_group_instance_id_another_one_takes_ends_and_says_why() {
    let id = format!("properties = {{ {QUICK}, \"group.instance.id\" = \"pod-7\" }}");
    let pipeline = TestPipeline::new("instance").with("properties = {}", &id).with_workers(2);
    let logs = ["first", "second"].map(|name| pipeline.folder.path().join(format!("{name}.log")));
    let (mut first, admin) = pipeline.start_beside(&logs[0]);
    // Two workers are two members, though the configuration has one id.
    until_it_has_all(&mut first, admin);
    let (mut second, admin) = pipeline.start_beside(&logs[1]);
    let status = first.until_ended("another has its id");
    let said = first.said();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().rfind(|line| line.starts_with("weir:")).unwrap_or_else(|| panic!("no last word:\n{said}"));
    assert!(last.contains("group.instance.id") && last.contains("an id of its own"), "{last}");
    until_it_has_all(&mut second, admin);
    second.stop();
}
