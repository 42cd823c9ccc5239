//! Flagged records in a topic of their own: each once, or counted; whatever becomes of the engine and of `[alerts]` meanwhile.

use std::time::Duration;

use serde_json::Value;

use weir_testkit::oracle::alerts::{ComparedAlerts, Wanted};
use weir_testkit::oracle::history::History;
use weir_testkit::oracle::reference_model::flags;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::{Generated, payment};
use weir_testkit::pipeline::refusal::{refusal, says};
use weir_testkit::pipeline::{TestPipeline, run, weir};
use weir_testkit::wait;

const SOON: Duration = Duration::from_secs(90);

/// Compares the alert topic with what the records and the rules say.
fn alerts_are_exact(pipeline: &TestPipeline, generated: &Generated, beyond: &str) -> ComparedAlerts {
    let source = pipeline.read(&pipeline.topic());
    let (dirty, history, mut wanted) = (generated.dirty(&source), History::of(pipeline), Wanted::default());
    for (place, record) in source.iter().filter(|(place, _)| !dirty.contains_key(place)) {
        let payment = payment(record).unwrap_or_else(|| panic!("no payment at {place:?}"));
        wanted.add(*place, (record, &payment), &flags(&payment, *place, &history), &history);
    }
    pipeline.letters_are(&source, &dirty);
    pipeline.windows_are("type", &generated.windows);
    pipeline.alerts_are(&wanted, beyond == "count")
}

fn outbox_is_empty(pipeline: &TestPipeline) {
    assert_eq!(pipeline.sql("SELECT COUNT(*) FROM weir_outbox"), [["0"]]);
}

#[test]
fn each_flagged_record_has_one_alert_and_those_beyond_the_budget_are_counted() {
    let pipeline = TestPipeline::new("alerts_count").with_alerts(3, "count");
    let generated = Generated::new(&pipeline, 60_000, 5, &[]);
    generated.produce(&pipeline);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    let counted = |name, label| pipeline.metric(name, label).unwrap_or_else(|| panic!("no {name}")) as u64;
    let by_code = counted("weir_alerts_total", "HIGH_AMOUNT") + counted("weir_alerts_total", "SELF_TRANSFER");
    let not_sent = counted("weir_alerts_not_sent_total", "");
    let shown = the_api_shows_the_newest(&pipeline);
    engine.stop();
    let compared = alerts_are_exact(&pipeline, &generated, "count");
    assert_eq!(shown, compared.sent + compared.summaries, "each was read once");
    assert!(compared.sent > 0 && compared.not_sent > compared.summaries && compared.summaries > 0, "{compared:?}");
    assert!(by_code >= compared.sent, "a record may have both codes: {by_code} of {compared:?}");
    assert_eq!(not_sent, compared.not_sent);
    outbox_is_empty(&pipeline);
    the_tail_shows_them(&pipeline, compared);
}

/// `GET /alerts`, from memory; how many messages were read.
fn the_api_shows_the_newest(pipeline: &TestPipeline) -> u64 {
    let look = || pipeline.get("/alerts?limit=1000&by=code");
    let first = wait::until_some("the alert topic is read", || {
        let alerts = look();
        if alerts["as_of"].is_null() { Err(alerts["problem"].to_string()) } else { Ok(alerts) }
    });
    let listed = first["alerts"].as_array().expect("alerts");
    let of = |kind: &str| listed.iter().filter(|alert| alert["kind"] == kind).count();
    assert!(of("alert") > 0 && of("not_sent") > 0 && of("other") == 0, "{first}");
    let alert = listed.iter().find(|alert| alert["kind"] == "alert").expect("one");
    assert!(alert["key"].is_string() && alert["hits"][0]["sha256"].is_string(), "{alert}");
    let codes: Vec<_> = first["groups"].as_array().expect("groups").iter().map(|group| &group["name"]).collect();
    assert!(codes.contains(&&Value::from("HIGH_AMOUNT")), "{codes:?}");
    // Nothing comes any more: whoever looks again sees the same.
    let (mark, read) = (&first["mark"], first["read"].as_u64().expect("a count"));
    let again = pipeline.get(&format!("/alerts?until={}", mark.as_str().expect("a text")));
    assert_eq!((&again["paused"], &again["newer"], &again["passed_over"]), (&true.into(), &0.into(), &0.into()));
    read
}

/// `weir alerts tail`, by the configuration and by hand.
fn the_tail_shows_them(pipeline: &TestPipeline, compared: ComparedAlerts) {
    let mut command = weir();
    command.args(["alerts", "tail", "--brokers", pipeline.stack.brokers(), "--topic", &pipeline.alerts()]);
    let all = run(command.args(["--limit", "1000000", "--json"]));
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["alert"]["kind"] == kind).count() as u64;
    assert_eq!((of("alert"), of("not_sent")), (compared.sent, compared.summaries));
    let mut command = weir();
    command.args(["alerts", "tail", "--brokers", pipeline.stack.brokers(), "--topic", &pipeline.alerts()]);
    let some = run(command.args(["--limit", "5", "--code", "SELF_TRANSFER"]));
    assert_eq!(some.lines().count(), 5, "{some}");
    assert!(some.lines().all(|line| line.contains("SELF_TRANSFER") && line.contains(&pipeline.topic())), "{some}");
}

#[test]
fn an_alert_that_should_wait_ends_the_checkpoint_before_it_and_each_comes_once() {
    let pipeline = TestPipeline::new("alerts_wait").with_alerts(40, "wait");
    let generated = Generated::new(&pipeline, 60_000, 6, &[]);
    generated.produce(&pipeline);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    let compared = alerts_are_exact(&pipeline, &generated, "wait");
    assert!(compared.sent > 500 && compared.not_sent == 0, "{compared:?}");
    // More than 40 of each partition, so more checkpoints than one: at an interval of a second they would be one or two.
    let checkpoints = pipeline.sql("SELECT MIN(`checkpoint`) FROM weir_partition");
    let least = compared.sent / 4 / 40 - 1;
    assert!(checkpoints[0][0].parse::<u64>().expect("a number") >= least, "{checkpoints:?} of {compared:?}");
    outbox_is_empty(&pipeline);
}

/// Dies between the two transactions of its first checkpoint: its alerts are in the outbox and nowhere else.
fn dies_with_alerts_in_the_outbox(pipeline: &TestPipeline) {
    let mut command = pipeline.running(&pipeline.config());
    command.env("FAILPOINTS", "checkpoint.committed=1*return(crash)");
    Engine::start(command, pipeline.folder.path().join("run.log")).until_ended("it dies at its first checkpoint");
    // The second byte of a chunk is its destination.
    let alerts = pipeline.sql("SELECT COUNT(*) FROM weir_outbox WHERE SUBSTR(HEX(letters), 3, 2) = '01'");
    assert_ne!(alerts, [["0"]], "it had alerts");
    assert!(pipeline.read(&pipeline.alerts()).is_empty());
}

#[test]
fn alerts_of_the_outbox_come_to_the_topic_that_they_were_made_for_though_alerts_were_taken_away() {
    let pipeline = TestPipeline::new("alerts_gone").with_alerts(1_000, "count").with_workers(1);
    let generated = Generated::new(&pipeline, 8_000, 7, &[]);
    generated.produce(&pipeline);
    dies_with_alerts_in_the_outbox(&pipeline);
    let text = std::fs::read_to_string(pipeline.config()).expect("the configuration");
    let table = text.find("[alerts]").expect("it has alerts")..text.find("[record]").expect("and records");
    let pipeline = pipeline.with(&text[table.clone()], "");
    let before = pipeline.sql("SELECT `partition`, next_offset FROM weir_partition");
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    outbox_is_empty(&pipeline);
    // Of the records of that one checkpoint, and of no later one.
    let source = pipeline.read(&pipeline.topic());
    let (dirty, history, mut wanted) = (generated.dirty(&source), History::of(&pipeline), Wanted::default());
    let judged = |place: &(i32, i64)| {
        before.iter().any(|row| row[0] == place.0.to_string() && row[1].parse().is_ok_and(|next: i64| place.1 < next))
    };
    for (place, record) in source.iter().filter(|(place, _)| !dirty.contains_key(place) && judged(place)) {
        let payment = payment(record).expect("a payment");
        wanted.add(*place, (record, &payment), &flags(&payment, *place, &history), &history);
    }
    assert!(pipeline.alerts_are(&wanted, true).sent > 0);
}

#[test]
fn a_topic_that_is_missing_is_named_at_the_start_and_by_check() {
    let pipeline = TestPipeline::new("alerts_missing").with_alerts(10, "count");
    let named = format!("topic = \"{}\"", pipeline.alerts());
    let missing = pipeline.with(&named, "topic = \"no_such_alerts\"");
    let wanted = ["alerts.topic", "there is no topic \"no_such_alerts\"", "kafka-topics.sh"];
    says(&refusal(&mut missing.running(&missing.config())), &wanted);
    let output = missing.command("check", &missing.config()).arg("--connect").output().expect("weir starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    says(&said, &wanted);
}
