//! How letters are cut into rounds.

use super::*;
use crate::model::finding::Stage;
use crate::model::ids::Revision;
use crate::model::letter::{Letters, Reason, Source};

const BOUNDS: Bounds = Bounds { partitions: 2, limit: 100_000, request: 10_000 };

/// A chunk of these offsets, with values of this many bytes.
fn chunk(partition: i32, offsets: std::ops::Range<i64>, size: usize) -> OutboxChunk {
    let (mut letters, value) = (Letters::default(), vec![b'v'; size]);
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

/// Of each round: how many letters go to each partition.
fn rounds(outbox: &[OutboxChunk], from: &BTreeMap<Partition, Offset>) -> Vec<(usize, usize)> {
    let origin = Origin { topic: "finance_stream".into(), group: "weir".into() };
    let mut rounds = Rounds::new(outbox, from, &origin, BOUNDS);
    let mut all = Vec::new();
    loop {
        let round = rounds.next().expect("an outbox that is whole");
        if round.is_empty() {
            return all;
        }
        let to = |partition| round.iter().filter(|letter| letter.to == partition).count();
        all.push((to(0), to(1)));
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
