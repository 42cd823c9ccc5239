//! The topic deleted and made again: the offsets that the store knows mean other records now.

use crate::edges_topic::fixture::{self, Fixture, SOON, negative};
use weir_testkit::broker::PARTITIONS;

const ALL: [i32; 4] = [0, 1, 2, 3];
/// docs/operations.md gives an operator this statement.
const FORGET: &str = "DELETE FROM weir_partition WHERE pipeline = 'PIPELINE' AND topic = 'TOPIC'";

/// A pipeline that has judged a hundred payments of each partition.
fn judged(name: &str) -> Fixture {
    let pipeline = fixture::pipeline(name);
    ALL.iter().for_each(|partition| pipeline.fill(*partition, 0..100));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    pipeline
}

/// What the old topic left behind: positions, valid records, letters.
fn left(pipeline: &Fixture) -> (Vec<i64>, i64, usize) {
    (pipeline.positions(), pipeline.counted(), pipeline.read(&pipeline.queue()).len())
}

#[test]
fn a_topic_made_again_while_the_engine_was_down_is_not_judged_wherever_it_ends() {
    let pipeline = judged("remade");
    let before = left(&pipeline);
    pipeline.make_again();
    // Its ends: below the stored offset, at it, above it, and empty.
    for (partition, end) in [(0, 50), (1, 100), (2, 250)] {
        pipeline.fill(partition, 0..end);
    }
    let mut engine = pipeline.start();
    for why in pipeline.until_stopped(&mut engine, &ALL) {
        assert!(why.contains("100") && why.contains("made anew"), "{why}");
    }
    let named = ALL.map(|partition| format!("partition {partition}: "));
    pipeline.until_readyz_says(&mut engine, &named.each_ref().map(String::as_str));
    // Records go on coming, and nothing of them is judged.
    pipeline.fill(2, 250..300);
    engine.stop();
    assert_eq!(left(&pipeline), before, "nothing was judged and nothing moved");

    // The operator decides that it is another topic.
    let forget = FORGET.replace("PIPELINE", &pipeline.name).replace("TOPIC", &pipeline.topic());
    pipeline.sql(&forget);
    assert!(include_str!("../../../../docs/operations.md").contains(FORGET));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    let rejected = negative(0..50) + negative(0..100) + negative(0..300);
    assert_eq!(left(&pipeline), (vec![50, 100, 300, 0], before.1 + 450 - rejected, before.2 + rejected as usize));
}

#[test]
fn a_topic_made_again_under_a_running_engine_is_not_judged_from_the_old_offsets() {
    let pipeline = judged("reborn");
    let before = left(&pipeline);
    let mut engine = pipeline.start();
    pipeline.until_shared(&mut engine);
    pipeline.make_again();
    ALL.iter().for_each(|partition| pipeline.fill(*partition, 0..250));
    for why in pipeline.until_stopped(&mut engine, &ALL) {
        assert!(why.contains("100") && why.contains("made anew"), "{why}");
    }
    engine.stop();
    assert_eq!(left(&pipeline), before, "nothing was judged and nothing moved");
    assert_eq!(pipeline.partitions(&pipeline.topic()), PARTITIONS);
}

#[test]
fn a_group_that_lost_its_offsets_stops_every_partition_until_they_are_set_again() {
    let pipeline = judged("expired");
    let before = left(&pipeline);
    let forget = ["--delete-offsets", "--topic", &pipeline.topic()];
    pipeline.groups_tool(&forget);
    ALL.iter().for_each(|partition| pipeline.fill(*partition, 100..110));
    let mut engine = pipeline.start();
    for why in pipeline.until_stopped(&mut engine, &ALL) {
        assert!(why.contains("no committed offset") && why.contains("reset the group to 100"), "{why}");
    }
    engine.stop();
    assert_eq!(left(&pipeline), before, "nothing was judged and nothing moved");
    for partition in ALL {
        let place = format!("{}:{partition}", pipeline.topic());
        pipeline.groups_tool(&["--reset-offsets", "--topic", &place, "--to-offset", "100", "--execute"]);
    }
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    pipeline.is_exact(&pipeline.read(&pipeline.topic()));
}
