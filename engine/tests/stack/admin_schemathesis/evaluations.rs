//! `POST /evaluate` beside rules that take all the time and memory they get: so many at once, so long, so much memory, and no
//! longer than somebody waits for the answer.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{PUBLISHER, connect, guard};
use weir_testkit::guest::kinds;
use weir_testkit::pipeline::{PAYSIM, TestPipeline};
use weir_testkit::wait::Fair;

/// Of each of two kinds.
const RULES: usize = 20;
/// As long as all rules of an evaluation may take, and what a call takes that is not given up in its midst.
const BOUND: Duration = Duration::from_secs(7);

/// Status and body of an evaluation of 30 records, and how long it took.
fn evaluate(pipeline: &TestPipeline) -> (u16, Value, Duration) {
    let (config, began) = (ureq::Agent::config_builder().http_status_as_error(false), Fair::start());
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(60))).build().into();
    let request = agent.post(format!("http://127.0.0.1:{}/evaluate", pipeline.admin));
    let request = request.header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {PUBLISHER}"));
    let mut answer = request.send(records()).unwrap();
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap(), began.elapsed())
}

fn records() -> String {
    let record = r#"{"event_time":1760000000000,"type":"PAYMENT","amount":-1.00,"name_orig":"C1"}"#;
    format!("[{}]", [record; 30].join(","))
}

/// Asks and hangs up.
fn asks_and_leaves(pipeline: &TestPipeline) {
    let (body, mut stream) = (records(), connect(pipeline));
    let head = "POST /evaluate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer";
    let request = format!("{head} {PUBLISHER}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn evaluations_are_two_at_once_within_time_and_memory_and_end_with_who_asked() {
    let _alone = alone();
    let pipeline = guard(TestPipeline::on(weir_testkit::pipeline::shared(), "evaluations", PAYSIM, &[]));
    // In the order of their names: memory first, then what no evaluation has the time for.
    for (kind, each) in [("fills", kinds::FILLS), ("loops", kinds::LOOPS)] {
        for n in 0..RULES {
            let name = format!("{kind}_{n:02}");
            std::fs::write(pipeline.rules().join(format!("{name}.wasm")), weir_testkit::guest::module(&name, each))
                .unwrap();
        }
    }
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);

    engine.forget_peak();
    let before = engine.memory();
    let pipeline = &pipeline;
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| evaluate(pipeline))).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (done, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, ..)| *status == 200);
    assert_eq!((done.len(), busy.len()), (2, 2), "{answers:?}");
    for (status, why, took) in busy {
        let text = why.to_string();
        assert!(
            *status == 503 && text.contains("2 evaluations run already") && *took < Duration::from_secs(1),
            "{text}"
        );
    }
    for (_, answer, took) in done {
        assert!(*took < BOUND, "{took:?}");
        let verdicts = answer["records"][0]["verdicts"].as_array().unwrap();
        let asked = |kind: &str| {
            let of = verdicts.iter().filter(|verdict| verdict["rule"].as_str().unwrap().starts_with(kind));
            of.filter(|verdict| verdict["not_asked"] != true).count()
        };
        assert_eq!(verdicts.len(), 2 * RULES);
        assert!(asked("fills") > 0 && asked("loops") < RULES, "{} and {} asked", asked("fills"), asked("loops"));
    }
    // Each rule may hold 16 MiB, and two evaluations one rule at a time.
    let grown = engine.peak_memory().saturating_sub(before);
    assert!(grown < 160, "{grown} MiB for two evaluations");

    // Nobody waits for these: their places are free again as soon as they are left.
    for _ in 0..6 {
        asks_and_leaves(pipeline);
    }
    let left = Fair::start();
    while evaluate(pipeline).0 != 200 {
        assert!(left.elapsed() < Duration::from_secs(3), "evaluations go on that nobody waits for");
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.stop();
}
