//! What a rule may cost: who exceeds it is told, and goes if it acts on nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use weir::conditions::Severity;
use weir::model::catalog::{Mode, Origin};
use weir::rules::{Judge, Patch, Publish};

use crate::hostile_modules::fixture::{COST_WINDOW, Fixture, of};
use weir_testkit::guest::Guest;
use weir_testkit::guest::kinds;
use weir_testkit::wait::Fair;

/// Within it a window has ended, of which a busy machine may need some more.
const SOON: Duration = COST_WINDOW.saturating_mul(8);

async fn shadow(fixture: &Fixture, guest: Guest<'_>) {
    let (source, who) = ("test".into(), "test".into());
    let (origin, mode) = (Origin::Api, Some(Mode::Shadow));
    let how = Publish { origin, source, who, reason: None, seen: None, order: None, mode, replace: false };
    fixture.catalog.publish(guest.core(), how).await.unwrap();
}

/// Judges one batch after the other, with pauses, until it is so; the honest rule is always right.
async fn judge_until(fixture: &Fixture, judge: &mut Judge, what: &str, so: impl Fn() -> bool) {
    // So many that what a call costs by itself is no matter.
    let mut amounts = [5; 100];
    amounts[2] = -1;
    let (began, batch) = (Fair::start(), fixture.rows(&amounts));
    while !so() {
        let waited = began.elapsed();
        assert!(waited < SOON, "not within {waited:?}: {what}; {:#?}", fixture.catalog.conditions().all());
        let mut found = Vec::new();
        judge.judge(&fixture.catalog.live(), &batch, &mut found).unwrap();
        assert_eq!(of("the_good_rule", &found), [(2, "BAD".to_owned())]);
        // The catalog's own loops run on this thread, too.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[tokio::test]
async fn a_live_rule_over_its_budget_is_told_and_a_shadow_rule_over_it_is_suspended() {
    let fixture = Fixture::new().await;
    let (slow, dear) = (kinds::burns(4.0), kinds::burns(30.0));
    fixture.publish(Guest::good("the_good_rule")).await;
    fixture.publish(Guest { each: kinds::BURNS, more: &slow, ..Guest::good("slow") }).await;
    shadow(&fixture, Guest { each: kinds::BURNS, more: &dear, ..Guest::good("dear") }).await;
    shadow(&fixture, Guest::good("cheap")).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(fixture.run(stop.clone()));
    let mut judge = Judge::new(fixture.runtime(), fixture.catalog.trips());
    let told = |code: &str| fixture.catalog.conditions().with(code);
    let rule = |name: &str| fixture.catalog.live().rules.iter().find(|rule| &*rule.id.name == name).cloned().unwrap();

    judge_until(&fixture, &mut judge, "the shadow rule goes", || rule("dear").suspended.is_some()).await;
    let why = rule("dear").suspended.clone().unwrap();
    assert!(why.starts_with("over its budget: in shadow it alone would take") && why.contains("10 %"), "{why}");
    assert_eq!((&rule("cheap").suspended, &rule("slow").suspended), (&None, &None), "no other one goes");
    let sampled = told("rules.shadow_sampled");
    assert!(sampled.len() == 1 && sampled[0].message.contains("rules.shadow_budget"), "{sampled:?}");
    assert!(
        sampled[0].severity == Severity::Warning
            && rule("dear").stats.one_in.load(std::sync::atomic::Ordering::Relaxed) > 1
    );
    let over = told("rules.over_budget");
    assert_eq!(
        over.iter().map(|c| (c.subject.as_str(), c.severity)).collect::<Vec<_>>(),
        [("slow", Severity::Warning)]
    );
    assert!(over[0].message.contains("rules.budget allows 20µs"), "{}", over[0].message);

    // Both end: the one when the rule is no longer live, the other a window after the dear rule went.
    fixture.catalog.patch("slow", Patch { mode: Some(Mode::Off), ..Patch::default() }, "test").await.unwrap();
    let over = || told("rules.over_budget").is_empty() && told("rules.shadow_sampled").is_empty();
    judge_until(&fixture, &mut judge, "the conditions end", over).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn forty_shadow_rules_that_trip_at_once_are_all_suspended_by_what_they_did_once() {
    let fixture = Fixture::new().await;
    fixture.publish(Guest::good("the_good_rule")).await;
    let traps = kinds::traps();
    for n in 0..40 {
        shadow(&fixture, Guest { each: &traps, ..Guest::good(&format!("shadow_{n}")) }).await;
    }
    let stop = CancellationToken::new();
    let mut judge = Judge::new(fixture.runtime(), fixture.catalog.trips());
    // All of them trip on this set; that each one's end makes a new one must not undo the others' trips.
    let (set, batch) = (fixture.catalog.live(), fixture.rows(&[5, 6, -1, 7, 8, 9, 10, 11, 12, 13]));
    let traps = |live: &weir::rules::LiveSet| live.rules.iter().filter(|rule| rule.suspended.is_some()).count();
    let failures = || set.rules.iter().filter(|rule| !rule.stats.failures.lock().unwrap().is_empty()).count();
    while failures() < 40 {
        judge.judge(&set, &batch, &mut Vec::new()).unwrap();
    }
    let running = tokio::spawn(fixture.run(stop.clone()));
    let began = Fair::start();
    while traps(&fixture.catalog.live()) < 40 {
        assert!(began.elapsed() < SOON, "{} of 40 are suspended", traps(&fixture.catalog.live()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_rule_s_batches_are_searched_for_two_seconds_a_minute() {
    let fixture = Fixture::new().await;
    // Each row takes some milliseconds, so that a search lasts as long as it may.
    let burns = kinds::burns(5.0);
    let guest = Guest { each: "(call $burn)", more: &burns, ..Guest::good("hostile") };
    fixture.publish(guest).await;
    let mut worker = fixture.worker();
    let mut last = (Duration::ZERO, String::new());
    for _ in 0..3 {
        let began = Fair::start();
        let found = worker.judge(&[7; 1_000]);
        last = (began.elapsed(), found.last().unwrap().detail.clone());
    }
    assert!(last.1.starts_with("not judged, batches had been judged row by row for 2s within a minute"), "{}", last.1);
    // The call that failed, twice, and no search.
    assert!(last.0 < Duration::from_millis(900), "{last:?}");
}

/// What is seen of a live rule of a kind: rows that fail, with which code, and how everyone is told.
const LIVE: [(&str, &[&str], &str); 5] = [
    ("loops", &["RULE_TIMEOUT"], "rules.over_budget"),
    ("many", &[], "rules.suspended"),
    ("slow", &[], "rules.over_budget"),
    ("fills", &["RULE_MEMORY"], "rules.over_budget"),
    ("traps", &["RULE_TRAP"], "rules.suspended"),
];

/// The catalog's own loops have a thread: a judge that is slow on a busy machine would leave them a millisecond in a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_live_rule_of_each_kind_costs_its_rows_only_and_everyone_is_told() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.publish(Guest::good("the_good_rule")).await;
    for (kind, ..) in LIVE {
        let (each, more) = kinds::of(kind);
        fixture.publish(Guest { each: &each, more: &more, ..Guest::good(kind) }).await;
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(fixture.run(stop.clone()));
    let mut judge = Judge::new(fixture.runtime(), fixture.catalog.trips());
    let mut amounts = [5; 100];
    amounts[70] = -1;
    let batch = fixture.rows(&amounts);
    let told = |code: &str, rule: &str| fixture.catalog.conditions().with(code).iter().any(|c| c.subject == rule);
    let all_told = || LIVE.iter().all(|(kind, _, code)| told(code, kind));
    let began = Fair::start();
    while !all_told() {
        assert!(began.elapsed() < SOON, "{:#?}", fixture.catalog.conditions().all());
        let mut found = Vec::new();
        judge.judge(&fixture.catalog.live(), &batch, &mut found).unwrap();
        assert_eq!(of("the_good_rule", &found), [(70, "BAD".to_owned())]);
        for (kind, codes, _) in LIVE.iter().filter(|(kind, ..)| *kind != "traps") {
            let wanted: Vec<_> = codes.iter().map(|code| (70, (*code).to_owned())).collect();
            assert_eq!(of(kind, &found), wanted, "{kind}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for (kind, codes, _) in LIVE {
        assert_eq!(
            fixture.failures(kind).into_keys().collect::<Vec<_>>(),
            codes,
            "GET /rules and the metric count {kind}"
        );
    }
    stop.cancel();
    running.await.unwrap();
}
