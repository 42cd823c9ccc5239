//! Very many groups in one window: checkpoints stay within their bounds, memory too, and every group is there once.

use std::time::{Duration, Instant};

use crate::edges_store::fixture::Fixture;
use weir_testkit::pipeline::api::behind;
use weir_testkit::wait::STILL;

/// `WEIR_GROUPS=1000000` tries more by hand.
fn groups() -> i64 {
    std::env::var("WEIR_GROUPS").map_or(100_000, |text| text.parse().expect("a number"))
}

/// What a worker fetches in one call, all of which may be new groups to a checkpoint that is almost full.
const FETCH: i64 = 8_000;
/// Of the whole process, in a debug build too.
const MEMORY_MIB: u64 = 512;

#[test]
fn hundreds_of_thousands_of_groups_in_one_window_keep_checkpoints_and_memory_bounded() {
    let fixture = Fixture::new("groups");
    let count = groups();
    let bound = count / 10;
    fixture.change("[\"type\"]", &format!("[\"type\", \"account\"]\nmax_groups = {count}"));
    fixture.change("[window]", "account = { kind = \"text\" }\n\n[window]");
    fixture.change("interval = \"200ms\"", &format!("interval = \"60s\"\ndrain = \"30s\"\nmax_groups = {bound}"));
    // Two payments of each account, far apart, so that the second finds its row in the store.
    for n in 0..2 * count {
        let account = n % count;
        fixture.payments.put(
            (account % 4) as i32,
            &format!(r#"{{"event_time":1700000000000,"type":"PAYMENT","amount":{n}.25,"account":"C{account}"}}"#),
        );
    }
    fixture.payments.flush();
    let began = Instant::now();
    let mut engine = fixture.start();
    fixture.until_ready(&mut engine);
    let (end, mut memory) = (2 * count, 0);
    let (mut last, mut moved) = (None, Instant::now());
    // What is left then is less than a checkpoint holds: the last one, at the end, takes it. What was judged is no measure, for a
    // rebalance at the start may have some of it judged again.
    loop {
        let left = behind(fixture.admin, 4);
        if left == Some(0) {
            break;
        }
        if left != last {
            (last, moved) = (left, Instant::now());
        }
        engine.runs();
        memory = memory.max(engine.memory());
        assert!(moved.elapsed() < STILL, "{} of {end}, and {left:?} are left for long", fixture.position());
        std::thread::sleep(Duration::from_millis(200));
    }
    // The last checkpoint may take as long as `drain` lets it.
    engine.signal("TERM");
    assert!(engine.until_ended("SIGTERM").success(), "{}", engine.said());
    let time = began.elapsed();
    let checkpoints = fixture.sql("SELECT SUM(`checkpoint`), MAX(`checkpoint`) FROM weir_partition");
    println!("{count} groups twice: {time:?}, {memory} MiB at most, checkpoints {checkpoints:?}");
    assert_eq!(fixture.position(), end);
    let least = end / (bound + FETCH) / 4;
    let most: i64 = checkpoints[0][1].parse().unwrap();
    assert!(most >= least, "a checkpoint wrote more than {bound} groups: {most} checkpoints, {least} are needed");
    assert!(memory < MEMORY_MIB, "{memory} MiB");
    let sums = fixture
        .sql("SELECT COUNT(*), MIN(records), MAX(records), SUM(amount_sum), COUNT(DISTINCT account) FROM risk_stats");
    let total = (0..2 * count).map(|n| i128::from(n) * 100 + 25).sum::<i128>();
    let want =
        [count.to_string(), "2".into(), "2".into(), format!("{}.{:02}", total / 100, total % 100), count.to_string()];
    assert_eq!(sums, [want.to_vec()]);
}
