//! A broker that is 50 ms away: what waiting for it costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use weir::model::ids::Offset;

use crate::kafka::fixture::*;
use weir_testkit::wait::Fair;

/// The CPU that each of this process' threads of librdkafka which speak to brokers has taken. A tick is 10 ms on every Linux
/// that this runs on.
fn brokers_cpu() -> BTreeMap<String, Duration> {
    let mut all = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let (name, rest) = stat.rsplit_once(')').unwrap();
        if name.contains("(rdk:broker") {
            all.insert(task.file_name().to_string_lossy().into_owned(), cpu(rest));
        }
    }
    all
}

/// User and system time, the 14th and 15th field of a `stat`; the third comes first here.
fn cpu(rest: &str) -> Duration {
    let ticks: u64 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// What a child has taken, also if it has ended and was not waited for.
fn cpu_of(child: u32) -> Duration {
    cpu(std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap().rsplit_once(')').unwrap().1)
}

/// librdkafka's thread asks without a pause for the answer of what is under way, if more letters are ready behind it.
#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_a_broker_that_is_far_without_taking_a_core() {
    // Many rounds of few letters: a request holds about 20 of them.
    let mut fixture = Fixture::new("far", &[("max.message.bytes", "20000")]).await;
    let member = fixture.member();
    fixture.goes_far();
    let mut publisher = fixture.publisher();
    publisher.resolve_in_doubt().await.unwrap();
    let many: Vec<(i64, &[u8])> = (0..600).map(|offset| (offset, &b"a value"[..])).collect();
    let (outbox, began, before) = (letters(&many), Instant::now(), brokers_cpu());
    publisher.publish(&outbox, &BTreeMap::new(), &[(P0, Offset(600))], &member.metadata).await.unwrap();
    let (took, after) = (began.elapsed(), brokers_cpu());
    assert_eq!(fixture.letters_seen("read_committed").len(), 600);
    assert!(took > FAR * 30, "only {took:?}: it went another way than the long one");
    let busiest = after.iter().map(|(thread, cpu)| *cpu - before.get(thread).copied().unwrap_or_default()).max();
    assert!(busiest.unwrap() < took / 5, "a thread took {busiest:?} of {took:?}");
}

/// Letters, the group's offsets and the commit: what depends on nothing goes beside each other. Three at least; the bound leaves room
/// for a busy machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_few_letters_takes_three_round_trips() {
    let mut fixture = Fixture::new("trips", &[]).await;
    let member = fixture.member();
    fixture.goes_far();
    let mut publisher = fixture.publisher();
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

/// The same of `weir produce`, whose producer is idempotent too: it took 0.84 of 2.35 s before. And all of it takes its rounds: each
/// ends when its records have arrived.
#[tokio::test(flavor = "multi_thread")]
async fn produce_waits_for_a_broker_that_is_far_without_taking_a_core() {
    let mut fixture = Fixture::new("far_produce", &[]).await;
    fixture.goes_far();
    let folder = tempfile::tempdir().unwrap();
    let (mapping, input) = (folder.path().join("mapping.toml"), folder.path().join("rows.csv"));
    std::fs::write(&mapping, "key = \"id\"\n\n[fields]\nid = { column = \"id\", kind = \"text\" }\n").unwrap();
    let rows: String = (0..3_000).map(|row| format!("{row}\n")).collect();
    std::fs::write(&input, format!("id\n{rows}")).unwrap();
    // Many rounds of few records: else all of it would be one.
    let began = Fair::start();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["produce", "--brokers", &fixture.source.brokers, "--topic", &fixture.source.topic, "--mapping"])
        .arg(mapping)
        .args(["-X", "batch.num.messages=50"])
        .arg(input)
        .spawn()
        .unwrap();
    let mut usage = Duration::ZERO;
    while child.try_wait().unwrap().is_none() {
        usage = cpu_of(child.id());
        std::thread::sleep(Duration::from_millis(10));
    }
    let (took, fair) = (began.wall(), began.elapsed());
    assert!(child.wait().unwrap().success());
    assert!(took > FAR * 40, "only {took:?}: it went another way than the long one");
    assert!(fair < FAR * 2 * 40 * 3, "{fair:?} for 40 rounds of {:?}", FAR * 2);
    assert!(usage < took / 4, "{usage:?} of {took:?}");
}
