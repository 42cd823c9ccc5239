//! One transaction for several topics: letters and a second destination, which has fewer partitions and takes shorter messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir::model::checkpoint::OutboxChunk;
use weir::model::ids::Offset;
use weir::outbox::{Destination, Destinations, PublishError, Publisher};

use crate::kafka::fixture::{Fixture, P0, chunk, header};

/// One that nobody has yet, whose messages look like letters.
const OTHER: Destination = Destination(2);
const LIMIT: usize = 20_000;
const PATIENCE: Duration = weir_testkit::wait::STILL;

/// A fixture with a second topic.
struct TwoDestinations {
    fixture: Fixture,
    other: String,
}

impl TwoDestinations {
    async fn new(name: &str) -> Self {
        let fixture = Fixture::new(name, &[]).await;
        let other = format!("other_{}", fixture.source.topic);
        fixture.topic(&other, 1, &[("max.message.bytes", &LIMIT.to_string())]).await;
        Self { fixture, other }
    }

    fn publisher(&self, id: &str) -> Publisher {
        let destinations = Destinations::new(&self.fixture.letters).with(OTHER, "other.topic", &self.other);
        Publisher::with_id(&self.fixture.source, destinations, id.to_owned())
    }

    /// Offsets of the source records whose messages a reader of this isolation level sees, in each topic.
    fn offsets_seen(&self, isolation: &str) -> [Vec<String>; 2] {
        let offset = |message: &rdkafka::message::OwnedMessage| header(message, "__dlq.errors.offset");
        [
            self.fixture.letters_seen(isolation).iter().filter_map(offset).collect(),
            self.fixture.seen(&self.other, 1, isolation).iter().filter_map(offset).collect(),
        ]
    }
}

/// These records for the letters, those for the alerts, all of partition 0.
fn outbox(letters: &[(i64, &[u8])], alerts: &[(i64, &[u8])]) -> Arc<[OutboxChunk]> {
    Arc::new([chunk(Destination::DEAD_LETTERS, 0, letters), chunk(OTHER, 1, alerts)])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_destination_gets_its_own_in_one_transaction_each_within_its_topic_s_limit() {
    let both = TwoDestinations::new("both").await;
    let member = both.fixture.member();
    let long = vec![b'x'; 3 * LIMIT];
    let all = outbox(&[(3, b"before"), (5, &long), (8, b"b")], &[(4, b"before"), (6, &long), (7, b"c")]);
    let from = BTreeMap::from([(P0, Offset(5))]);
    both.publisher("both").publish(&all, &from, &[(P0, Offset(9))], &member.metadata).await.unwrap();
    assert_eq!(both.offsets_seen("read_committed"), [vec!["5", "8"], vec!["6", "7"]]);
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(9)))]);

    let (letters, alerts) =
        (both.fixture.letters_seen("read_committed"), both.fixture.seen(&both.other, 1, "read_committed"));
    assert_eq!(letters[0].payload().map(<[u8]>::len), Some(long.len()), "the letter topic takes it whole");
    assert_eq!(header(&alerts[0], "weir.value.cut"), Some(long.len().to_string()));
    assert!(alerts[0].payload().is_some_and(|value| value.len() < LIMIT));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_leaves_nothing_in_any_destination() {
    let both = TwoDestinations::new("neither").await;
    let member = both.fixture.member();
    let zombie = member.metadata.clone();
    drop(member);
    let member = both.fixture.member();
    // So many that some of both are sent before the offsets are refused.
    let many: Vec<(i64, &[u8])> = (0..20_000).map(|offset| (offset, &b"c"[..])).collect();
    let (all, to, mut publisher) = (outbox(&many, &many[..300]), [(P0, Offset(20_000))], both.publisher("neither"));
    let refused = publisher.publish(&all, &BTreeMap::new(), &to, &zombie).await;
    assert!(matches!(refused, Err(PublishError::Group(_))), "{refused:?}");
    let sent = both.offsets_seen("read_uncommitted");
    assert!(sent.iter().all(|sent| sent.len() > 2), "some of both were sent: {:?}", sent.map(|sent| sent.len()));
    assert_eq!(both.offsets_seen("read_committed"), [vec![""; 0], vec![]], "and aborted");
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, None)]);

    let few = outbox(&[(1, b"a")], &[(2, b"b")]);
    publisher.publish(&few, &BTreeMap::new(), &[(P0, Offset(3))], &member.metadata).await.unwrap();
    assert_eq!(both.offsets_seen("read_committed"), [vec!["1"], vec!["2"]], "the same publisher goes on");
}

/// As when a process was killed within its transaction: messages of both topics are in their logs, and undecided.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_crash_left_open_is_ended_by_the_next_one_and_both_come_once() {
    let both = TwoDestinations::new("crashed").await;
    let member = both.fixture.member();
    let crashed: BaseProducer = both.fixture.client().set("transactional.id", "crashed").create().unwrap();
    crashed.init_transactions(PATIENCE).unwrap();
    crashed.begin_transaction().unwrap();
    for topic in [&both.fixture.letters.topic, &both.other] {
        let record = BaseRecord::<(), _>::to(topic).partition(0).payload("undecided");
        crashed.send(record).map_err(|(why, _)| why).unwrap();
    }
    crashed.flush(PATIENCE).unwrap();

    let all = outbox(&[(5, b"a"), (8, b"b")], &[(6, b"c")]);
    let (from, to) = (BTreeMap::new(), [(P0, Offset(9))]);
    both.publisher("crashed").publish(&all, &from, &to, &member.metadata).await.unwrap();
    assert!(crashed.commit_transaction(PATIENCE).is_err(), "it is fenced");
    assert_eq!(both.offsets_seen("read_committed"), [vec!["5", "8"], vec!["6"]]);
    assert_eq!(both.fixture.letters_seen("read_committed").len(), 2, "nothing of the one that crashed");
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(9)))]);
}

/// As the checkpoint does it: whoever comes next ends what is undecided, asks the group's offset, and publishes what is not there.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_a_publisher_is_given_up_the_next_one_leaves_each_message_once_in_both() {
    let both = TwoDestinations::new("given_up").await;
    let member = both.fixture.member();
    let (mut wanted, mut committed) = (Vec::new(), 0);
    for (round, millis) in [0, 1, 3, 6, 10, 15, 25, 40, 80].into_iter().enumerate() {
        let at = round as i64 * 10;
        let (all, to) = (outbox(&[(at, b"a")], &[(at, b"b")]), [(P0, Offset(at + 1))]);
        let from = BTreeMap::from([(P0, Offset(at))]);
        let mut first = both.publisher("given_up");
        first.resolve_in_doubt().await.unwrap();
        let published = first.publish(&all, &from, &to, &member.metadata);
        let _ = tokio::time::timeout(Duration::from_millis(millis), published).await;

        let mut next = both.publisher("given_up");
        next.resolve_in_doubt().await.unwrap();
        let known = member.source.reader().committed(&[P0]).await.unwrap();
        match known[0].1 == Some(Offset(at + 1)) {
            true => committed += 1,
            false => next.publish(&all, &from, &to, &member.metadata).await.unwrap(),
        }
        wanted.push(at.to_string());
    }
    assert_eq!(both.offsets_seen("read_committed"), [wanted.clone(), wanted], "{committed} had been committed");
}
