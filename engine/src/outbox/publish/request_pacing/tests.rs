//! How letters are cut into rounds.

use super::*;
use crate::model::finding::Stage;
use crate::model::ids::Revision;
use crate::model::letter::{Reason, Source};
use crate::outbox::format::Letters;

const ALERTS: Destination = Destination(1);

/// Two topics, of which the second has one partition and takes less.
fn topics() -> BTreeMap<Destination, ReadyTopic> {
    let topic =
        |name: &str, partitions, limit, request| ReadyTopic { name: name.to_owned(), partitions, limit, request };
    BTreeMap::from([
        (Destination::DEAD_LETTERS, topic("letters", 2, 100_000, 10_000)),
        (ALERTS, topic("alerts", 1, 50_000, 5_000)),
    ])
}

/// A chunk of these offsets, with values of this many bytes.
fn chunk(partition: i32, offsets: std::ops::Range<i64>, size: usize) -> OutboxChunk {
    chunk_to(Destination::DEAD_LETTERS, partition, offsets, size)
}

fn chunk_to(destination: Destination, partition: i32, offsets: std::ops::Range<i64>, size: usize) -> OutboxChunk {
    let (mut letters, value) = (Letters::to(destination), vec![b'v'; size]);
    let first_offset = Offset(offsets.start);
    for offset in offsets {
        let source = Source { offset: Offset(offset), timestamp: 0, key: None, value: Some(&value), headers: &[] };
        let reason = Reason {
            stage: Stage::Decode,
            code: "PARSE_JSON",
            message: "not JSON".into(),
            rule: None,
            revision: Revision(1),
            hits: vec![],
            more: 0,
        };
        letters.push(&source, &reason);
    }
    OutboxChunk { partition: Partition(partition), first_offset, chunk: 0, letters: letters.into_bytes() }
}

/// Of each round: how many letters go to each partition of the first topic.
fn rounds(outbox: &[OutboxChunk], from: &BTreeMap<Partition, Offset>) -> Vec<(usize, usize)> {
    rounds_of_both(outbox, from).into_iter().map(|(first, second, _)| (first, second)).collect()
}

/// Of each round: how many letters go to each partition of the first topic, and to the second.
fn rounds_of_both(outbox: &[OutboxChunk], from: &BTreeMap<Partition, Offset>) -> Vec<(usize, usize, usize)> {
    let (origin, topics) = (Origin { topic: "finance_stream".into(), group: "weir".into() }, topics());
    let mut rounds = Rounds::new(outbox, from, &origin, &topics).expect("both topics are there");
    let mut all = Vec::new();
    loop {
        let round = rounds.next().expect("an outbox that is whole");
        if round.is_empty() {
            return all;
        }
        let to =
            |topic, partition| round.iter().filter(|letter| (letter.topic, letter.to) == (topic, partition)).count();
        assert!(round.iter().all(|letter| letter.topic == "letters" || (letter.topic, letter.to) == ("alerts", 0)));
        all.push((to("letters", 0), to("letters", 1), to("alerts", 0)));
    }
}

#[test]
fn a_round_takes_a_request_of_each_partition_and_misses_no_letter() {
    // About 4 KiB each: two in a request. Partitions 1 and 3 of the source go to one of the letter topic.
    let outbox = [chunk(0, 0..5, 3_300), chunk(1, 10..13, 3_300), chunk(3, 7..8, 3_300)];
    assert_eq!(rounds(&outbox, &BTreeMap::new()), [(2, 2), (2, 2), (1, 0)]);
    let from = BTreeMap::from([(Partition(0), Offset(4)), (Partition(1), Offset(99))]);
    assert_eq!(rounds(&outbox, &from), [(1, 1)], "what is in Kafka already is left out");
    assert_eq!(rounds(&[], &BTreeMap::new()), []);
}

#[test]
fn a_letter_above_a_request_goes_alone() {
    let outbox = [chunk(0, 0..2, 100), chunk(0, 2..3, 50_000), chunk(0, 3..5, 100)];
    assert_eq!(rounds(&outbox, &BTreeMap::new()), [(2, 0), (1, 0), (2, 0)]);
}

#[test]
fn each_partition_of_each_topic_has_its_own_request_and_each_topic_its_own_bounds() {
    // Two of 4 KiB in a request of the first topic, one in one of the second. Each partition's offsets hold for both.
    let outbox = [
        chunk(0, 0..3, 3_300),
        chunk_to(ALERTS, 0, 0..2, 3_300),
        chunk_to(ALERTS, 1, 5..7, 3_300),
        chunk(1, 5..6, 3_300),
    ];
    let all = [(2, 1, 1), (1, 0, 1), (0, 0, 1), (0, 0, 1)];
    assert_eq!(rounds_of_both(&outbox, &BTreeMap::new()), all);
    let from = BTreeMap::from([(Partition(0), Offset(2)), (Partition(1), Offset(6))]);
    assert_eq!(rounds_of_both(&outbox, &from), [(1, 0, 1)], "what is in Kafka already is left out of both");
}

#[test]
fn a_message_for_a_destination_without_a_topic_is_named() {
    let (outbox, from) = ([chunk(0, 0..1, 10), chunk_to(Destination(9), 0, 1..2, 10)], BTreeMap::new());
    let (origin, topics) = (Origin { topic: "finance_stream".into(), group: "weir".into() }, topics());
    let refused = Rounds::new(&outbox, &from, &origin, &topics).map(drop).expect_err("nobody knows it").to_string();
    assert!(refused.contains("the outbox holds messages for destination 9, which has no topic here"), "{refused}");
}
