//! Records deleted from the beginning of a log, by retention or by hand.

use std::time::Duration;

use crate::edges_topic::fixture::{self, SOON, negative};

/// docs/operations.md gives an operator this statement.
const MOVE: &str = "UPDATE weir_partition SET next_offset = OFFSET WHERE pipeline = 'PIPELINE' AND topic = 'TOPIC' \
                    AND `partition` = PARTITION";

#[test]
fn a_log_truncated_beyond_the_position_stops_its_partition_and_one_truncated_before_it_goes_on() {
    let pipeline = fixture::pipeline("truncated");
    (0..4).for_each(|partition| pipeline.fill(partition, 0..100));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    (0..4).for_each(|partition| pipeline.fill(partition, 100..200));
    // Beyond the position of 100, before it, and at it. The last is left as it is.
    [(0, 150), (1, 50), (2, 100)].into_iter().for_each(|(partition, before)| pipeline.truncate(partition, before));
    let mut engine = pipeline.start();
    let why = pipeline.until_stopped(&mut engine, &[0]).remove(0);
    assert!(why.contains("the position in the store is 100") && why.contains("150 to 200"), "{why}");
    engine.until("the others go on", SOON, || pipeline.positions()[1..] == [200; 3]);
    pipeline.until_readyz_says(&mut engine, &["partition 0: "]);
    engine.stop();
    assert_eq!(pipeline.positions(), [100, 200, 200, 200]);

    // The operator accepts the loss.
    let parts = [("OFFSET", "150"), ("PIPELINE", &pipeline.name), ("TOPIC", &pipeline.topic()), ("PARTITION", "0")];
    pipeline.sql(&parts.iter().fold(MOVE.to_owned(), |statement, (from, to)| statement.replace(from, to)));
    assert!(include_str!("../../../../docs/operations.md").contains(MOVE));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    let judged = [(0..100), (150..200), (0..600)].map(|numbers| numbers.end - numbers.start - negative(numbers));
    assert_eq!(pipeline.counted(), judged.iter().sum::<i64>());
}

#[test]
fn a_log_truncated_under_a_running_engine_stops_its_partition_with_the_figures() {
    let pipeline = fixture::pipeline("overtaken");
    (0..4).for_each(|partition| pipeline.fill(partition, 0..100));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.signal("STOP");
    // The fetch that waits at the broker ends after 100 ms; later than that nobody asks for what comes now.
    std::thread::sleep(Duration::from_secs(2));
    (0..2).for_each(|partition| pipeline.fill(partition, 100..200));
    pipeline.truncate(0, 150);
    engine.signal("CONT");
    let why = pipeline.until_stopped(&mut engine, &[0]).remove(0);
    assert!(why.contains("the position in the store is 100") && why.contains("150 to 200"), "{why}");
    engine.until("the others go on", SOON, || pipeline.positions()[1] == 200);
    engine.stop();
    assert_eq!(pipeline.positions(), [100, 200, 100, 100]);
}
