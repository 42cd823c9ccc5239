//! Forty rules that take all the time they get: a stop and the group are heard beside them all the same.

use std::time::Duration;

use crate::pipeline::stops::ended_within;
use weir_testkit::broker::member::Member;
use weir_testkit::guest::kinds;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::{PAYSIM, TestPipeline, shared};
use weir_testkit::wait::Fair;

/// Rules, each of which takes `rules.timeout`, a second, twice for every batch of more than 20 records: 80 s a batch.
const RULES: usize = 40;
const DRAIN: Duration = Duration::from_secs(3);
/// From another member's coming until it has partitions: a batch is given up, and what was judged has `DRAIN` to be committed.
const LET_GO: Duration = Duration::from_secs(15);

#[test]
fn a_stop_and_a_rebalance_are_heard_beside_forty_rules_that_take_all_their_time() {
    let quick = r#"properties = { "session.timeout.ms" = "6000", "heartbeat.interval.ms" = "200" }"#;
    let pipeline = TestPipeline::on(shared(), "dear_rules", PAYSIM, &[])
        .with("properties = {}", quick)
        .with(r#"interval = "1s""#, "interval = \"1s\"\ndrain = \"3s\"");
    for n in 0..RULES {
        let name = format!("many_{n:02}");
        std::fs::write(pipeline.rules().join(format!("{name}.wasm")), weir_testkit::guest::module(&name, kinds::MANY))
            .expect("writable");
    }
    Generated::new(&pipeline, 60_000, 47, &["--clean"]).produce(&pipeline);

    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    engine.until("they judge", Duration::from_secs(60), || judges(&pipeline));
    let asked = Fair::start();
    engine.signal("TERM");
    let status = ended_within(&mut engine, asked, DRAIN + Duration::from_secs(2));
    assert_eq!(status.code(), Some(0), "{}", engine.said());
    // A first batch may have been of fewer records, which the rules pass.
    assert!(pipeline.position() < 1_000, "the batch was given up whole: {}", pipeline.position());

    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    engine.until("they judge", Duration::from_secs(60), || judges(&pipeline));
    let member = Member::of(&pipeline);
    engine.within("the engine lets partitions go", LET_GO, || member.partitions() > 0);
    assert!(pipeline.position() < 1_000, "they were let go in the midst of a batch: {}", pipeline.position());
    drop(member);
    let asked = Fair::start();
    engine.signal("TERM");
    ended_within(&mut engine, asked, DRAIN + Duration::from_secs(2));
}

/// Whether a rule took time, so that a batch is under way.
fn judges(pipeline: &TestPipeline) -> bool {
    pipeline.metric("weir_rule_cpu_seconds_total", "") > Some(0.0)
}
