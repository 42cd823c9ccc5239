//! kill -9, again and again while it works: nothing lost, nothing twice.

use std::time::{Duration, Instant};

use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::generated::Generated;

const KILLS: u32 = 20;

#[test]
fn kill_nine_and_restart_twenty_times_is_still_exact() {
    // A dead member is given up soon, though one that lives keeps its partitions while the broker is busy. A checkpoint is small, so that many of them fall between two kills.
    let quick = r#""session.timeout.ms" = "3000", "heartbeat.interval.ms" = "200""#;
    let small = r#", "fetch.message.max.bytes" = "8192", "queued.min.messages" = "500""#;
    let pipeline = TestPipeline::new("killed")
        .with("properties = {}", &format!("properties = {{ {quick}{small} }}"))
        .with(r#"interval = "1s""#, "interval = \"200ms\"\nmax_records = 1_000");
    let generated = Generated::new(&pipeline, 400_000, 11, &[]);
    generated.produce(&pipeline);
    let end = pipeline.end();
    let began = Instant::now();
    let (mut chance, mut at, mut at_work) = (0x9E37_79B9_7F4A_7C15_u64, 0, Vec::new());
    for kill in 0..KILLS {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let mut engine = pipeline.start();
        // Every fourth dies at any moment of its start, the others at any moment after they moved on.
        let started = kill % 4 == 3;
        if !started {
            engine.until("the position moves on", Duration::from_secs(40), || pipeline.position() > at);
        }
        std::thread::sleep(Duration::from_millis(chance % if started { 2_000 } else { 400 }));
        engine.runs();
        engine.kill();
        let now = pipeline.position();
        assert!(now >= at, "the position went back from {at} to {now}");
        if now > at && now < end {
            at_work.push(now);
        }
        at = now;
        assert!(at < end || kill + 1 == KILLS, "all {end} records were read by kill {kill}: it needs more of them");
    }
    println!("{KILLS} kills in {:?}, those at work at positions {at_work:?} of {end}", began.elapsed());
    assert!(at_work.len() >= 10, "killed while it worked: only {} of {KILLS}, {at_work:?} of {end}", at_work.len());

    let pipeline = pipeline.with("max_records = 1_000", "max_records = 100_000").with(small, "");
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    engine.stop();
    pipeline.windows_are("type", &generated.windows);
    let source = pipeline.read(&pipeline.topic());
    pipeline.letters_are(&source, &generated.dirty(&source));
}
