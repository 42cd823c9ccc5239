//! Parameters: set, unset, and carried from version to version.

use std::collections::BTreeMap;
use std::time::Duration;

use weir::config::RuleStart;
use weir::rules::Refused;

use crate::catalog::fixture::{Fixture, Opened, set, within};
use crate::catalog::module::{Guest, TRAPS_RARELY};

fn limited(version: &str, default: &str) -> Guest {
    Guest::new("limited").version(version).parameter("limit", default)
}

fn start(name: &str, value: &str) -> RuleStart {
    RuleStart { parameters: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..RuleStart::default() }
}

#[tokio::test]
async fn a_parameter_is_set_and_an_unset_one_follows_the_version() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&limited("1.0.0", "10")).await;
    let limit = || catalog.rule("limited").unwrap().parameters["limit"].clone();
    assert_eq!(limit(), "10");
    catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), "test").await.unwrap();
    catalog.publish(&limited("2.0.0", "20")).await;
    assert_eq!(limit(), "7", "what was set stays across versions");
    catalog.catalog.patch("limited", set(&[("limit", None)]), "test").await.unwrap();
    assert_eq!(limit(), "20");
    assert!(catalog.audit().await.detail.contains("limit 7 -> default"));
    catalog.publish(&limited("3.0.0", "30")).await;
    assert_eq!(limit(), "30", "unset is not pinned to the default of the moment");
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_with_those_there_are() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&limited("1.0.0", "10")).await;
    for value in [Some("1"), None] {
        let refused = catalog.catalog.patch("limited", set(&[("limt", value)]), "test").await.unwrap_err();
        assert!(matches!(refused, Refused::Unfit(_)));
        assert_eq!(refused.to_string(), "rule limited has no parameter \"limt\"; it has limit");
    }
    let refused = catalog.catalog.patch("limited", set(&[("limit", Some(""))]), "test").await.unwrap_err();
    assert!(refused.to_string().contains("configure refused: is empty"), "{refused}");
    assert_eq!(catalog.catalog.live().revision.0, 1);
}

#[tokio::test]
async fn parameters_that_a_new_version_lacks_are_dropped_with_a_note() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let v1 = catalog.publish(&limited("1.0.0", "10")).await.sha256;
    catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), "test").await.unwrap();
    let v2 = catalog.publish(&Guest::new("limited").version("2.0.0").parameter("ceiling", "9")).await.sha256;
    assert_eq!(catalog.rule("limited").unwrap().parameters, BTreeMap::from([("ceiling".into(), "9".into())]));
    let line = catalog.audit().await;
    let dropped = format!("{v1} -> {v2}; parameter limit=7 dropped, it has none such; weir on ");
    let process = format!(", process {}", std::process::id());
    assert!(line.detail.starts_with(&dropped) && line.detail.ends_with(&process), "{line:?}");
    catalog.catalog.patch("limited", set(&[("ceiling", Some("8"))]), "test").await.unwrap();
    catalog.catalog.rollback("limited", None, "test").await.unwrap();
    assert_eq!(limit_of(&catalog), BTreeMap::from([("limit".into(), "7".into())]), "as it was set when it judged");
    let line = catalog.audit().await;
    assert!(line.detail.contains("ceiling=8 dropped") && line.detail.contains("limit=7 as it was"), "{line:?}");
}

fn limit_of(catalog: &Opened) -> BTreeMap<String, String> {
    catalog.rule("limited").unwrap().parameters.clone()
}

#[tokio::test]
async fn a_version_that_is_gone_back_to_keeps_what_was_set_since_and_what_was_unset() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let two = |version: &str| limited(version, "10").parameter("floor", "1");
    let v1 = catalog.publish(&two("1.0.0")).await.sha256;
    catalog.catalog.patch("limited", set(&[("limit", Some("7")), ("floor", Some("2"))]), "test").await.unwrap();
    catalog.publish(&two("2.0.0")).await;
    catalog.catalog.patch("limited", set(&[("limit", None), ("floor", Some("3"))]), "test").await.unwrap();
    catalog.catalog.rollback("limited", Some(v1), "test").await.unwrap();
    let expected = [("floor", "3"), ("limit", "10")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(limit_of(&catalog), BTreeMap::from(expected));
}

#[tokio::test]
async fn a_trip_restores_what_the_version_before_was_set_to() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let v1 = catalog.publish(&limited("1.0.0", "10")).await.sha256;
    catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), "test").await.unwrap();
    catalog.publish(&Guest::new("limited").version("2.0.0").judge(TRAPS_RARELY)).await;
    let _running = catalog.run();
    catalog.judge_until_it_trips(4_242);
    within(Duration::from_secs(5), "the breaker acts", || catalog.sha("limited") == Some(v1)).await;
    assert_eq!(limit_of(&catalog)["limit"], "7");
}

#[tokio::test]
async fn the_configuration_says_what_a_rule_starts_with_and_nothing_after() {
    let mut fixture = Fixture::new();
    fixture.config.rule.insert("limited".into(), start("limit", "5"));
    {
        let catalog = fixture.open().await;
        catalog.publish(&limited("1.0.0", "10")).await;
        assert_eq!(catalog.rule("limited").unwrap().parameters["limit"], "5");
        catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), "test").await.unwrap();
    }
    // The configuration by now speaks of another version; what is stored counts.
    fixture.config.rule.insert("limited".into(), start("ceiling", "5"));
    let catalog = fixture.open().await;
    assert_eq!(catalog.suspended("limited"), None);
    assert_eq!(catalog.rule("limited").unwrap().parameters["limit"], "7");
    catalog.catalog.check(limited("2.0.0", "20").wasm()).await.unwrap();
}

#[tokio::test]
async fn a_start_parameter_that_the_rule_does_not_have_is_refused() {
    let mut fixture = Fixture::new();
    fixture.config.rule.insert("limited".into(), start("limt", "5"));
    let refused = fixture.open().await.try_publish(&limited("1.0.0", "10")).await.unwrap_err();
    assert_eq!(refused.to_string(), "rule limited has no parameter \"limt\"; it has limit");
}

#[tokio::test]
async fn a_value_of_more_than_1024_bytes_is_refused_and_the_audit_stays_short() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let names = ["a", "b", "c", "d", "e"];
    catalog.publish(&names.iter().fold(Guest::new("wordy"), |guest, name| guest.parameter(name, "1"))).await;
    let long = "9".repeat(1_025);
    let refused = catalog.catalog.patch("wordy", set(&[("a", Some(&long))]), "test").await.unwrap_err();
    assert!(matches!(refused, Refused::Unfit(_)));
    assert_eq!(refused.to_string(), "the value of parameter \"a\" has 1025 bytes: 1024 are allowed");
    assert_eq!(catalog.catalog.live().revision.0, 1);

    let value = "é".repeat(512);
    catalog.catalog.patch("wordy", set(&names.map(|name| (name, Some(value.as_str())))), "test").await.unwrap();
    assert_eq!(catalog.rule("wordy").unwrap().parameters["e"], value);
    let detail = catalog.audit().await.detail;
    let changes = &detail[..=detail.rfind('…').unwrap() + 2];
    assert!(detail.starts_with("a default -> é") && detail.contains("…; weir on "), "{detail}");
    assert!((4_000..=4_096).contains(&changes.len()), "{}", changes.len());
}
