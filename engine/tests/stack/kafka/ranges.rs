//! Reading a range of a log without a group.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use weir::config::Properties;
use weir::kafka::{Cluster, Range, RangeReader};

use crate::kafka::fixture::{Fixture, P1};
use crate::kafka::produce;

const PATIENCE: Duration = weir_testkit::wait::STILL;

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_read_to_its_end_and_no_further_without_a_group() {
    let fixture = Fixture::new("ranges", &[]).await;
    produce(&fixture);
    for value in ["a", "b", "c"] {
        fixture.send(P1, value.as_bytes());
    }
    tokio::task::block_in_place(|| {
        let (brokers, none) = (fixture.source.brokers.as_str(), Properties::default());
        let cluster = Cluster { brokers, properties: &none, keys: ("--brokers", "-X") };
        let reader = RangeReader::new(cluster, &fixture.source.topic).unwrap();
        let until = || Instant::now() + PATIENCE;
        let range = |partition, from, to| Range { partition, from, to };
        // Markers and an aborted record take offsets, too.
        assert_eq!(reader.whole(until()).unwrap(), [range(0, 0, 8), range(1, 0, 3)]);
        let read = |ranges: &[Range]| {
            let mut seen = Vec::new();
            let ended = reader.read(ranges, until(), |message| seen.push((message.partition(), message.offset())));
            assert!(ended.unwrap(), "{ranges:?} within {PATIENCE:?}");
            seen.sort_unstable();
            seen
        };
        assert_eq!(read(&[range(0, 0, 5)]), [(0, 0), (0, 4)]);
        assert_eq!(read(&[range(0, 1, 4)]), [], "a marker, an aborted record and its marker");
        assert_eq!(read(&[range(0, 5, 8), range(1, 1, 2)]), [(0, 5), (0, 6), (1, 1)], "the last offset is a marker's");
        assert_eq!(
            read(&[range(0, 4, 100), range(1, 3, 3)]),
            [(0, 4), (0, 5), (0, 6)],
            "the log ends before the range"
        );
        assert_eq!(read(&[]), []);
        assert!(!reader.read(&[range(0, 0, 8)], Instant::now(), |_| {}).unwrap(), "no time is left");

        let other = fixture.client().set("group.id", "other").create::<BaseConsumer>().unwrap();
        let groups = other.fetch_group_list(None, PATIENCE).unwrap();
        assert!(groups.groups().iter().all(|group| group.name() != "weir-reader"), "nobody heard of a group");

        let missing = RangeReader::new(cluster, "no_such_topic").unwrap().whole(until()).unwrap_err().to_string();
        assert!(missing.contains("no_such_topic"), "{missing}");
    });
}
