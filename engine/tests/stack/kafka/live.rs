//! The newest letters in memory: one reader for all, which goes on behind what it has read.

use std::time::Duration;

use weir::config::Properties;
use weir::outbox::{HeldLetters, LiveTail, Progress, Topic};
use weir_testkit::wait::until;

use super::positions::letters;
use crate::kafka::fixture::Fixture;

fn topic(fixture: &Fixture, name: &str) -> Topic {
    let (brokers, properties) = (fixture.source.brokers.clone(), Properties::default());
    Topic { brokers, properties, name: name.to_owned() }
}

fn progress(tail: &LiveTail<HeldLetters>) -> Progress {
    tail.look(|_, progress| progress.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_counted_once_each_by_code_rule_and_version_and_those_that_come_too() {
    let fixture = Fixture::new("live", &[]).await;
    letters(&fixture, &[(0, 1, "a", "ab12", 60_000), (1, 1, "a", "ab12", 120_000), (0, 2, "b", "cd34", 180_000)]);
    let tail = LiveTail::<HeldLetters>::new(topic(&fixture, &fixture.letters.topic));
    tail.begin(weir_testkit::wait::STILL).await;
    let read = |wanted: u64| until("letters are read", || progress(&tail).read == wanted);
    tokio::task::block_in_place(|| read(3));
    letters(&fixture, &[(0, 3, "a", "ab12", 240_000)]);
    tokio::task::block_in_place(|| read(4));
    tail.look(|held, progress| {
        let groups: Vec<_> = held
            .groups()
            .map(|(key, group)| (key.code.as_str(), key.rule.as_str(), group.letters, group.first, group.last))
            .collect();
        assert_eq!(
            groups,
            [("AMOUNT_NEGATIVE", "a", 3, 60_000, 240_000), ("AMOUNT_NEGATIVE", "b", 1, 180_000, 180_000)]
        );
        let newest: Vec<_> = held.newest().map(|letter| letter.timestamp).collect();
        assert_eq!(newest, [240_000, 180_000, 120_000, 60_000]);
        assert_eq!((progress.passed_over, &progress.problem), (0, &None));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_read_is_told_and_nobody_waits_for_it() {
    let fixture = Fixture::new("live_none", &[]).await;
    let tail = LiveTail::<HeldLetters>::new(topic(&fixture, "no_such_topic"));
    tail.begin(weir_testkit::wait::STILL).await;
    let Progress { as_of, problem, .. } = progress(&tail);
    assert!(as_of.is_none() && problem.as_deref().is_some_and(|why| why.contains("no_such_topic")), "{problem:?}");
    let began = std::time::Instant::now();
    (0..1_000).for_each(|_| drop(progress(&tail)));
    assert!(began.elapsed() < Duration::from_secs(1), "a look waits for nobody");
}
