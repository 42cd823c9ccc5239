//! How letters are cut into rounds.

use super::*;
use crate::model::alert::{Alert, NotSent};
use crate::model::finding::Stage;
use crate::model::ids::Revision;
use crate::model::letter::{Cut, Reason, Source};
use crate::outbox::destination::Destination;
use crate::outbox::format::{Alerts, Letters};

/// One that nobody has yet.
const OTHER: Destination = Destination(2);

/// Two topics, of which the second has one partition and takes less; and one of alerts.
fn topics() -> ReadyTopics {
    let topic =
        |name: &str, partitions, limit, request| ReadyTopic { name: name.to_owned(), partitions, limit, request };
    ReadyTopics {
        of: BTreeMap::from([
            (Destination::DEAD_LETTERS, topic("letters", 2, 100_000, 10_000)),
            (OTHER, topic("other", 1, 50_000, 5_000)),
        ]),
        alerts: BTreeMap::from([("alerts".to_owned(), topic("alerts", 3, 50_000, 5_000))]),
    }
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
        assert!(round.iter().all(|letter| letter.topic == "letters" || (letter.topic, letter.to) == ("other", 0)));
        all.push((to("letters", 0), to("letters", 1), to("other", 0)));
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
        chunk_to(OTHER, 0, 0..2, 3_300),
        chunk_to(OTHER, 1, 5..7, 3_300),
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
    let outbox = [alerts("gone", 0, &[1])];
    let refused = Rounds::new(&outbox, &from, &origin, &topics).map(drop).expect_err("nobody asked for it").to_string();
    assert!(refused.contains("alerts for the topic \"gone\", of which nothing is known"), "{refused}");
}

/// A chunk of alerts of these offsets, and a summary of what is not sent from the last one on.
fn alerts(topic: &str, partition: i32, offsets: &[i64]) -> OutboxChunk {
    let mut chunk = Alerts::to(topic);
    for offset in offsets {
        chunk.push(&Alert {
            offset: Offset(*offset),
            timestamp: 0,
            key: Some(b"C1"),
            value: None,
            cut: Cut::default(),
            revision: Revision(1),
            hits: vec![],
            more: 0,
            fields: vec![],
        });
    }
    let last = Offset(offsets[offsets.len() - 1] + 1);
    chunk.push_not_sent(&NotSent { from: last, to: last, records: 1, codes: vec![("HIGH", 1)] });
    let first_offset = chunk.first_offset().expect("it holds some");
    OutboxChunk { partition: Partition(partition), first_offset, chunk: 1, letters: chunk.into_bytes() }
}

#[test]
fn alerts_go_to_the_topic_that_their_chunk_names_and_those_before_k_are_left_out() {
    let outbox = [chunk(4, 0..2, 10), alerts("alerts", 4, &[1, 5, 6])];
    let (origin, topics) = (Origin { topic: "finance_stream".into(), group: "weir".into() }, topics());
    let sent = |from: i64| {
        let from = BTreeMap::from([(Partition(4), Offset(from))]);
        let mut rounds = Rounds::new(&outbox, &from, &origin, &topics).expect("both topics are there");
        let round = rounds.next().expect("an outbox that is whole");
        let alerts = round.iter().filter(|message| (message.topic, message.to) == ("alerts", 1));
        let json =
            |value: &Option<Cow<'_, [u8]>>| String::from_utf8(value.as_deref().expect("JSON").to_vec()).expect("text");
        (round.len(), alerts.map(|message| json(&message.value)).collect::<Vec<_>>())
    };
    let (all, told) = sent(0);
    assert_eq!((all, told.len()), (6, 4), "two letters, three alerts and a summary: {told:?}");
    assert!(told[0].contains("\"offset\":1,") && told[3].contains("\"kind\":\"not_sent\""), "{told:?}");
    let (all, told) = sent(6);
    assert_eq!((all, told.len()), (2, 2), "{told:?}");
    assert_eq!(sent(7).1.len(), 1, "the summary is at the first that it counts");
    assert_eq!(sent(8), (0, vec![]));
}
