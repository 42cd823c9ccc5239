//! A topic of a thousand partitions: what must not grow with each of them, and what it costs where it does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::producer::Producer;

use crate::edges_topic::bed::Bed;
use weir_testkit::pipeline::api::readyz;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, RULES, Way};
use weir_testkit::stack::Stack;

const MANY: i32 = 1_000;
/// Many times what it takes on an idle machine.
const LONG: Duration = Duration::from_secs(120);

/// Statements and transactions that the database has been given since it started.
fn asked(way: &Bed) -> (u64, u64) {
    let rows = way.sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_commit', 'Questions')");
    let value = |name: &str| rows.iter().find(|row| row[0] == name).expect("a variable")[1].parse().unwrap();
    (value("Questions"), value("Com_commit"))
}

fn fill(way: &Bed, numbers: std::ops::Range<i64>) {
    let producer = way.producer();
    (0..MANY).for_each(|partition| way.queue_up(&producer, partition, numbers.clone()));
    producer.flush(LONG).unwrap();
}

fn judged(way: &Bed, each: i64) -> bool {
    way.position() == i64::from(MANY) * each
}

/// Says what it took since `began`, and that threads and transactions are few, however many partitions there are.
fn figures(what: &str, way: &Bed, engine: &Engine, began: Instant, before: (u64, u64), most: u64) {
    let (now, took) = (asked(way), began.elapsed());
    let (statements, commits) = (now.0 - before.0, now.1 - before.1);
    let (memory, threads) = (engine.memory(), engine.threads());
    println!("{what}: {took:.1?}, {statements} statements, {commits} commits, {memory} MiB, {threads} threads");
    assert!(threads < 100 && memory < 256 && commits < most, "{what}");
}

#[test]
fn a_thousand_partitions_are_taken_judged_and_shared_with_a_second_instance() {
    let way = Bed(Way::on(Arc::new(Stack::up()), "many", PAYSIM, &RULES[3..4]));
    way.grow(&way.topic(), MANY);
    let (began, before) = (Instant::now(), asked(&way));
    let mut engine = way.start();
    engine.until("all are taken", LONG, || way.is_ready());
    // Each is begun in a transaction of its own, once in its life.
    figures("taken", &way, &engine, began, before, MANY as u64 + 500);

    let (began, before) = (Instant::now(), asked(&way));
    fill(&way, 0..10);
    engine.until("a record of each is judged", LONG, || judged(&way, 10));
    figures("ten records each", &way, &engine, began, before, 500);

    let (began, before) = (Instant::now(), asked(&way));
    let (mut second, admin) = way.start_beside(&way.folder.path().join("second.log"));
    let half = || {
        let ready = |admin| readyz(admin).0 == 200;
        way.partitions_shown().len() == MANY as usize / 2 && ready(way.admin) && ready(admin)
    };
    second.until("each has its half", LONG, half);
    figures("a second instance joined", &way, &engine, began, before, 500);

    fill(&way, 10..20);
    second.until("both judge", LONG, || judged(&way, 20));
    let (began, before) = (Instant::now(), asked(&way));
    second.stop();
    engine.until("the first has all again", LONG, || way.partitions_shown().len() == MANY as usize && way.is_ready());
    figures("the second left", &way, &engine, began, before, 500);
    let (began, before) = (Instant::now(), asked(&way));
    std::thread::sleep(Duration::from_secs(10));
    figures("ten idle seconds", &way, &engine, began, before, 500);
    engine.stop();
    way.is_exact(&way.read(&way.topic()));
}
