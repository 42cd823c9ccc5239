//! MySQL and Redis away, slow and back while records flow: nothing is lost, memory stays bounded, and `/readyz` and the
//! metrics say so. Each test has a stack of its own to disturb.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use weir_testkit::pipeline::api::readyz;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;

/// What the engine may hold, whatever is away: with the bounds that `way` sets it needs less than half of it.
const MEMORY_MIB: u64 = 256;

/// A pipeline whose buffers are small, so that an outage fills them while the test watches.
fn pipeline(name: &str) -> TestPipeline {
    let small = r#"properties = { "queued.max.messages.kbytes" = "8192" }"#;
    TestPipeline::on(Arc::new(Stack::up()), name, PAYSIM, &RULES)
        .with("properties = {}", small)
        .with(r#"interval = "1s""#, "interval = \"1s\"\nmax_records = 20_000")
}

/// When, and what `/readyz` said.
type Seen = (Instant, u16, String);

/// Asks `/readyz` again and again beside the test.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Seen>>,
}

impl Watch {
    fn of(pipeline: &TestPipeline) -> Self {
        let (stop, admin) = (Arc::new(AtomicBool::new(false)), pipeline.admin);
        let stopped = stop.clone();
        let look = move || {
            let mut seen = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                // Nobody answering would be a finding too: 0.
                let (status, said) = readyz(admin);
                seen.push((Instant::now(), status, said));
                std::thread::sleep(Duration::from_millis(200));
            }
            seen
        };
        Self { stop, thread: std::thread::spawn(look) }
    }

    fn end(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch does not panic")
    }
}

/// Until `/readyz` says 503 and names what is away, which has to be soon; since when it does.
fn told(pipeline: &TestPipeline, engine: &mut Engine, soon: Duration, name: &str) -> Instant {
    engine.within(&format!("/readyz names {name}"), soon, || {
        let (status, said) = pipeline.readyz();
        status == 503 && said.contains(name)
    });
    Instant::now()
}

/// From when it was told to the end of the outage every answer was 503 and named what is away.
fn said_503(seen: &[Seen], (from, to): (Instant, Instant), name: &str) {
    let during: Vec<_> = seen.iter().filter(|(at, ..)| *at > from && *at < to).collect();
    assert!(during.len() > 5, "/readyz answered {} times", during.len());
    for (at, status, said) in during {
        assert_eq!(*status, 503, "{:?} into it: {said}", *at - from);
        assert!(said.contains(name), "{name} is not named {:?} into it: {said}", *at - from);
    }
}

/// What GET /pipeline knows of the lookup `customer`.
fn lookup(pipeline: &Value) -> Value {
    let all = pipeline["dependencies"].as_array().expect("a list");
    all.iter().find(|dependency| dependency["name"] == "lookup.customer").expect("it is configured").clone()
}

/// Greatest memory over the time, while the engine runs on.
fn memory_over(engine: &mut Engine, time: Duration) -> u64 {
    let (end, mut most) = (Instant::now() + time, 0);
    while Instant::now() < end {
        engine.runs();
        most = most.max(engine.memory());
        std::thread::sleep(Duration::from_millis(200));
    }
    most
}

fn all_is_exact(pipeline: &TestPipeline, generated: &Generated, mut engine: Engine) {
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    pipeline.until_ready(&mut engine);
    engine.stop();
    pipeline.windows_are("type", &generated.windows);
    let source = pipeline.read(&pipeline.topic());
    pipeline.letters_are(&source, &generated.dirty(&source));
}

#[test]
fn the_database_away_for_ten_seconds_loses_nothing_and_is_named() {
    let pipeline = pipeline("no_store");
    let generated = Generated::new(&pipeline, 300_000, 9, &[]);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    // Nothing flows yet: readiness does not wait for a checkpoint that fails.
    pipeline.service("pause", "mysql");
    engine.within("/readyz says that the store is silent", Duration::from_secs(10), || !pipeline.is_ready());
    let ready = || pipeline.metric("weir_ready", "");
    engine.within("the metric says so, too", Duration::from_secs(10), || ready() == Some(0.0));
    pipeline.service("resume", "mysql");
    pipeline.until_ready(&mut engine);
    engine.until("the metric says that it is ready", Duration::from_secs(10), || ready() == Some(1.0));

    let watch = Watch::of(&pipeline);
    let producer = generated.produce_at(&pipeline, 15_000);
    engine.until("records flow", Duration::from_secs(20), || pipeline.position() > 20_000);
    let before = engine.memory();

    pipeline.service("stop", "mysql");
    let from = told(&pipeline, &mut engine, Duration::from_secs(4), "the store of [sink]");
    let most = memory_over(&mut engine, Duration::from_secs(10));
    let up = |value: f64| pipeline.metric("weir_store_up", "") == Some(value);
    engine.until("the metric says that the database is away", Duration::from_secs(5), || up(0.0));
    let to = Instant::now();
    pipeline.service("start", "mysql");
    producer.finish();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    pipeline.until_ready(&mut engine);
    engine.until("the metric says that it is back", Duration::from_secs(5), || up(1.0));
    println!("memory: {before} MiB before, {most} MiB at most in 10 s without the database");
    assert!(most < MEMORY_MIB, "{most} MiB in the outage, {before} before");
    all_is_exact(&pipeline, &generated, engine);
    said_503(&watch.end(), (from, to), "the store of [sink]");
}

#[test]
fn redis_stopped_silent_and_slow_loses_nothing_and_is_named() {
    // Nothing is remembered for long, so that records need Redis all the time.
    // And by one worker: what two judge again when they share partitions counts twice in the metric.
    let pipeline = pipeline("no_redis")
        .with_workers(1)
        .with(r#"cache = { entries = 100_000, ttl = "60s" }"#, r#"cache = { entries = 100, ttl = "1s" }"#);
    let generated = Generated::new(&pipeline, 260_000, 19, &[]);
    let mut wrong = pipeline.running(&pipeline.config());
    wrong.env("WEIR_REDIS_URL", pipeline.stack.redis().replace("redis://", "redis://:wr0ng@"));
    let wrong = wrong.output().expect("weir runs");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(said.contains("weir: lookup.customer: lookup.customer.url holds a password, and Redis has none"), "{said}");
    assert!(!said.contains("wr0ng"), "{said}");
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let watch = Watch::of(&pipeline);
    let producer = generated.produce_at(&pipeline, 10_000);
    let flow = |engine: &mut Engine| {
        let before = pipeline.position();
        engine.until("records flow", Duration::from_secs(30), || pipeline.position() > before + 5_000);
    };
    flow(&mut engine);
    let failures = || pipeline.metric("weir_lookup_failures_total", "customer").unwrap_or_default();
    let up = |value: f64| pipeline.metric("weir_lookup_up", "customer") == Some(value);
    let (mut most, mut outages, mut failed) = (0, Vec::new(), failures());
    for (away, back) in [("stop", "start"), ("pause", "resume")] {
        pipeline.service(away, "redis");
        let from = told(&pipeline, &mut engine, Duration::from_secs(2), "customer");
        most = most.max(memory_over(&mut engine, Duration::from_secs(5)));
        assert!(failures() > failed, "failures of the lookup are counted");
        // Only what needs Redis waits for it.
        let all = || pipeline.metric("weir_records_total", "") == Some(pipeline.position() as f64);
        engine.until("what was judged before is committed", Duration::from_secs(20), all);
        engine.until("the metric says that Redis is away", Duration::from_secs(5), || up(0.0));
        let customer = lookup(&pipeline.get("/pipeline"));
        assert_eq!(customer["state"], "away", "after {away}");
        assert!(customer["last_error"]["message"].as_str().is_some_and(|why| !why.is_empty()), "{customer}");
        failed = failures();
        outages.push((from, Instant::now()));
        pipeline.service(back, "redis");
        pipeline.until_ready(&mut engine);
        flow(&mut engine);
        engine.until("the metric says that it is back", Duration::from_secs(5), || up(1.0));
    }
    // Slow: half of the time it answers nobody, for less than the time-out.
    let (before, end) = (pipeline.position(), Instant::now() + Duration::from_secs(4));
    while Instant::now() < end {
        pipeline.redis(&["client", "pause", "100", "all"]);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(pipeline.position() > before, "records flow, though slowly");
    // Waiting does not fix a right that is gone: it has words of its own, until it is given back.
    pipeline.redis(&["acl", "setuser", "default", "-hmget"]);
    let keys = format!("ACL SETUSER USER +hmget ~{}:customer:*", pipeline.name);
    let parts = ["may not read the hashes", &keys];
    let said = pipeline.until_readyz_says(&mut engine, &parts);
    assert!(!said.contains("does not answer"), "{said}");
    let conditions = pipeline.get("/pipeline")["conditions"].to_string();
    assert!(conditions.contains("lookup.refused"), "{conditions}");
    pipeline.redis(&["acl", "setuser", "default", "+hmget"]);
    pipeline.until_ready(&mut engine);
    producer.finish();
    println!("memory: {most} MiB at most without Redis");
    assert!(most < MEMORY_MIB, "{most} MiB in an outage");
    all_is_exact(&pipeline, &generated, engine);
    let seen = watch.end();
    for outage in outages {
        said_503(&seen, outage, "customer");
    }
}
