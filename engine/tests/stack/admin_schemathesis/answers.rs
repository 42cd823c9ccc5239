//! What the API tells of a running engine: letters within bounds, shadow hits, and what is live while the database is away.

use std::time::{Duration, Instant};

use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{PUBLISHER, VIEWER, connect, get, guard};
use weir_testkit::broker::PARTITIONS;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{Database, PAYSIM, RULES, TestPipeline, shared};
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::wait::{self, Fair};

const LETTERS: usize = 240;
const LETTER: usize = 60_000;

/// Broken records of 60 kB, which become letters of their size, in the order of their numbers.
fn send_broken(pipeline: &TestPipeline) {
    let producer: FutureProducer = pipeline.kafka().set("message.max.bytes", "4000000").create().unwrap();
    let topic = pipeline.topic();
    let value = |number: usize| format!("{{{number:08}{}", "x".repeat(LETTER - 9));
    let sent = (0..LETTERS).map(|number| {
        let record = FutureRecord::<(), _>::to(&topic).partition(number as i32 % PARTITIONS);
        producer.send_result(record.payload(&value(number))).map_err(|(why, _)| why).unwrap()
    });
    let sent: Vec<_> = sent.collect();
    for delivery in sent {
        futures::executor::block_on(delivery).unwrap().unwrap();
    }
}

fn ask(pipeline: &TestPipeline, path: &str) -> Value {
    let (status, body) = get(pipeline, path, VIEWER);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The same of letters, and the answer's size. While a busy broker answers nobody, the API says 503 and to try again.
fn ask_for_letters(pipeline: &TestPipeline, query: &str) -> (Value, usize) {
    let path = format!("/dead-letters?{query}");
    let body = wait::until_some("Kafka answers the API", || match get(pipeline, &path, VIEWER) {
        (200, body) => Ok(body),
        (503, body) => Err(body),
        (status, body) => panic!("{path}: {status} {body}"),
    });
    (serde_json::from_str(&body).unwrap(), body.len())
}

fn letters_are_bounded(pipeline: &TestPipeline) {
    let (cut, _) = ask_for_letters(pipeline, "limit=1000");
    let letters = cut["letters"].as_array().unwrap();
    assert_eq!((letters.len(), &cut["complete"]), (LETTERS, &json!(true)));
    for letter in letters {
        assert_eq!(letter["value"].as_str().unwrap().len(), 4_096);
        assert_eq!((&letter["value_bytes"], &letter["truncated"]), (&json!(LETTER), &json!(true)));
        assert_eq!(letter["code"], "PARSE_JSON", "the engine's own headers are whole");
    }

    let (whole, bytes) = ask_for_letters(pipeline, "limit=1000&value_limit=65536");
    assert!(bytes < 10 << 20, "{bytes} bytes of answer");
    let letters = whole["letters"].as_array().unwrap();
    assert!((100..LETTERS).contains(&letters.len()), "{} letters", letters.len());
    assert_eq!(whole["complete"], false, "some did not fit");
    assert!(
        letters.iter().all(|letter| letter["truncated"] == false && letter["value"].as_str().unwrap().len() == LETTER)
    );
    // The newest of each partition, without a gap.
    for partition in 0..PARTITIONS {
        let of = letters.iter().filter(|letter| letter["partition"] == partition);
        let offsets: Vec<_> = of.map(|letter| letter["offset"].as_i64().unwrap()).collect();
        assert!(offsets.is_sorted_by(|newer, older| newer > older), "{offsets:?}");
    }
    let (ten, _) = ask_for_letters(pipeline, "limit=10&value_limit=65536");
    assert_eq!((ten["letters"].as_array().unwrap().len(), &ten["complete"]), (10, &json!(true)));
}

/// Each read has a consumer with threads of its own, which goes on when its caller has left.
fn reads_of_callers_who_left_do_not_add_up(pipeline: &TestPipeline, engine: &Engine) {
    let before = engine.threads();
    let head = "GET /dead-letters?limit=1000 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer";
    let mut streams = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(pipeline);
        std::io::Write::write_all(&mut stream, format!("{head} {VIEWER}\r\n\r\n").as_bytes()).unwrap();
        streams.push(stream);
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(streams);
    let (mut most, end) = (0, Instant::now() + Duration::from_secs(4));
    while Instant::now() < end {
        most = most.max(engine.threads());
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("threads: {before} before, {most} at most");
    assert!(most < before + 40, "{most} threads, {before} before");
    ask_for_letters(pipeline, "limit=1");
}

fn shadow_hits_are_shown(pipeline: &TestPipeline) {
    let rule = ask(pipeline, "/rules/high_amount?limit=1");
    assert_eq!(rule["rule"]["mode"], "shadow");
    assert_eq!(rule["hits_by_code"], json!({ "HIGH_AMOUNT": 1 }), "{rule}");
    let samples = rule["shadow_samples"].as_array().unwrap();
    assert_eq!((samples.len(), &samples[0]["code"]), (1, &json!("HIGH_AMOUNT")), "{rule}");
    assert!(samples[0]["detail"].as_str().unwrap().contains("250000"), "{rule}");
    assert_eq!((&rule["failures_by_code"], &rule["skipped"]), (&json!({}), &json!(0)));
    assert_eq!((rule["versions"].as_array().unwrap().len(), &rule["more_versions"]), (1, &json!(false)));
}

/// Asked while the database is silent; what was asked before is known, what was not is said to be.
fn rules_are_told_without_the_database(pipeline: &TestPipeline, database: &MariaDb) {
    let before = ask(pipeline, "/rules");
    database.pause();
    let began = Fair::start();
    let (rules, one) = (ask(pipeline, "/rules"), ask(pipeline, "/rules/high_amount"));
    let took = began.elapsed();
    database.resume();
    assert_eq!(rules["rules"], before["rules"], "nothing of what is live is missing");
    assert_eq!((one["rule"]["mode"].as_str(), &one["versions"]), (Some("shadow"), &json!([])));
    assert!(one["history_unavailable"].as_str().is_some_and(|why| !why.is_empty()), "{one}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

fn a_live_version_is_not_ended_by_a_try(pipeline: &TestPipeline) {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(60))).build().into();
    let push = |query: &str| {
        let url = format!("http://127.0.0.1:{}/rules{query}", pipeline.admin);
        let request = agent.post(url).header("content-type", "application/wasm");
        let request = request.header("authorization", format!("Bearer {PUBLISHER}"));
        let mut answer = request.send(&weir_testkit::pipeline::another_build("negative_amount")[..]).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let before = ask(pipeline, "/rules/negative_amount");
    let (status, body) = push("?mode=shadow");
    assert_eq!(status, 409, "{body}");
    assert!(body.contains("replace=true") && body.contains("another name"), "{body}");
    let after = ask(pipeline, "/rules/negative_amount");
    assert_eq!((&after["rule"]["sha256"], &after["rule"]["mode"]), (&before["rule"]["sha256"], &json!("live")));
    let (status, body) = push("?mode=shadow&replace=true");
    assert_eq!(status, 201, "{body}");
    let replaced = ask(pipeline, "/rules/negative_amount?limit=1");
    assert_eq!((&replaced["rule"]["mode"], &replaced["more_versions"]), (&json!("shadow"), &json!(true)));
}

#[test]
fn a_running_engine_tells_letters_shadow_hits_and_rules_within_bounds_and_without_its_database() {
    let _alone = alone();
    let server = MariaDb::start();
    let database = Database { url: server.bare_url(), client: server.client() };
    // By one worker: a hit of a record that two judge, one after the other, counts twice.
    let pipeline = guard(TestPipeline::on_database(shared(), database, "tells", PAYSIM, &RULES))
        .with_workers(1)
        .with("[rules]\n", "[rule.high_amount]\nmode = \"shadow\"\n\n[rules]\n");
    let now = chrono::Utc::now().timestamp_millis();
    let high = format!(r#"{{"event_time":{now},"type":"PAYMENT","amount":"250000","name_orig":"C1"}}"#);
    pipeline.send(0, &weir_testkit::broker::Record { value: Some(high.into_bytes()), ..Default::default() });
    send_broken(&pipeline);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));

    shadow_hits_are_shown(&pipeline);
    letters_are_bounded(&pipeline);
    reads_of_callers_who_left_do_not_add_up(&pipeline, &engine);
    rules_are_told_without_the_database(&pipeline, &server);
    pipeline.until_ready(&mut engine);
    a_live_version_is_not_ended_by_a_try(&pipeline);
    engine.stop();
}
