//! Alerts on their way to a topic that no configuration names any more, or that is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::message::Message as _;
use weir::model::alert::Alert;
use weir::model::checkpoint::OutboxChunk;
use weir::model::ids::{Offset, Revision};
use weir::model::letter::Cut;
use weir::outbox::PublishError;
use weir::outbox::format::Alerts;

use crate::kafka::fixture::{Fixture, P0, chunk};
use weir::outbox::Destination;

/// A letter, and an alert of each of these offsets for this topic.
fn outbox(topic: &str, offsets: &[i64]) -> Arc<[OutboxChunk]> {
    let mut alerts = Alerts::to(topic);
    for offset in offsets {
        alerts.push(&Alert {
            offset: Offset(*offset),
            timestamp: -1,
            key: Some(b"k"),
            value: None,
            cut: Cut::default(),
            revision: Revision(1),
            hits: vec![],
            more: 0,
            fields: vec![],
        });
    }
    let first_offset = alerts.first_offset().unwrap();
    let alerts = OutboxChunk { partition: P0, first_offset, chunk: 1, letters: alerts.into_bytes() };
    Arc::new([chunk(Destination::DEAD_LETTERS, 0, &[(5, b"a")]), alerts])
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_for_a_topic_that_is_gone_wait_until_it_is_made_again() {
    let fixture = Fixture::new("alerts", &[]).await;
    let member = fixture.member();
    let topic = format!("alerts_{}", fixture.source.topic);
    let (all, from, to) = (outbox(&topic, &[6, 7]), BTreeMap::from([(P0, Offset(5))]), [(P0, Offset(9))]);
    // Its configuration names no alert topic.
    let mut publisher = fixture.publisher();
    let refused = publisher.publish(&all, &from, &to, &member.metadata).await;
    assert!(matches!(refused, Err(PublishError::AlertTopic { .. })), "{refused:?}");
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains(&topic) && said.contains("kafka-topics.sh") && said.contains("docs/operations.md#alerts"),
        "{said}"
    );
    assert_eq!(fixture.letters_seen("read_uncommitted").len(), 0, "no transaction began");

    fixture.topic(&topic, 1, &[]).await;
    publisher.publish(&all, &from, &to, &member.metadata).await.unwrap();
    assert_eq!(fixture.offsets_seen(), ["5"]);
    let alerts = fixture.seen(&topic, 1, "read_committed");
    let json = |at: usize| String::from_utf8_lossy(alerts[at].payload().expect("JSON")).into_owned();
    assert!(alerts.len() == 2 && json(0).contains("\"offset\":6,") && json(1).contains("\"offset\":7,"));
    assert_eq!(member.source.reader().committed(&[P0]).await.unwrap(), [(P0, Some(Offset(9)))]);
}
