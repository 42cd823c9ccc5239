//! A source whose producers use transactions: aborted records and control records are offsets that no consumer ever sees.

use rdkafka::producer::{BaseProducer, Producer};
use serde_json::json;

use crate::edges_topic::fixture::{self, Fixture, SOON};

impl Fixture {
    pub(crate) fn transactional(&self) -> BaseProducer {
        let id = format!("source-{}", self.name);
        let producer: BaseProducer = self.kafka().set("transactional.id", id).create().unwrap();
        producer.init_transactions(SOON).unwrap();
        producer
    }

    pub(crate) fn committing(&self, producer: &BaseProducer, partition: i32, numbers: std::ops::Range<i64>) {
        producer.begin_transaction().unwrap();
        self.queue_up(producer, partition, numbers);
        producer.commit_transaction(SOON).unwrap();
    }

    /// The records reach the log, and are aborted there.
    pub(crate) fn aborting(&self, producer: &BaseProducer, partition: i32, numbers: std::ops::Range<i64>) {
        producer.begin_transaction().unwrap();
        self.queue_up(producer, partition, numbers);
        producer.flush(SOON).unwrap();
        producer.abort_transaction(SOON).unwrap();
    }
}

#[test]
fn aborted_transactions_are_skipped_and_the_offsets_reach_the_end_past_control_records() {
    let pipeline = fixture::pipeline("transactional");
    let producer = pipeline.transactional();
    // Each log ends in a control record: of a commit, of an abort, of nothing but aborts.
    pipeline.committing(&producer, 0, 0..50);
    pipeline.aborting(&producer, 0, 50..80);
    pipeline.committing(&producer, 0, 80..120);
    pipeline.committing(&producer, 1, 0..40);
    pipeline.aborting(&producer, 1, 40..90);
    pipeline.aborting(&producer, 2, 0..30);
    pipeline.aborting(&producer, 2, 30..60);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    assert_eq!(pipeline.positions()[..3], [123, 92, 62], "the ends of the logs");
    // An aborted transaction alone moves the end, and the engine with it.
    pipeline.aborting(&producer, 0, 120..140);
    pipeline.until_all_is_committed(&mut engine, SOON);
    let no_lag = || {
        pipeline.metric("weir_partition_lag_records", "") == Some(0.0)
            && pipeline.partitions_shown().iter().all(|partition| partition["lag"] == json!(0))
    };
    engine.until("no lag is shown", SOON, no_lag);

    // What an open transaction wrote, and what is behind it, waits for its end.
    producer.begin_transaction().unwrap();
    pipeline.queue_up(&producer, 3, 0..20);
    producer.flush(SOON).unwrap();
    pipeline.fill(3, 20..30);
    pipeline.fill(1, 90..100);
    engine.until("the other partition goes on", SOON, || pipeline.positions()[1] == 102);
    assert_eq!(pipeline.positions()[3], 0, "nothing of the open transaction was judged");
    producer.commit_transaction(SOON).unwrap();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    let source = pipeline.read(&pipeline.topic());
    assert_eq!(source.len(), 90 + 40 + 10 + 30, "what was committed");
    pipeline.is_exact(&source);
}
