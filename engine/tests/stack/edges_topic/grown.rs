//! Partitions added to the topic while the engine runs.

use crate::edges_topic::fixture::{self, SOON};

#[test]
fn partitions_added_while_it_runs_are_judged_from_their_beginning_once() {
    let pipeline = fixture::pipeline("grown");
    (0..4).for_each(|partition| pipeline.fill(partition, 0..100));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    pipeline.grow(&pipeline.topic(), 7);
    // Into the old and the new ones, before the engine knows of them.
    (0..7).for_each(|partition| pipeline.fill(partition, 100..200));
    pipeline.until_all_is_committed(&mut engine, SOON);
    assert_eq!(pipeline.positions(), [200, 200, 200, 200, 100, 100, 100]);
    (0..7).for_each(|partition| pipeline.fill(partition, 200..300));
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    pipeline.is_exact(&pipeline.read(&pipeline.topic()));
}
