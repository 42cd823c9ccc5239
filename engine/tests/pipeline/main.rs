//! The built `weir` against a real Kafka, MariaDB and Redis: what it counted and rejected is compared with the truth
//! that `weir generate` wrote beside the records. Knows the program from outside only.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[path = "common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "pipeline/truth.rs"]
mod truth;
#[path = "pipeline/way.rs"]
mod way;

use std::process::Command;
use std::time::{Duration, Instant};

use way::Way;

#[test]
fn the_whole_way_equals_the_truth_to_the_cent() {
    let way = Way::new("whole", 300_000, 7, "");
    way.produce();
    let mut engine = way.start();
    way.until_all_is_committed(&mut engine, Duration::from_secs(120));
    engine.stop();
    way.windows_equal_the_truth();
    way.dead_letters_equal_the_truth();
}

#[test]
fn kill_nine_and_restart_twenty_times_is_still_exact() {
    let quick = r#""session.timeout.ms" = "6000", "heartbeat.interval.ms" = "1000""#;
    let way = Way::new("killed", 300_000, 11, quick);
    way.produce();
    let began = Instant::now();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for kill in 0..20 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Every fourth lives past the session of the one before it, so that it is killed while it works.
        let outlive = if kill % 4 == 0 { 6_000 } else { 0 };
        let mut engine = way.start();
        std::thread::sleep(Duration::from_millis(100 + outlive + seed % 1_400));
        engine.runs();
        engine.kill();
    }
    let mut engine = way.start();
    way.until_all_is_committed(&mut engine, Duration::from_secs(150));
    engine.stop();
    assert!(began.elapsed() < Duration::from_secs(240), "{:?}", began.elapsed());
    way.windows_equal_the_truth();
    way.dead_letters_equal_the_truth();
}

/// `weir run` on the configuration with one thing wrong; what it said on stderr that begins with `weir:`.
fn refusal(way: &Way, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(way.config()).expect("the configuration");
    assert!(text.contains(from), "{from:?} stands in the configuration");
    let wrong = way.folder.path().join("wrong.toml");
    std::fs::write(&wrong, text.replace(from, to)).expect("the folder is writable");
    let output = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_weir"), "run"])
        .arg(&wrong)
        .output()
        .expect("timeout and weir start");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(!all.contains("not-the-password"), "the password is shown: {all}");
    assert_eq!(output.status.code(), Some(1), "{all}");
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("weir:")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {all}");
    lines[0].to_owned()
}

#[test]
fn what_is_wrong_at_the_start_is_one_line_and_exit_code_one() {
    let way = Way::new("wrong", 100, 3, "");
    let line = refusal(&way, "out_of_orderness", "out_of_ordernes");
    assert!(line.contains("out_of_ordernes") && line.contains("out_of_orderness"), "{line}");
    let line = refusal(&way, "stream_wrong", "no_such_topic");
    assert!(line.contains("no_such_topic"), "{line}");
    let url = way.stack.mysql().to_owned();
    let password = url.split(['@', ':']).nth(2).expect("a password");
    refusal(&way, password, "not-the-password");
    let taken = std::net::TcpListener::bind(("127.0.0.1", way.admin)).expect("the port is free");
    let line = refusal(&way, "[admin]", "[admin]");
    assert!(line.contains(&way.admin.to_string()), "{line}");
    drop(taken);
}

#[test]
fn a_swap_by_post_and_one_by_the_directory_while_records_flow() {
    let way = Way::new("swapped", 100_000, 5, "");
    let mut engine = way.start();
    way.until_ready(&mut engine, Duration::from_secs(60));
    let mut producer = way.produce_at(10_000);
    std::thread::sleep(Duration::from_secs(2));
    // Only rules that flag are changed, so the truth about sums and dead letters stands.
    way.call("PATCH", "/rules/high_amount", Some(br#"{"parameters":{"limit":"150000"}}"#), "application/json");
    let mut other = std::fs::read(way.rules().join("high_amount.wasm")).expect("the module");
    other.extend([0, 5, 4, b'n', b'o', b't', b'e']); // an empty custom section: another build of the same rule
    way.call("POST", "/rules", Some(&other), "application/wasm");
    way.call("POST", "/rules/high_amount/rollback", None, "application/json");
    let kept = std::fs::read(way.rules().join("self_transfer.wasm")).expect("the module");
    way.call("DELETE", "/rules/self_transfer", None, "application/json");
    way.call("POST", "/rules", Some(&kept), "application/wasm");
    let mut dropped = std::fs::read(way.rules().join("balance_mismatch.wasm")).expect("the module");
    dropped.extend([0, 5, 4, b'n', b'o', b't', b'e']);
    std::fs::write(way.rules().join("balance_mismatch.wasm"), &dropped).expect("the folder is writable");
    assert!(producer.wait().expect("it is ours").success(), "weir produce");
    way.until_all_is_committed(&mut engine, Duration::from_secs(60));
    engine.stop();
    way.records_and_sums_equal_the_truth();
    way.dead_letters_equal_the_truth();
    assert!(way.every_letter_names_the_revision_of_its_offset() > 1, "letters of more than one revision");

    let mut engine = way.start();
    way.until_ready(&mut engine, Duration::from_secs(60));
    let rule = way.call("GET", "/rules/high_amount", None, "application/json");
    assert!(rule.contains("150000"), "the limit set through the API is kept: {rule}");
    engine.stop();
}

#[test]
fn the_database_stopped_and_redis_silent_for_a_while_lose_nothing() {
    let way = Way::new("away", 100_000, 9, "");
    let mut engine = way.start();
    way.until_ready(&mut engine, Duration::from_secs(60));
    let mut producer = way.produce_at(10_000);
    std::thread::sleep(Duration::from_secs(2));
    way.service("stop", "mysql");
    // Not stopped: it would come back empty, and an empty Redis truthfully says that nobody is blocked.
    way.service("pause", "redis");
    std::thread::sleep(Duration::from_secs(10));
    engine.runs();
    assert!(!way.is_ready(), "/readyz while the database is away");
    way.service("resume", "redis");
    way.service("start", "mysql");
    assert!(producer.wait().expect("it is ours").success(), "weir produce");
    way.until_all_is_committed(&mut engine, Duration::from_secs(90));
    way.until_ready(&mut engine, Duration::from_secs(30));
    engine.stop();
    way.records_and_sums_equal_the_truth();
    way.dead_letters_equal_the_truth();
}
