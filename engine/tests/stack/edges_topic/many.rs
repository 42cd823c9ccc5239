//! A topic of a thousand partitions: what must not grow with each of them, and what it costs where it does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::producer::Producer;

use crate::edges_topic::fixture::Fixture;
use weir_testkit::pipeline::api::readyz;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;

const MANY: i32 = 1_000;
/// Many times what it takes on an idle machine.
const LONG: Duration = Duration::from_secs(120);

/// Statements and transactions that the database has been given since it started.
fn asked(pipeline: &Fixture) -> (u64, u64) {
    let rows = pipeline.sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_commit', 'Questions')");
    let value = |name: &str| rows.iter().find(|row| row[0] == name).expect("a variable")[1].parse().unwrap();
    (value("Questions"), value("Com_commit"))
}

fn fill(pipeline: &Fixture, numbers: std::ops::Range<i64>) {
    let producer = pipeline.producer();
    (0..MANY).for_each(|partition| pipeline.queue_up(&producer, partition, numbers.clone()));
    producer.flush(LONG).unwrap();
}

fn judged(pipeline: &Fixture, each: i64) -> bool {
    pipeline.position() == i64::from(MANY) * each
}

/// Says what it took since `began`, and that threads and transactions are few, however many partitions there are.
fn figures(what: &str, pipeline: &Fixture, engine: &Engine, began: Instant, before: (u64, u64), most: u64) {
    let (now, took) = (asked(pipeline), began.elapsed());
    let (statements, commits) = (now.0 - before.0, now.1 - before.1);
    let (memory, threads) = (engine.memory(), engine.threads());
    println!("{what}: {took:.1?}, {statements} statements, {commits} commits, {memory} MiB, {threads} threads");
    assert!(threads < 100 && memory < 256 && commits < most, "{what}");
}

#[test]
fn a_thousand_partitions_are_taken_judged_and_shared_with_a_second_instance() {
    let pipeline = Fixture(TestPipeline::on(Arc::new(Stack::up()), "many", PAYSIM, &RULES[3..4]));
    pipeline.grow(&pipeline.topic(), MANY);
    let (began, before) = (Instant::now(), asked(&pipeline));
    let mut engine = pipeline.start();
    engine.until("all are taken", LONG, || pipeline.is_ready());
    // Each is begun in a transaction of its own, once in its life.
    figures("taken", &pipeline, &engine, began, before, MANY as u64 + 500);

    let (began, before) = (Instant::now(), asked(&pipeline));
    fill(&pipeline, 0..10);
    engine.until("a record of each is judged", LONG, || judged(&pipeline, 10));
    figures("ten records each", &pipeline, &engine, began, before, 500);

    let (began, before) = (Instant::now(), asked(&pipeline));
    let (mut second, admin) = pipeline.start_beside(&pipeline.folder.path().join("second.log"));
    let half = || {
        let ready = |admin| readyz(admin).0 == 200;
        pipeline.partitions_shown().len() == MANY as usize / 2 && ready(pipeline.admin) && ready(admin)
    };
    second.until("each has its half", LONG, half);
    figures("a second instance joined", &pipeline, &engine, began, before, 500);

    fill(&pipeline, 10..20);
    second.until("both judge", LONG, || judged(&pipeline, 20));
    let (began, before) = (Instant::now(), asked(&pipeline));
    second.stop();
    engine.until("the first has all again", LONG, || {
        pipeline.partitions_shown().len() == MANY as usize && pipeline.is_ready()
    });
    figures("the second left", &pipeline, &engine, began, before, 500);
    let (began, before) = (Instant::now(), asked(&pipeline));
    std::thread::sleep(Duration::from_secs(10));
    figures("ten idle seconds", &pipeline, &engine, began, before, 500);
    engine.stop();
    pipeline.is_exact(&pipeline.read(&pipeline.topic()));
}
