//! Partitions added to the topic while the engine runs.

use crate::edges_topic::bed::{self, SOON};

#[test]
fn partitions_added_while_it_runs_are_judged_from_their_beginning_once() {
    let way = bed::way("grown");
    (0..4).for_each(|partition| way.fill(partition, 0..100));
    let mut engine = way.start();
    way.until_all_is_committed(&mut engine, SOON);
    way.grow(&way.topic(), 7);
    // Into the old and the new ones, before the engine knows of them.
    (0..7).for_each(|partition| way.fill(partition, 100..200));
    way.until_all_is_committed(&mut engine, SOON);
    assert_eq!(way.positions(), [200, 200, 200, 200, 100, 100, 100]);
    (0..7).for_each(|partition| way.fill(partition, 200..300));
    way.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    way.is_exact(&way.read(&way.topic()));
}
