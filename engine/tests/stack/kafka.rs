//! Source and publisher alone, on a real broker: what the batch call reads, and what a transaction leaves behind.

mod alerts;
mod destinations;
mod far;
mod fixture;
mod live;
mod positions;
mod ranges;
mod secure;

use std::collections::BTreeMap;
use std::time::Duration;

use fixture::*;
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir::model::ids::{Offset, Partition};
use weir::outbox::{Destinations, PublishError, Publisher};
use weir::source::Message;
use weir_testkit::wait::Fair;

const PATIENCE: Duration = weir_testkit::wait::STILL;

/// Offset, key, value and headers of a record.
type Read = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

fn read(message: Message<'_>) -> Read {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let headers = message.headers().into_iter().map(|(name, value)| (name.to_owned(), owned(value))).collect();
    (message.offset.0, owned(message.key), owned(message.value), headers)
}

fn whole(partition: Partition, fetched: &[weir::source::Fetched]) -> Vec<Read> {
    let all = fetched.iter().flat_map(|fetched| fetched.messages());
    all.filter(|message| message.partition == partition).map(read).collect()
}

/// Two plain records, an aborted one between them, a tombstone and one with headers, all in partition 0.
fn produce(fixture: &Fixture) {
    // The broker is everybody's: under one id the tests would fence each other.
    let producer: BaseProducer = fixture.client().set("transactional.id", &fixture.source.topic).create().unwrap();
    let to = |key: Option<&'static [u8]>, value: Option<&'static [u8]>, headers: OwnedHeaders| {
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&fixture.source.topic).partition(0).headers(headers);
        (record.key, record.payload) = (key, value);
        producer.send(record.timestamp(1_234)).map_err(|(why, _)| why).unwrap();
    };
    let none = OwnedHeaders::new;
    let headers =
        [("twice", Some(&b"1"[..])), ("twice", Some(&b"\xff\x00"[..])), ("null", None), ("empty", Some(&b""[..]))];
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    to(None, Some(b"no key"), none());
    producer.commit_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    to(None, Some(b"aborted"), none());
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    to(Some(b""), Some(b""), none());
    to(Some(b"gone"), None, none());
    let headers = headers.iter().fold(none(), |all, (key, value)| all.insert(Header { key, value: *value }));
    to(Some(b"k"), Some(b"v"), headers);
    producer.commit_transaction(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_batch_call_gives_each_record_as_it_is_and_committed_ones_only() {
    let fixture = Fixture::new("batch", &[]).await;
    produce(&fixture);
    let mut member = fixture.member();
    member.source.assign(&[(P0, Offset(0)), (P1, Offset(0))]).unwrap();
    let fetched = fetch(&mut member.source, 4);
    let bytes = |text: &[u8]| Some(text.to_vec());
    let named = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let headers = vec![
        named("twice", Some(b"1")),
        named("twice", Some(b"\xff\x00")),
        named("null", None),
        named("empty", Some(b"")),
    ];
    let wanted: Vec<Read> = vec![
        (0, None, bytes(b"no key"), vec![]),
        // 1 is the marker of the commit; 2 and 3 are the aborted record and its marker.
        (4, bytes(b""), bytes(b""), vec![]),
        (5, bytes(b"gone"), None, vec![]),
        (6, bytes(b"k"), bytes(b"v"), headers),
    ];
    assert_eq!(whole(P0, &fetched), wanted);
    assert!(fetched.iter().flat_map(|fetched| fetched.messages()).all(|message| message.timestamp() == 1_234));

    member.source.assign(&[(P0, Offset(5)), (P1, Offset(0))]).unwrap();
    let again = fetch(&mut member.source, 2);
    assert_eq!(whole(P0, &again), wanted[2..], "a rewound partition is read again from there");
}

/// A stop of librdkafka's clears where a partition's records go, some time after it was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_assigned_again_and_with_others_are_read_every_time() {
    let fixture = Fixture::new("again", &[]).await;
    produce(&fixture);
    fixture.send(P1, b"other");
    let mut member = fixture.member();
    for round in 0..30 {
        member.source.assign(&[(P0, Offset(4))]).unwrap();
        // Now and then it is at work already.
        if round % 2 == 0 {
            assert_eq!(whole(P0, &fetch(&mut member.source, 3)).len(), 3, "round {round}");
        }
        member.source.assign(&[(P0, Offset(0)), (P1, Offset(0))]).unwrap();
        let fetched = fetch(&mut member.source, 5);
        assert_eq!((whole(P0, &fetched).len(), whole(P1, &fetched).len()), (4, 1), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_whose_reading_had_ended_is_read_again_once_its_offset_is_right() {
    let fixture = Fixture::new("fixed", &[]).await;
    produce(&fixture);
    let mut member = fixture.member();
    member.source.assign(&[(P0, Offset(1_000))]).unwrap();
    let errors = fetch(&mut member.source, 1).iter().flat_map(|fetched| fetched.errors()).count();
    assert_eq!(errors, 1, "the offset is outside the log");
    member.source.assign(&[(P0, Offset(0))]).unwrap();
    assert_eq!(whole(P0, &fetch(&mut member.source, 4)).len(), 4);
}

/// As when a worker panics while a checkpoint of its is under way, which asks the consumer things.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_dropped_leaves_the_group_even_if_a_reader_of_it_lives_on() {
    let fixture = Fixture::new("left", &[]).await;
    let mut member = fixture.member();
    member.source.assign(&[(P0, Offset(0)), (P1, Offset(0))]).unwrap();
    let reader = member.source.reader();
    drop(member);
    let began = Fair::start();
    let next = fixture.member();
    // A member that has not left, and is not polled, is waited for for a minute.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop((reader, next));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_outside_the_log_is_an_error_of_its_partition_and_the_others_go_on() {
    let fixture = Fixture::new("outside", &[]).await;
    produce(&fixture);
    let mut member = fixture.member();
    member.source.assign(&[(P0, Offset(0)), (P1, Offset(1_000))]).unwrap();
    let fetched = fetch(&mut member.source, 5);
    assert_eq!(whole(P0, &fetched).len(), 4);
    let errors: Vec<_> = fetched.iter().flat_map(|fetched| fetched.errors()).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].0, P1, "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_and_offsets_are_there_once_together_and_what_was_aborted_is_not() {
    let fixture = Fixture::new("once", &[]).await;
    let member = fixture.member();
    let (zombie, from) = (member.metadata.clone(), BTreeMap::from([(P0, Offset(5))]));
    let outbox = letters(&[(3, b"before"), (5, b"a"), (8, b"b")]);
    let mut publisher = fixture.publisher();
    publisher.publish(&outbox, &from, &[(P0, Offset(9))], &member.metadata).await.unwrap();
    assert_eq!(fixture.offsets_seen(), ["5", "8"], "letters before `from` are in Kafka already");
    let seen = fixture.letters_seen("read_committed");
    assert_eq!((seen[0].key(), seen[0].payload()), (Some(&b"k"[..]), Some(&b"a"[..])));
    assert_eq!(seen[0].headers().unwrap().get(0).key, "trace", "the record's own headers come first");
    assert_eq!(header(&seen[0], "weir.code").as_deref(), Some("AMOUNT_NEGATIVE"));
    let known = member.source.reader().committed(&[P0, P1]).await.unwrap();
    assert_eq!(known, [(P0, Some(Offset(9))), (P1, None)]);

    // The member leaves; from then on its proof of membership is nobody's.
    drop(member);
    let member = fixture.member();
    // So many that some are sent before the offsets are refused.
    let many: Vec<(i64, &[u8])> = (11..30_011).map(|offset| (offset, &b"c"[..])).collect();
    let refused = publisher.publish(&letters(&many), &BTreeMap::new(), &[(P0, Offset(30_011))], &zombie).await;
    assert!(matches!(refused, Err(PublishError::Group(_))), "{refused:?}");
    assert!(fixture.letters_seen("read_uncommitted").len() > 2, "some were sent");
    assert_eq!(fixture.offsets_seen(), ["5", "8"], "and aborted");
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(9)))]);

    let one = letters(&[(11, b"c")]);
    publisher.publish(&one, &BTreeMap::new(), &[(P0, Offset(12))], &member.metadata).await.unwrap();
    assert_eq!(fixture.offsets_seen(), ["5", "8", "11"], "the same publisher goes on under the new assignment");
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(12)))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_publishers_with_one_id_the_older_is_fenced() {
    let fixture = Fixture::new("fenced", &[]).await;
    let member = fixture.member();
    let twin = || Publisher::with_id(&fixture.source, Destinations::new(&fixture.letters), "one-id".into());
    let (mut older, mut newer, from) = (twin(), twin(), BTreeMap::new());
    older.publish(&letters(&[(1, b"a")]), &from, &[(P0, Offset(2))], &member.metadata).await.unwrap();
    newer.resolve_in_doubt().await.unwrap();
    let fenced = older.publish(&letters(&[(2, b"b")]), &from, &[(P0, Offset(3))], &member.metadata).await;
    assert!(matches!(fenced, Err(PublishError::Unknown(_))), "what became of it the group's offset says: {fenced:?}");
    newer.publish(&letters(&[(2, b"b")]), &from, &[(P0, Offset(3))], &member.metadata).await.unwrap();
    assert_eq!(fixture.offsets_seen(), ["1", "2"]);
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(3)))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_was_made_ahead_publishes_even_if_who_waited_for_it_gave_up() {
    let fixture = Fixture::new("ahead", &[]).await;
    let member = fixture.member();
    let (mut publisher, from) = (fixture.publisher(), BTreeMap::new());
    publisher.prepare_ahead();
    drop(tokio::time::timeout(Duration::ZERO, publisher.resolve_in_doubt()).await);
    for next in 1..4 {
        let one = letters(&[(next, b"a")]);
        publisher.publish(&one, &from, &[(P0, Offset(next + 1))], &member.metadata).await.unwrap();
    }
    assert_eq!(fixture.offsets_seen(), ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_let_its_producer_go_makes_another() {
    let fixture = Fixture::new("rests", &[]).await;
    let member = fixture.member();
    let (mut publisher, from) = (fixture.publisher(), BTreeMap::new());
    publisher.prepare_ahead();
    for next in 1..3 {
        // The first time it is on its way still.
        publisher.close_idle().await;
        let one = letters(&[(next, b"a")]);
        publisher.publish(&one, &from, &[(P0, Offset(next + 1))], &member.metadata).await.unwrap();
    }
    assert_eq!(fixture.offsets_seen(), ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_that_replay_one_outbox_only_the_newest_generation_publishes() {
    let fixture = Fixture::new("replays", &[]).await;
    let old = fixture.member();
    let zombie = old.metadata.clone();
    drop(old);
    let member = fixture.member();
    let (outbox, from, to) = (letters(&[(5, b"a"), (8, b"b")]), BTreeMap::new(), [(P0, Offset(9))]);
    let (mut of_zombie, mut of_member) = (fixture.publisher(), fixture.publisher());
    let (refused, through) = tokio::join!(
        of_zombie.publish(&outbox, &from, &to, &zombie),
        of_member.publish(&outbox, &from, &to, &member.metadata)
    );
    assert!(matches!(refused, Err(PublishError::Group(_))), "{refused:?}");
    through.unwrap();
    assert_eq!(fixture.offsets_seen(), ["5", "8"]);
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(9)))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_around_the_topic_s_limit_all_arrive_whole_or_cut_and_marked() {
    const LIMIT: usize = 20_000;
    let fixture = Fixture::new("limit", &[("max.message.bytes", "20000")]).await;
    let member = fixture.member();
    let sizes: Vec<usize> = (0..100).map(|n| 500 + n).chain((LIMIT - 3_000..LIMIT + 1_000).step_by(40)).collect();
    let sizes: Vec<usize> = sizes.into_iter().chain([LIMIT, 300_000, 900_000]).collect();
    let values: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
    let records: Vec<(i64, &[u8])> = (0..).zip(values.iter().map(Vec::as_slice)).collect();
    let end = Offset(records.len() as i64);
    fixture.publisher().publish(&letters(&records), &BTreeMap::new(), &[(P0, end)], &member.metadata).await.unwrap();
    let seen = fixture.letters_seen("read_committed");
    assert_eq!(seen.len(), sizes.len());
    let mut cut = 0;
    for (offset, (letter, size)) in seen.iter().zip(&sizes).enumerate() {
        assert_eq!(header(letter, "__dlq.errors.offset"), Some(offset.to_string()), "in order");
        let there = letter.payload().unwrap().len();
        match header(letter, "weir.value.cut") {
            None => assert_eq!(there, *size, "a value that is not marked is whole"),
            Some(was) => {
                assert_eq!(was, size.to_string());
                assert!(there < *size && there > LIMIT - 3_000, "{there} of {size}");
                cut += 1;
            }
        }
    }
    assert!(cut > 3 && cut < 60, "{cut} were cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_compressed_in_the_queue_unless_it_is_told_otherwise() {
    let value = "the same text again and again ".repeat(30);
    let many: Vec<(i64, &[u8])> = (0..2_000).map(|offset| (offset, value.as_bytes())).collect();
    let (plain, many) = (many.len() * value.len(), letters(&many));
    let mut sizes = Vec::new();
    for told in [None, Some("compression.type"), Some("compression.codec")] {
        let name = told.map_or("packed".to_owned(), |told| told.replace('.', "_"));
        let mut fixture = Fixture::new(&name, &[]).await;
        fixture.letters.properties.extend(told.map(|told| (told.to_owned(), "none".to_owned())));
        let member = fixture.member();
        let offsets = [(P0, Offset(2_000))];
        fixture.publisher().publish(&many, &BTreeMap::new(), &offsets, &member.metadata).await.unwrap();
        sizes.push(fixture.bytes_in_queue());
    }
    assert!(sizes[0] < plain / 4, "{} bytes in the log of {plain}", sizes[0]);
    assert!(sizes[1] > plain && sizes[2] > plain, "{sizes:?} bytes of {plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_codec_are_read_and_letters_of_every_codec_listed() {
    let fixture = Fixture::new("codecs", &[]).await;
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in codecs {
        let producer: BaseProducer =
            fixture.client().set("compression.type", codec).set("linger.ms", "50").create().unwrap();
        // Compressible, and enough of them: what does not get smaller is sent as it is.
        for number in 0..100 {
            for topic in [&fixture.source.topic, &fixture.letters.topic] {
                let value = format!("{codec} {number} {}", "a".repeat(100));
                let record = BaseRecord::<(), _>::to(topic).partition(0).payload(&value);
                producer.send(record).map_err(|(why, _)| why).unwrap();
            }
        }
        producer.flush(PATIENCE).unwrap();
    }
    let mut member = fixture.member();
    member.source.assign(&[(P0, Offset(0)), (P1, Offset(0))]).unwrap();
    let fetched = fetch(&mut member.source, 500);
    let errors: Vec<_> = fetched.iter().flat_map(|fetched| fetched.errors()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let values = |codec: &str| {
        whole(P0, &fetched)
            .iter()
            .filter(|(_, _, value, _)| value.as_deref().is_some_and(|value| value.starts_with(codec.as_bytes())))
            .count()
    };
    assert_eq!(codecs.map(values), [100; 5]);
    let wanted = weir::outbox::Wanted {
        topic: &fixture.letters.topic,
        limit: 1_000,
        code: None,
        within: PATIENCE,
        text: 10,
        bytes: usize::MAX,
    };
    let read = tokio::task::block_in_place(|| {
        weir::outbox::tail(&fixture.source.brokers, &weir::config::Properties::default(), &wanted).unwrap()
    });
    assert_eq!(read.letters.len(), 500);
}
