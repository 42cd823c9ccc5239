//! Modules that loop, grow, trap or always fail, on the whole way: they cost their rows and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use weir_testkit::broker::{Place, Record};
use weir_testkit::guest;
use weir_testkit::oracle::history::History;
use weir_testkit::oracle::reference_model;
use weir_testkit::oracle::windows::cents;
use weir_testkit::pipeline::generated::{Generated, payment};
use weir_testkit::pipeline::{PAYSIM, TestPipeline, shared};

const FLAGS: [&str; 3] = ["balance_mismatch", "high_amount", "self_transfer"];
/// The row's amount in a guest's `judge`: whole cents.
const AMOUNT: &str =
    "(i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8))))";

/// Rule, amount in cents that it fails on, how it fails, and the code that this is.
const HOSTILE: [(&str, i128, &str, &str); 3] = [
    ("loops", -100, "(loop (br 0))", "RULE_TIMEOUT"),
    ("grows", -200, "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable", "RULE_MEMORY"),
    ("traps", -300, "unreachable", "RULE_TRAP"),
];

/// A loop is to end soon.
const SLOW: &str = r#"timeout = "1s""#;
const QUICK: &str = r#"timeout = "50ms""#;

#[test]
fn modules_that_loop_grow_or_trap_on_one_row_in_ten_thousand_cost_those_rows_only() {
    let pipeline = TestPipeline::on(shared(), "hostile", PAYSIM, &FLAGS).with(SLOW, QUICK);
    for (rule, amount, fails, _) in HOSTILE {
        let body = format!("(if (i64.eq {AMOUNT} (i64.const {amount})) (then {fails}))");
        std::fs::write(pipeline.rules().join(format!("{rule}.wasm")), guest::module(rule, &body)).expect("writable");
    }
    let generated = Generated::new(&pipeline, 100_000, 13, &["--clean"]);
    set_amounts(&generated.csv, |row, amount| match row % 10_000 {
        1_000 => "-1.00".to_owned(),
        4_000 => "-2.00".to_owned(),
        7_000 => "-3.00".to_owned(),
        _ => amount.to_owned(),
    });
    generated.produce(&pipeline);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(120));
    for (rule, _, _, code) in HOSTILE {
        let shown = pipeline.rule(rule).expect("it is still there");
        assert!(shown["suspended"].is_null() && shown["mode"] == "live", "single rows trip no breaker: {shown}");
        // A rebalance may have had some judged twice; that they count once is what the letters show.
        assert!(shown["failures"].as_u64() >= Some(10), "{shown}");
        assert!(pipeline.metric("weir_dead_letters_total", code) >= Some(10.0), "{code}");
    }
    engine.stop();

    let source = pipeline.read(&pipeline.topic());
    let want: BTreeMap<Place, String> = amounts(&source)
        .filter_map(|(place, amount)| {
            let (.., code) = HOSTILE.iter().find(|(_, hostile, ..)| *hostile == amount)?;
            Some((place, (*code).to_owned()))
        })
        .collect();
    assert_eq!((source.len(), want.len()), (100_000, 30));
    pipeline.letters_are(&source, &want);
    pipeline.windows_are("type", &reference_model::windows(&source, &want, &History::of(&pipeline)));
}

#[test]
fn a_module_that_always_fails_trips_its_breaker_and_the_version_before_it_is_back() {
    let pipeline = TestPipeline::on(shared(), "fickle", PAYSIM, &FLAGS).with(SLOW, QUICK);
    let generated = Generated::new(&pipeline, 60_000, 17, &["--clean"]);
    // No probe of a publish knows this amount, so the module gets in.
    set_amounts(&generated.csv, |_, amount| format!("{}.37", amount.split('.').next().expect("whole part")));
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let good = pipeline.publish(&guest::module("fickle", guest::GOOD));
    pipeline.publish(&guest::module("fickle", ""));
    pipeline.roll_back("fickle");
    assert_eq!(pipeline.in_force("fickle"), Some(good.clone()));
    let producer = generated.produce_at(&pipeline, 5_000);
    engine.until("records flow", Duration::from_secs(20), || pipeline.position() > 2_000);

    let fails = format!("(if (i64.eq (i64.rem_s {AMOUNT} (i64.const 100)) (i64.const 37)) (then unreachable))");
    let bad = pipeline.publish(&guest::module("fickle", &fails));
    let back = || pipeline.in_force("fickle") == Some(good.clone());
    engine.within("the version that was in force before is back", Duration::from_secs(20), back);
    let shown = pipeline.rule("fickle").expect("it is there");
    assert!(shown["suspended"].is_null() && shown["mode"] == "live", "{shown}");
    let audit = pipeline.get("/audit");
    let trip = audit.as_array().expect("a list").iter().find(|line| line["action"] == "trip").cloned();
    let trip = trip.unwrap_or_else(|| panic!("no trip in the audit: {audit:#}"));
    assert_eq!((&trip["rule"], &trip["who"]), (&"fickle".into(), &"engine".into()), "{trip}");
    assert!(trip["detail"].as_str().is_some_and(|detail| detail.contains("RULE_TRAP")), "{trip}");
    producer.finish();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    engine.stop();

    let (source, history) = (pipeline.read(&pipeline.topic()), History::of(&pipeline));
    let judged_by_bad = |place: &Place| history.rule(*place, "fickle").is_some_and(|rule| rule.sha256 == bad);
    let want: BTreeMap<Place, String> =
        source.keys().filter(|place| judged_by_bad(place)).map(|place| (*place, "RULE_TRAP".to_owned())).collect();
    assert!(want.len() < source.len() / 2, "{} of {} fell to the bad module", want.len(), source.len());
    pipeline.letters_are(&source, &want);
    pipeline.windows_are("type", &reference_model::windows(&source, &want, &history));
}

/// Rewrites the amounts of the generated records: the third column.
fn set_amounts(csv: &Path, amount: impl Fn(usize, &str) -> String) {
    let text = std::fs::read_to_string(csv).expect("the records");
    let (header, rows) = text.split_once('\n').expect("a header");
    assert_eq!(header.split(',').nth(2), Some("amount"));
    let mut out = format!("{header}\n");
    for (row, line) in rows.lines().enumerate() {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells[2] = amount(row, &cells[2]);
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    std::fs::write(csv, out).expect("the folder is writable");
}

fn amounts(source: &BTreeMap<Place, Record>) -> impl Iterator<Item = (Place, i128)> {
    source.iter().map(|(place, record)| (*place, cents(payment(record).expect("a payment").amount.get())))
}
