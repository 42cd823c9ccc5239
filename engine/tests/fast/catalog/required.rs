//! Checks that are off are told: no rule, a required one that does not act, a suspended one; and the set has a bound.

use weir::conditions::Severity;
use weir::model::catalog::Mode;

use crate::catalog::fixture::{Fixture, Opened, by_api};
use crate::catalog::module::{Guest, TRAPS_RARELY};

const NONE_LIVE: &str = "rules.none_live";
const REQUIRED: &str = "rules.required_missing";
const SUSPENDED: &str = "rules.suspended";

async fn opened(fixture: &Fixture) -> Opened {
    std::fs::create_dir_all(&fixture.config.rules.dir).unwrap();
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    catalog
}

fn severity(catalog: &Opened, code: &str) -> Option<Severity> {
    catalog.catalog.conditions().with(code).first().map(|condition| condition.severity)
}

#[tokio::test]
async fn that_no_rule_is_live_is_a_warning_until_one_is() {
    let fixture = Fixture::new();
    let catalog = opened(&fixture).await;
    assert_eq!(severity(&catalog, NONE_LIVE), Some(Severity::Warning));
    catalog.publish(&Guest::new("only")).await;
    assert_eq!(severity(&catalog, NONE_LIVE), None);
    for mode in [Mode::Shadow, Mode::Off] {
        catalog.mode("only", mode).await;
        assert_eq!(severity(&catalog, NONE_LIVE), Some(Severity::Warning), "{mode:?}");
    }
    catalog.mode("only", Mode::Live).await;
    catalog.catalog.retire("only", "test").await.unwrap();
    let told = catalog.told(NONE_LIVE).remove(0).1;
    assert!(told.contains("every record that can be decoded counts as valid"), "{told}");
}

#[tokio::test]
async fn a_required_rule_that_does_not_act_keeps_the_pipeline_from_being_ready() {
    let mut fixture = Fixture::new();
    fixture.config.rules.required = vec!["needed".into()];
    let catalog = opened(&fixture).await;
    let why = |part: &str| {
        let told = catalog.told(REQUIRED);
        assert!(told.len() == 1 && told[0].0 == "needed" && told[0].1.contains(part), "{part}: {told:?}");
        assert_eq!(severity(&catalog, REQUIRED), Some(Severity::NotReady));
    };
    why("is not in the set");
    assert_eq!(severity(&catalog, NONE_LIVE), None, "the required ones say it");
    catalog.publish(&Guest::new("needed").judge(TRAPS_RARELY)).await;
    assert!(catalog.told(REQUIRED).is_empty());
    catalog.mode("needed", Mode::Shadow).await;
    why("is in shadow");
    catalog.mode("needed", Mode::Live).await;
    let _running = catalog.run();
    catalog.judge_until_it_trips(4_242);
    crate::catalog::fixture::within(std::time::Duration::from_secs(10), "it trips", || {
        catalog.suspended("needed").is_some()
    })
    .await;
    why("is suspended");
    assert!(catalog.told(SUSPENDED).is_empty(), "told once");
}

#[tokio::test]
async fn a_suspended_rule_is_a_warning_until_it_judges_again() {
    let fixture = Fixture::new();
    let catalog = opened(&fixture).await;
    catalog.publish(&Guest::new("steady")).await;
    catalog.publish(&Guest::new("trapping").judge(TRAPS_RARELY)).await;
    let running = catalog.run();
    catalog.judge_until_it_trips(4_242);
    crate::catalog::fixture::within(std::time::Duration::from_secs(10), "it trips", || {
        !catalog.told(SUSPENDED).is_empty()
    })
    .await;
    drop(running);
    let (subject, message) = catalog.told(SUSPENDED).remove(0);
    assert!(subject == "trapping" && message.contains("RULE_TRAP") && message.contains("roll it back"), "{message}");
    assert_eq!(severity(&catalog, SUSPENDED), Some(Severity::Warning));
    // A restart tells it again.
    let again = opened(&fixture).await;
    assert_eq!(again.told(SUSPENDED).len(), 1);
    again.mode("trapping", Mode::Live).await;
    assert!(again.told(SUSPENDED).is_empty());
}

#[tokio::test]
async fn a_set_takes_no_more_rules_than_the_configuration_allows() {
    let mut fixture = Fixture::new();
    fixture.config.rules.max_rules = 2;
    let catalog = opened(&fixture).await;
    catalog.publish(&Guest::new("one")).await;
    catalog.publish(&Guest::new("two")).await;
    let refused = catalog.try_publish(&Guest::new("three")).await.unwrap_err().to_string();
    assert!(refused.contains("rules.max_rules allows 2") && refused.contains("retire one"), "{refused}");
    catalog.publish(&Guest::new("two").version("2.0.0")).await;
    catalog.catalog.retire("one", "test").await.unwrap();
    catalog.catalog.publish(Guest::new("three").wasm(), by_api()).await.unwrap();
}
