//! How long partitions stand still after one of two instances is gone: by SIGKILL, and by SIGTERM.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, MySqlConnection};

use crate::alone;
use crate::flow::Flow;
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;

/// What the engine sets unless the configuration says otherwise.
const SESSION: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;
/// For a machine that does other things besides: a single round may take so much longer, the median may not.
const MARGIN: Duration = Duration::from_secs(3);

#[test]
fn partitions_of_a_killed_and_of_a_stopped_instance_are_judged_again_in_time() {
    let _alone = alone();
    let pipeline = TestPipeline::on(Arc::new(Stack::up()), "recovery", PAYSIM, &RULES)
        .with(r#"interval = "1s""#, r#"interval = "200ms""#);
    pipeline.grow(&pipeline.topic(), 6);
    let _flow = Flow::start(&pipeline, 1, 2_000);
    let log = tempfile::NamedTempFile::new().expect("a log");
    let start = || pipeline.start_beside(log.path());
    let (mut stays, (mut goes, mut admin)) = (start().0, start());
    stays.until("it judges", Duration::from_secs(60), || pipeline.position() > 0);
    let mut at = Positions::of(&pipeline);
    // Twice: what else the machine does is measured with it. What is too slow by itself is so both times.
    for last in [false, true] {
        let (mut killed, mut stopped) = (Vec::new(), Vec::new());
        for round in 0..2 * ROUNDS {
            share(&mut at, &mut stays, &mut goes, admin);
            if round % 2 == 0 {
                let gone = Instant::now();
                goes.kill();
                // What it had sent to the database may still be done there.
                std::thread::sleep(Duration::from_millis(300));
                killed.push(until_all_move(&mut at, &mut stays, gone));
            } else {
                let asked = Instant::now();
                goes.stop();
                let gone = Instant::now();
                stopped.push(until_all_move(&mut at, &mut stays, gone));
                println!("SIGTERM: the process ended after {:?}", gone - asked);
            }
            (goes, admin) = start();
        }
        println!(
            "judged again after SIGKILL (session.timeout {SESSION:?}): {killed:?}; after a clean stop: {stopped:?}"
        );
        let killed = in_time("SIGKILL", killed, SESSION + Duration::from_secs(2));
        match killed.and(in_time("a clean stop", stopped, Duration::from_secs(1))) {
            Ok(()) => break,
            Err(why) if last => panic!("twice: {why}"),
            Err(why) => println!("{why}: all rounds once more"),
        }
    }
}

/// Until both have partitions and all of them move.
fn share(at: &mut Positions, stays: &mut Engine, goes: &mut Engine, admin: u16) {
    let running = || {
        let (_, text) = ask(admin, "GET", "/pipeline", "application/json", b"")?;
        let status: serde_json::Value = serde_json::from_str(&text).ok()?;
        let partitions = status["partitions"].as_array()?;
        Some(!partitions.is_empty() && partitions.iter().all(|partition| partition["state"] == "running"))
    };
    goes.until("it has partitions", Duration::from_secs(60), || running() == Some(true));
    until_all_move(at, stays, Instant::now());
    goes.runs();
}

/// How long after `since` the last of all partitions had a new checkpoint.
fn until_all_move(at: &mut Positions, stays: &mut Engine, since: Instant) -> Duration {
    let before = at.read();
    let mut moved = || {
        let now = at.read();
        now.len() == 6 && now.iter().all(|(partition, at)| before.get(partition).is_none_or(|before| at > before))
    };
    let end = since + Duration::from_secs(60);
    while !moved() {
        stays.runs();
        assert!(Instant::now() < end, "not all partitions moved on from {before:?}\n{}", stays.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    since.elapsed()
}

/// Positions of the partitions, read on one connection: a client's process for each look would be measured too.
struct Positions {
    runtime: tokio::runtime::Runtime,
    connection: MySqlConnection,
}

impl Positions {
    fn of(pipeline: &TestPipeline) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connection = runtime.block_on(MySqlConnection::connect(&pipeline.url())).expect("a connection");
        Self { runtime, connection }
    }

    /// Next offsets by partition.
    fn read(&mut self) -> BTreeMap<i64, i64> {
        let sql = "SELECT CAST(`partition` AS SIGNED), COALESCE(next_offset, 0) FROM weir_partition";
        let rows = sqlx::query_as(sql).fetch_all(&mut self.connection);
        self.runtime.block_on(rows).expect("the database answers").into_iter().collect()
    }
}

fn in_time(after: &str, mut took: Vec<Duration>, limit: Duration) -> Result<(), String> {
    took.sort();
    match (took[took.len() / 2], took[took.len() - 1]) {
        (median, _) if median > limit => Err(format!("after {after}: the median of {took:?} is beyond {limit:?}")),
        (_, most) if most > limit + MARGIN => Err(format!("after {after}: {took:?} is far beyond {limit:?}")),
        _ => Ok(()),
    }
}
