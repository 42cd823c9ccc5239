//! What the rules would say of records, for a person who asks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use weir::config::OnFailure;
use weir::model::catalog::Mode;
use weir::model::ids::Offset;
use weir::rules::LiveSet;

use crate::catalog::explaining::shipped;
use crate::catalog::fixture::Fixture;
use crate::catalog::module::{Guest, TEXT, TRAPS_RARELY};

#[tokio::test]
async fn shadow_rules_say_what_they_find_and_those_that_are_off_say_nothing() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    for name in ["acts", "watches", "sleeps"] {
        catalog.publish(&Guest::new(name)).await;
    }
    catalog.mode("watches", Mode::Shadow).await;
    catalog.mode("sleeps", Mode::Off).await;

    let mut said: Vec<_> = (catalog.evaluate(&[5, -1]).into_iter())
        .map(|v| (v.rule.manifest.name.clone(), v.rule.mode, v.findings.iter().map(|f| f.row).collect::<Vec<_>>()))
        .collect();
    said.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(said, [("acts".into(), Mode::Live, vec![1]), ("watches".into(), Mode::Shadow, vec![1])]);
    assert_eq!(catalog.rule("watches").unwrap().stats.rows.load(Ordering::Relaxed), 0, "nothing is counted");
}

#[tokio::test]
async fn the_set_that_was_taken_judges_though_another_came_into_force() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let old = catalog.publish(&Guest::new("swapped")).await.sha256;
    let taken = catalog.catalog.live();
    let new = catalog.publish(&Guest::new("swapped").version("2.0.0")).await.sha256;
    assert_ne!(old, new);
    let said = catalog.evaluate_by(&taken, &catalog.batch(&[-1]));
    assert_eq!((said.len(), said[0].rule.id.sha256, said[0].findings.len()), (1, old, 1));
}

#[tokio::test]
async fn a_halt_names_its_record_and_the_other_rules_still_speak() {
    let mut fixture = Fixture::new();
    fixture.config.rules.on_failure = OnFailure::Halt;
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("traps").judge(TRAPS_RARELY)).await;
    catalog.publish(&Guest::new("works")).await;
    let said = catalog.evaluate(&[-1, 4_242]);
    let of = |name: &str| said.iter().find(|verdict| verdict.rule.manifest.name == name).unwrap();
    let halt = of("traps").halt.as_ref().unwrap();
    assert_eq!((halt.offset, halt.code), (Offset(1), "RULE_TRAP"));
    assert!(of("works").halt.is_none());
    assert_eq!(of("works").findings.len(), 1);
}

#[tokio::test]
async fn a_rule_that_requires_a_field_names_the_one_that_a_record_lacks() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("needs").field("name_dest", TEXT, true)).await;
    let said = catalog.evaluate(&[5]);
    let found: Vec<_> = said[0].findings.iter().map(|found| (&*found.code, &*found.detail)).collect();
    assert_eq!(found, [("FIELD_MISSING", "rule needs requires field name_dest")]);
}

#[tokio::test]
async fn other_parameters_judge_for_themselves_and_what_a_rule_does_not_take_is_refused() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    shipped(&catalog, "high_amount").await;
    let of = |set: &Arc<LiveSet>| {
        let said = catalog.evaluate_by(set, &catalog.batch(&[500, 20_000_001]));
        said[0].findings.iter().map(|found| found.detail.clone()).collect::<Vec<_>>()
    };
    let tried = catalog.with_parameters("high_amount", &[("limit", "4.99")]).unwrap();
    assert_eq!(of(&tried), ["amount 5.00 > 4.99", "amount 200000.01 > 4.99"]);
    assert_eq!(of(&catalog.catalog.live()), ["amount 200000.01 > 200000"], "what is in force stays");
    let counted =
        [&tried.rules[0], &catalog.rule("high_amount").unwrap()].map(|rule| rule.stats.rows.load(Ordering::Relaxed));
    assert_eq!(counted, [0, 0]);

    let refused = |rule: &str, parameters: &[(&str, &str)]| {
        catalog.with_parameters(rule, parameters).err().map(|why| why.to_string()).unwrap_or_default()
    };
    assert!(refused("high_amount", &[("limit", "many")]).starts_with("entry high_amount does not fit: "));
    assert!(refused("high_amount", &[("limt", "1")]).contains("no parameter \"limt\"; it has limit"));
    assert_eq!(refused("nobody", &[]), "there is no rule \"nobody\" that judges");
    catalog.mode("high_amount", Mode::Off).await;
    assert_eq!(refused("high_amount", &[("limit", "1")]), "there is no rule \"high_amount\" that judges");
}
