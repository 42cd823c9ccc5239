//! Publish of what is in force, suspension and its end, rollback.

use std::time::Duration;

use weir::admin::ports::AdminError;
use weir::admin::problem::Problem;
use weir::model::catalog::{By, Mode, Origin};
use weir::model::ids::Sha256;
use weir::rules::{Patch, Publish, Refused};

use crate::catalog::fixture::{Fixture, Opened, by_api, within};
use crate::catalog::module::{Guest, TRAPS_RARELY};

fn versions() -> [Guest; 3] {
    ["1.0.0", "2.0.0", "3.0.0"].map(|version| Guest::new("swapped").version(version))
}

/// A catalog whose only rule the breaker suspended.
async fn suspended(fixture: &Fixture) -> (Opened, Guest) {
    let catalog = fixture.open().await;
    let guest = Guest::new("tired").judge(TRAPS_RARELY);
    catalog.publish(&guest).await;
    let running = catalog.run();
    catalog.judge_until_it_trips(4_242);
    within(Duration::from_secs(5), "it is suspended", || catalog.suspended("tired").is_some()).await;
    drop(running);
    (catalog, guest)
}

#[tokio::test]
async fn bytes_in_force_are_live_already_and_make_no_revision() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    let first = catalog.publish(&Guest::new("one")).await;
    let again = catalog.publish(&Guest::new("one")).await;
    assert!(first.new && !again.new);
    assert_eq!((first.revision, first.sha256), (again.revision, again.sha256));
}

#[tokio::test]
async fn a_mode_and_an_order_that_come_with_bytes_in_force_are_applied() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    catalog.publish(&Guest::new("one")).await;
    let how = Publish { mode: Some(Mode::Shadow), order: Some(7), ..by_api() };
    let again = catalog.catalog.publish(Guest::new("one").wasm(), how).await.unwrap();
    assert_eq!((again.new, again.revision.0), (false, 2));
    let rule = catalog.rule("one").unwrap();
    assert_eq!((rule.mode, rule.order), (Mode::Shadow, 7));
    assert!(catalog.audit().await.detail.contains("in force already; mode live -> shadow; order 0 -> 7"));
}

#[tokio::test]
async fn another_version_takes_a_live_one_out_of_force_only_if_told_to() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let live = catalog.publish(&Guest::new("one")).await;
    let next = || Guest::new("one").version("2.0.0").wasm();
    for mode in [Mode::Shadow, Mode::Off] {
        let how = Publish { mode: Some(mode), ..by_api() };
        let refused = catalog.catalog.publish(next(), how).await.unwrap_err();
        assert!(matches!(&refused, Refused::InForce { live: at, .. } if *at == live.sha256), "{refused}");
        let problem = Problem::from(AdminError::from(refused));
        assert_eq!(problem.status, 409);
        assert!(problem.hint.contains("--replace") && problem.hint.contains("another name"), "{problem:?}");
    }
    assert_eq!((catalog.sha("one"), catalog.catalog.live().revision.0), (Some(live.sha256), 1));

    let told = Publish { mode: Some(Mode::Shadow), replace: true, ..by_api() };
    let shadow = catalog.catalog.publish(next(), told).await.unwrap();
    assert_eq!(catalog.sha("one"), Some(shadow.sha256));
    // Nothing acts that could be ended: not a shadow rule, nor one that is suspended, nor one that there is not.
    let third = Publish { mode: Some(Mode::Off), ..by_api() };
    catalog.catalog.publish(Guest::new("one").version("3.0.0").wasm(), third.clone()).await.unwrap();
    catalog.catalog.publish(Guest::new("two").wasm(), third).await.unwrap();
}

#[tokio::test]
async fn whoever_brought_a_rule_last_owns_it() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    let owned = async || catalog.store.rule_set().await.unwrap().entries[0].from_directory;
    let by_directory = Publish { origin: Origin::Directory, ..by_api() };
    catalog.catalog.publish(Guest::new("one").wasm(), by_directory).await.unwrap();
    assert!(owned().await);
    assert!(!catalog.publish(&Guest::new("one")).await.new);
    assert!(!owned().await, "now the API's: removing the file must not retire it");
}

#[tokio::test]
async fn bytes_in_force_lift_a_suspension() {
    let fixture = Fixture::new();
    let (catalog, guest) = suspended(&fixture).await;
    let again = catalog.publish(&guest).await;
    assert!(!again.new);
    assert_eq!(catalog.suspended("tired"), None);
    assert_eq!(catalog.judge(4_242), ["RULE_TRAP"], "it judges again");
    assert!(catalog.audit().await.detail.contains("suspension lifted"));
}

#[tokio::test]
async fn the_mode_live_lifts_a_suspension_and_an_order_does_not() {
    let fixture = Fixture::new();
    let (catalog, _) = suspended(&fixture).await;
    let order = Patch { order: Some(3), ..Patch::default() };
    catalog.catalog.patch("tired", order, "test").await.unwrap();
    assert!(catalog.suspended("tired").is_some());
    catalog.mode("tired", Mode::Live).await;
    assert_eq!(catalog.suspended("tired"), None);
    assert_eq!(catalog.judge(4_242), ["RULE_TRAP"]);
}

#[tokio::test]
async fn a_rollback_goes_to_the_version_that_was_in_force_before() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    let mut published = Vec::new();
    for guest in versions() {
        published.push(catalog.publish(&guest).await.sha256);
    }
    let back = async |to| catalog.catalog.rollback("swapped", to, "test").await;
    back(Some(published[0])).await.unwrap();
    assert_eq!(catalog.sha("swapped"), Some(published[0]));
    back(None).await.unwrap();
    assert_eq!(catalog.sha("swapped"), Some(published[2]), "in force before, though not the newest other one by time");
    let line = catalog.audit().await;
    assert_eq!(line.action, "rollback");
    assert!(line.detail.starts_with(&format!("{} -> {}", published[0], published[2])), "{line:?}");
}

#[tokio::test]
async fn a_rollback_to_what_there_is_not_is_refused() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    let [v1, ..] = versions();
    let v1 = catalog.publish(&v1).await.sha256;
    let other = catalog.publish(&Guest::new("other")).await.sha256;
    let back = async |rule: &str, to| catalog.catalog.rollback(rule, to, "test").await.unwrap_err();
    for unknown in [Sha256::of(b"nothing"), other] {
        let refused = back("swapped", Some(unknown)).await;
        assert!(matches!(refused, Refused::NoSuchVersion { .. }), "{refused}");
        assert!(refused.to_string().contains("GET /rules/swapped lists"), "{refused}");
        assert_eq!(Problem::from(AdminError::from(refused)).status, 404);
    }
    assert!(matches!(back("nobody", None).await, Refused::NoSuchRule(_)));
    assert!(matches!(back("swapped", None).await, Refused::Conflict(_)), "there is no version before");
    assert!(matches!(back("swapped", Some(v1)).await, Refused::Conflict(_)), "it is at that version already");
}

#[tokio::test]
async fn every_change_leaves_who_made_it_and_why() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let reason = |line: weir::model::catalog::Audit| (line.who, line.action, line.reason);
    let why = |text: &str| Some(text.to_owned());
    let how = Publish { who: "ana".into(), reason: why("asked for by the bank"), ..by_api() };
    let [first, second, _] = versions();
    catalog.catalog.publish(first.wasm(), how).await.unwrap();
    assert_eq!(reason(catalog.audit().await), ("ana".into(), "publish".into(), why("asked for by the bank")));
    catalog.publish(&second).await;
    assert_eq!(reason(catalog.audit().await), ("test".into(), "publish".into(), None));
    let by = |text| By { who: "bo", reason: Some(text), seen: None };
    let order = Patch { order: Some(3), ..Patch::default() };
    catalog.catalog.patch("swapped", order, by("cheap ones first")).await.unwrap();
    assert_eq!(reason(catalog.audit().await), ("bo".into(), "patch".into(), why("cheap ones first")));
    catalog.catalog.rollback("swapped", None, by("it flags too much")).await.unwrap();
    assert_eq!(reason(catalog.audit().await), ("bo".into(), "rollback".into(), why("it flags too much")));
    catalog.catalog.retire("swapped", by("no longer needed")).await.unwrap();
    assert_eq!(reason(catalog.audit().await), ("bo".into(), "retire".into(), why("no longer needed")));
}

#[tokio::test]
async fn a_retired_rule_is_gone_and_its_versions_stay() {
    let catalog = Fixture::new();
    let catalog = catalog.open().await;
    catalog.publish(&Guest::new("one")).await;
    catalog.catalog.retire("one", "test").await.unwrap();
    assert!(catalog.rule("one").is_none());
    assert_eq!(catalog.store.versions(Some("one"), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_gauge_of_the_revision_follows_the_set() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Of this thread, on which a test's runtime runs all that is async.
    let _local = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    for (revision, guest) in versions().iter().enumerate() {
        assert!(handle.render().contains(&format!("weir_rules_revision {revision}\n")), "{}", handle.render());
        catalog.publish(guest).await;
    }
}
