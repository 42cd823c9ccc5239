//! A broker that is 50 ms away: what waiting for it costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use weir::model::ids::Offset;

use crate::bed::*;

/// The CPU that each of this process' threads of librdkafka which speak to brokers has taken. A tick is 10 ms on every Linux
/// that this runs on.
fn brokers_cpu() -> BTreeMap<String, Duration> {
    let mut all = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let (name, rest) = stat.rsplit_once(')').unwrap();
        if name.contains("(rdk:broker") {
            // User and system time are the 14th and 15th field; the third comes first here.
            let ticks: u64 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
            all.insert(task.file_name().to_string_lossy().into_owned(), Duration::from_millis(ticks * 10));
        }
    }
    all
}

/// librdkafka's thread asks without a pause for the answer of what is under way, if more letters stand ready behind it.
#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_a_broker_that_is_far_without_taking_a_core() {
    // Many rounds of few letters: a request holds about 20 of them.
    let mut bed = Bed::new("far", &[("max.message.bytes", "20000")]).await;
    let member = bed.member();
    bed.goes_far();
    let mut publisher = bed.publisher();
    publisher.settle().await.unwrap();
    let many: Vec<(i64, &[u8])> = (0..600).map(|offset| (offset, &b"a value"[..])).collect();
    let (outbox, began, before) = (letters(&many), Instant::now(), brokers_cpu());
    publisher.publish(&outbox, &BTreeMap::new(), &[(P0, Offset(600))], &member.metadata).await.unwrap();
    let (took, after) = (began.elapsed(), brokers_cpu());
    assert_eq!(bed.letters_seen("read_committed").len(), 600);
    assert!(took > FAR * 30, "only {took:?}: it went another way than the long one");
    let busiest = after.iter().map(|(thread, cpu)| *cpu - before.get(thread).copied().unwrap_or_default()).max();
    assert!(busiest.unwrap() < took / 5, "a thread took {busiest:?} of {took:?}");
}

/// Letters, the group's offsets and the commit: what depends on nothing goes beside each other. Three at least; the bound leaves room
/// for a busy machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_few_letters_takes_three_round_trips() {
    let mut bed = Bed::new("trips", &[]).await;
    let member = bed.member();
    bed.goes_far();
    let mut publisher = bed.publisher();
    let mut trips = Vec::new();
    // The first also makes the producer and its connections.
    for next in 1..8 {
        let one = letters(&[(next, b"a")]);
        let began = Instant::now();
        publisher.publish(&one, &BTreeMap::new(), &[(P0, Offset(next + 1))], &member.metadata).await.unwrap();
        trips.push(began.elapsed().as_secs_f64() / (2 * FAR).as_secs_f64());
    }
    let least = trips[1..].iter().copied().fold(f64::MAX, f64::min);
    assert!((2.5..5.0).contains(&least), "{trips:?} round trips");
}
