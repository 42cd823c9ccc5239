//! Which records of a batch get an alert, where a part of it ends that has room for some only, and what is said of codes that make
//! none.

use std::sync::Arc;

use weir::conditions::Severity;
use weir::model::ids::Partition;
use weir::processor::{AlertCodes, AlertRoom, Judged};
use weir::rules::{CompiledModule, LiveSet};
use weir::window::Windows;

use crate::catalog::fixture::{Fixture as CatalogFixture, by_api};
use crate::catalog::processor::{Fixture, TIME, at, entry, payment, records};

/// In order: flagged, valid, rejected, flagged, none, flagged but ahead of the clock, flagged, valid.
fn texts() -> Vec<String> {
    let high = |time| payment(time, "200000.01");
    let hour = 3_600_000;
    vec![
        high(TIME),
        payment(TIME, "5"),
        payment(TIME, "-1"),
        high(TIME),
        "{".to_owned(),
        high(TIME + hour),
        high(TIME),
        payment(TIME, "6"),
    ]
}

fn shipped(rule: &str) -> Vec<u8> {
    let path = format!("{}/../rules.d/{rule}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; `make rules` builds it"))
}

async fn set(fixture: &Fixture) -> Arc<LiveSet> {
    let mut modules = Vec::new();
    for rule in ["high_amount", "negative_amount"] {
        modules.push(CompiledModule::compile(&fixture.runtime, &shipped(rule)).await.unwrap());
    }
    let entries = [entry("high_amount", &modules[0], &[]), entry("negative_amount", &modules[1], &[])];
    fixture.set(&modules, &entries).unwrap()
}

fn codes(codes: &[&str]) -> Arc<AlertCodes> {
    Arc::new(AlertCodes::new(&codes.iter().map(|code| code.to_string()).collect::<Vec<_>>()))
}

/// Records that get an alert, each with whether its hits have details; those that are rejected; and how many are left.
type Told = (Vec<(usize, bool)>, Vec<usize>, usize);

/// Windows that take the records, as far as so many alerts go.
fn room(windows: &mut Windows, most: usize) -> (Option<&mut Windows>, AlertRoom) {
    (Some(windows), AlertRoom::AtMost(most))
}

fn told<O>(judged: &Judged<'_, O>) -> Told {
    let alerts = judged.alerts().map(|alert| (alert.record, alert.hits.iter().all(|hit| !hit.detail.is_empty())));
    (alerts.collect(), judged.rejects().map(|reject| reject.record).collect(), judged.rest())
}

#[tokio::test]
async fn a_valid_record_with_a_code_that_is_asked_for_gets_an_alert_and_the_first_have_their_details() {
    let fixture = Fixture::new();
    let (set, texts) = (set(&fixture).await, texts());
    let judged = |asked: &[&str], explained| {
        let mut processor = fixture.processor().with_alerts(codes(asked));
        let mut windows = fixture.windows();
        let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
        let into = (Some(&mut windows), AlertRoom::Explained(explained));
        told(&processor.judge_part(&set, (decoded, None), at(TIME), into, &mut || false).unwrap())
    };
    let rejected = vec![2, 4, 5];
    assert_eq!(judged(&["HIGH_AMOUNT"], 2), (vec![(0, true), (3, true), (6, false)], rejected.clone(), 0));
    // A code that rejects makes no alert, and one that no rule has neither.
    assert_eq!(judged(&["AMOUNT_NEGATIVE", "OTHER"], 9), (vec![], rejected, 0));
}

#[tokio::test]
async fn a_part_ends_before_the_alert_that_has_no_room_and_the_parts_are_the_whole() {
    let fixture = Fixture::new();
    let (set, texts) = (set(&fixture).await, texts());
    let mut processor = fixture.processor().with_alerts(codes(&["HIGH_AMOUNT"]));
    let (mut whole, mut windows) = (fixture.windows(), fixture.windows());
    let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
    processor.judge(&set, decoded, None, at(TIME), Some(&mut whole), &mut || false).unwrap();

    let decoded = processor.open(&set, Partition(3), records(&texts), at(TIME));
    let into = room(&mut windows, 1);
    let first = told(&processor.judge_part(&set, (decoded, None), at(TIME), into, &mut || false).unwrap());
    assert_eq!(first, (vec![(0, true)], vec![2], 5));
    assert_eq!(told(&processor.go_on(&set, at(TIME), room(&mut windows, 0))), (vec![], vec![], 5), "no room at all");
    // Whether the next flagged record has a window is not known before it is judged: the part ends before it.
    let second = told(&processor.go_on(&set, at(TIME), room(&mut windows, 1)));
    assert_eq!(second, (vec![(3, true)], vec![4], 3));
    // It is ahead of the clock, so it is a dead letter and takes no room: that is the next one's.
    assert_eq!(told(&processor.go_on(&set, at(TIME), room(&mut windows, 1))), (vec![(6, true)], vec![5], 0));
    assert_eq!(windows.watermark(Partition(3)), whole.watermark(Partition(3)));
    assert_eq!(windows.drain(), whole.drain(), "each record is summed once");
}

#[tokio::test]
async fn a_code_that_makes_no_alert_is_a_warning_until_a_rule_has_it() {
    let mut fixture = CatalogFixture::new();
    let text = include_str!("../../../../weir.toml").to_owned()
        + "\n[alerts]\ntopic = \"flags\"\ncodes = [\"HIGH_AMOUNT\", \"AMOUNT_NEGATIV\", \"AMOUNT_NEGATIVE\"]\n";
    fixture.config.alerts = weir::config::Config::parse(&text, &|_| None).unwrap().alerts;
    std::fs::create_dir_all(&fixture.config.rules.dir).unwrap();
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    let subjects = |code| catalog.told(code).into_iter().map(|(subject, _)| subject).collect::<Vec<_>>();
    assert_eq!(subjects("alerts.code_unknown"), ["AMOUNT_NEGATIV", "AMOUNT_NEGATIVE", "HIGH_AMOUNT"]);
    for rule in ["high_amount", "negative_amount"] {
        catalog.catalog.publish(shipped(rule), by_api()).await.unwrap();
    }
    let unknown = catalog.told("alerts.code_unknown");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].1.contains("no rule of the set has") && unknown[0].1.contains("did you mean AMOUNT_NEGATIVE?"));
    assert_eq!(subjects("alerts.code_rejects"), ["AMOUNT_NEGATIVE"]);
    let conditions = catalog.catalog.conditions().with("alerts.code_rejects");
    assert_eq!(conditions[0].severity, Severity::Warning);
    catalog.catalog.retire("negative_amount", "test").await.unwrap();
    assert_eq!(subjects("alerts.code_rejects"), [""; 0]);
    assert_eq!(subjects("alerts.code_unknown"), ["AMOUNT_NEGATIV", "AMOUNT_NEGATIVE"]);
}
