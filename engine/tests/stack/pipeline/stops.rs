//! SIGTERM at bad moments: the process ends within a bound, whatever it waits for.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;
use weir_testkit::wait::Fair;

/// What a busy machine may add to any bound.
const SLACK: Duration = Duration::from_millis(1_500);
const DRAIN: Duration = Duration::from_secs(3);

pub(crate) fn ended_within(engine: &mut Engine, asked: Fair, bound: Duration) -> ExitStatus {
    loop {
        if let Some(status) = engine.ended() {
            println!("ended {:?} after SIGTERM: {status}", asked.elapsed());
            return status;
        }
        let waited = asked.elapsed();
        assert!(waited < bound + SLACK, "SIGTERM did not end it within {waited:?}\n{}", engine.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Started, and the first thing that it does is done.
fn begun(pipeline: &TestPipeline) -> Engine {
    let mut engine = pipeline.start();
    let listens = || TcpStream::connect(("127.0.0.1", pipeline.admin)).is_ok();
    engine.until("it listens", Duration::from_secs(30), listens);
    engine
}

fn stopped_in_the_start(pipeline: &TestPipeline, after: Duration) {
    let mut engine = begun(pipeline);
    std::thread::sleep(after);
    let asked = Fair::start();
    engine.signal("TERM");
    let status = ended_within(&mut engine, asked, Duration::from_secs(2));
    assert_eq!((status.code(), status.signal()), (Some(0), None), "{after:?}\n{}", engine.said());
    assert!(engine.said().contains("stopping"), "{}", engine.said());
}

#[test]
fn a_stop_is_heard_while_it_starts_and_ends_in_time_while_kafka_is_silent() {
    // The sessions of members end when the last checkpoint is given up.
    let quick = r#"properties = { "session.timeout.ms" = "3000", "heartbeat.interval.ms" = "200" }"#;
    let pipeline = TestPipeline::on(Arc::new(Stack::up()), "no_kafka", PAYSIM, &RULES)
        .with("properties = {}", quick)
        .with(r#"interval = "1s""#, "interval = \"1s\"\ndrain = \"3s\"")
        .with_workers(1);
    for after in [0, 150, 400] {
        // Rules that no cache knows have to be compiled.
        let cold = tempfile::tempdir().expect("a folder");
        let wrong = format!("[rules]\ncache = {:?}", cold.path());
        let config = pipeline.changed("[rules]", &wrong);
        let warm = std::fs::read_to_string(pipeline.config()).expect("it is there");
        std::fs::write(pipeline.config(), config).expect("the folder is writable");
        stopped_in_the_start(&pipeline, Duration::from_millis(after));
        std::fs::write(pipeline.config(), warm).expect("the folder is writable");
    }

    let generated = Generated::new(&pipeline, 60_000, 41, &[]);
    let logs: Vec<_> = (0..4).map(|n| pipeline.folder.path().join(format!("{n}.log"))).collect();
    let mut engines: Vec<_> = logs.iter().map(|log| pipeline.start_beside(log)).collect();
    for (engine, admin) in &mut engines {
        let has = || weir_testkit::pipeline::api::flowing(*admin) == Some(1);
        engine.until("each has a partition", Duration::from_secs(90), has);
    }
    let producer = generated.produce_at(&pipeline, 4_000);
    engines[0].0.until("records flow", Duration::from_secs(60), || pipeline.position() > 2_000);
    pipeline.service("pause", "kafka");
    let mut asked = Vec::new();
    for (engine, _) in &engines {
        engine.signal("TERM");
        asked.push(Fair::start());
        std::thread::sleep(Duration::from_millis(120));
    }
    for ((engine, _), asked) in engines.iter_mut().zip(&asked) {
        let status = ended_within(engine, *asked, DRAIN + Duration::from_secs(2));
        match status.code() {
            Some(0) => {}
            Some(3) => assert!(engine.said().contains("left undone"), "{}", engine.said()),
            _ => panic!("{status}\n{}", engine.said()),
        }
    }
    // And one that can't even begin.
    stopped_in_the_start(&pipeline, Duration::from_millis(500));
    pipeline.service("resume", "kafka");
    drop(producer);
}

#[test]
fn an_engine_whose_log_nobody_reads_works_on_and_counts_what_it_could_not_say() {
    let pipeline = TestPipeline::new("unread");
    let mut engine = Engine::start_unread(pipeline.running(&pipeline.config()));
    pipeline.until_ready(&mut engine);
    let dropped = pipeline.metric("weir_log_lines_dropped_total", "").unwrap_or_default();
    assert!(dropped > 3.0, "{dropped} lines were dropped");
    engine.stop();
}
