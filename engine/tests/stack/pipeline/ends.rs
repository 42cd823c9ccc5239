//! What becomes of a worker's checkpoints at their bounds, at a rebalance, and when partitions are taken again.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};

use weir_testkit::broker::PARTITIONS;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::generated::Generated;

const RECORDS: u32 = 20_000;
/// `checkpoint.max_letter_bytes`: 1 MiB.
const BOUND: u64 = 1 << 20;
/// The most records that are judged at once.
const BATCH: u64 = 2_000;

fn judged(pipeline: &TestPipeline) -> f64 {
    pipeline.metric("weir_records_total", "").unwrap_or_default()
}

fn checkpoints(pipeline: &TestPipeline) -> f64 {
    pipeline.metric("weir_checkpoints_total", "committed").unwrap_or_default()
}

#[test]
fn a_partition_that_was_stopped_is_read_on_once_it_is_in_order_again() {
    // One worker, so that the partition which is fixed is beside one which runs.
    let pipeline = TestPipeline::new("fixed").with_workers(1);
    let generated = Generated::new(&pipeline, RECORDS, 29, &[]);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    engine.stop();
    pipeline.sql("UPDATE weir_partition SET next_offset = 1000000 WHERE `partition` = 1");

    let mut engine = pipeline.start();
    let error = || {
        let (_, said) =
            weir_testkit::pipeline::api::ask(pipeline.admin, "GET", "/pipeline", "text/plain", b"").unwrap_or_default();
        said.contains("the position in the store is 1000000")
    };
    engine.until("partition 1 is stopped", Duration::from_secs(60), error);
    let producer = generated.produce_at(&pipeline, 4_000);
    engine.until("the others run", Duration::from_secs(60), || judged(&pipeline) > 2_000.0);
    // The fix, and another owner of a partition that runs: its next checkpoint is fenced, and everything is taken again.
    pipeline.sql("UPDATE weir_partition SET next_offset = 0 WHERE `partition` = 1");
    pipeline.sql("UPDATE weir_partition SET owner = owner + 1 WHERE `partition` = 0");
    producer.finish();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    assert!(
        pipeline.metric("weir_fenced_checkpoints_total", "") >= Some(1.0),
        "it was taken again without a rebalance"
    );
    engine.stop();
    pipeline.windows_are("type", &generated.windows);
    let source = pipeline.read(&pipeline.topic());
    pipeline.letters_are(&source, &generated.dirty(&source));
}

#[test]
fn a_checkpoint_that_fails_for_good_at_a_rebalance_ends_the_engine_and_says_why() {
    // The first checkpoint comes at once, whatever the interval; the next is that of the rebalance.
    let pipeline = TestPipeline::new("fatal").with(r#"interval = "1s""#, r#"interval = "1h""#).with_workers(1);
    let generated = Generated::new(&pipeline, 2_000, 31, &[]);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    generated.produce(&pipeline);
    engine.until("the first checkpoint is through", Duration::from_secs(60), || checkpoints(&pipeline) >= 1.0);
    generated.produce(&pipeline);
    engine.until("all is judged", Duration::from_secs(60), || judged(&pipeline) >= 4_000.0);
    pipeline.sql("RENAME TABLE risk_stats TO away");

    let other: BaseConsumer = pipeline.kafka().create().expect("a consumer");
    other.subscribe(&[&pipeline.topic()]).expect("it joins");
    let status =
        engine.until_ended_beside("its checkpoint fails for good", || drop(other.poll(Duration::from_millis(50))));
    let said = engine.said();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().rfind(|line| line.starts_with("weir:")).unwrap_or_else(|| panic!("no last word:\n{said}"));
    assert!(last.contains("checkpoint: ") && last.contains("risk_stats"), "{last}");
}

#[test]
fn no_checkpoint_holds_more_records_than_its_bound() {
    let pipeline = TestPipeline::new("bounded").with(r#"interval = "1s""#, "interval = \"1h\"\nmax_records = 700");
    let generated = Generated::new(&pipeline, RECORDS, 37, &[]);
    generated.produce(&pipeline);
    let mut engine = pipeline.start();
    // What a bound does not fill stays for the last checkpoint.
    engine.until("all is judged", Duration::from_secs(90), || judged(&pipeline) >= f64::from(RECORDS));
    let least = (judged(&pipeline) / 700.0).floor() - f64::from(2 * 4);
    engine.until("the checkpoints are through", Duration::from_secs(60), || checkpoints(&pipeline) >= least);
    engine.stop();
    pipeline.windows_are("type", &generated.windows);
}

#[test]
fn no_checkpoint_holds_more_letters_than_its_bound_and_a_batch() {
    // Nothing but the letters ends a checkpoint after the first.
    let bounds = "interval = \"1h\"\nmax_letter_bytes = \"1MiB\"";
    let pipeline = TestPipeline::new("letters_bounded").with(r#"interval = "1s""#, bounds).with_workers(1);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    // What is in the outbox after each row that comes; what is published goes before the next checkpoint's come.
    pipeline.sql("CREATE TABLE stood (bytes BIGINT)");
    pipeline.sql(
        "CREATE TRIGGER stands AFTER INSERT ON weir_outbox FOR EACH ROW \
         INSERT INTO stood SELECT SUM(LENGTH(letters)) FROM weir_outbox",
    );
    pipeline.sql("CREATE TABLE came (bytes BIGINT)");
    pipeline.sql(
        "CREATE TRIGGER comes AFTER INSERT ON weir_outbox FOR EACH ROW INSERT INTO came SELECT LENGTH(NEW.letters)",
    );
    send_junk(&pipeline);
    engine.until("all is judged", Duration::from_secs(90), || judged(&pipeline) >= f64::from(RECORDS));
    engine.stop();
    assert_eq!(pipeline.read(&pipeline.queue()).len(), RECORDS as usize);

    let figure = |sql: &str| pipeline.sql(sql)[0][0].parse::<u64>().expect("a number");
    let (most, all) = (figure("SELECT MAX(bytes) FROM stood"), figure("SELECT SUM(bytes) FROM came"));
    let batch = all * BATCH / u64::from(RECORDS);
    println!("{most} bytes of letters at most in the outbox, of {all}; a batch has {batch}");
    assert!(all > 4 * (BOUND + batch), "{all} bytes would fit few checkpoints");
    assert!((BOUND..=BOUND + batch + batch / 10).contains(&most), "{most} bytes of letters; a batch has {batch}");
}

/// Records that are no JSON: each is a letter.
fn send_junk(pipeline: &TestPipeline) {
    let producer: FutureProducer = pipeline.kafka().create().expect("a producer");
    let (topic, junk) = (pipeline.topic(), "x".repeat(400));
    let sent: Vec<_> = (0..RECORDS)
        .map(|n| FutureRecord::<(), _>::to(&topic).partition(n as i32 % PARTITIONS).payload(&junk))
        .map(|record| producer.send_result(record).expect("the queue has room"))
        .collect();
    for result in futures::executor::block_on(futures::future::join_all(sent)) {
        result.expect("the producer lives").expect("the broker takes it");
    }
}
