//! What a change would do, told before it is done, and a change that was decided on an older set.

use weir::model::catalog::{By, Mode};
use weir::model::ids::{Revision, Sha256};
use weir::rules::{Action, Difference, Patch, Plan, Publish, Refused};

use crate::catalog::fixture::{Fixture, Opened, by_api, set};
use crate::catalog::module::{Guest, TEXT};

fn limited(version: &str) -> Guest {
    Guest::new("limited").version(version).parameter("limit", "10")
}

fn told(plan: &Plan) -> Vec<String> {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    plan.differences.iter().map(|d| format!("{} {} {}", d.setting, show(&d.from), show(&d.to))).collect()
}

fn by(seen: u64) -> By<'static> {
    By { who: "ana", reason: None, seen: Some(Revision(seen)) }
}

async fn plan(catalog: &Opened, action: Action) -> Plan {
    catalog.catalog.plan("limited", action, None).await.unwrap()
}

#[tokio::test]
async fn a_plan_says_what_the_change_then_does_and_changes_nothing_itself() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let first = catalog.publish(&limited("1.0.0")).await.sha256;
    let patch = || Patch { mode: Some(Mode::Shadow), ..set(&[("limit", Some("7"))]) };
    let planned = plan(&catalog, Action::Patch(patch())).await;
    assert_eq!(told(&planned), ["mode live shadow", "parameters.limit - 7"]);
    let effects = [
        "BAD no longer makes a record a dead letter",
        "the rule judges in shadow: its hits are counted, and nothing acts on them",
        "no rule acts any more: every record that can be decoded is valid",
    ];
    assert_eq!(planned.effects, effects);
    assert_eq!((catalog.catalog.live().revision.0, catalog.store.revision().await.unwrap().0), (1, 1));
    catalog.catalog.patch("limited", patch(), by(planned.revision.0)).await.unwrap();
    assert!(catalog.audit().await.detail.starts_with(&planned.detail.unwrap()));

    let second = Sha256::of(&limited("2.0.0").wasm());
    let (manifest, planned) = catalog.catalog.plan_publish(&limited("2.0.0").wasm(), &by_api()).await.unwrap();
    assert_eq!((manifest.version.as_str(), told(&planned)), ("2.0.0", vec![format!("version {first} {second}")]));
    assert_eq!(catalog.store.versions(Some("limited"), 9).await.unwrap().len(), 1, "nothing is kept of it");
    catalog.publish(&limited("2.0.0")).await;
    let planned = plan(&catalog, Action::Rollback(None)).await;
    assert_eq!(told(&planned), [format!("version {second} {first}")]);
    let planned = plan(&catalog, Action::Retire).await;
    assert_eq!(told(&planned)[0], format!("version {second} -"));
    assert_eq!(planned.effects, ["the rule judges nothing any more"]);
}

#[tokio::test]
async fn a_plan_of_nothing_says_so_and_one_that_would_be_refused_is() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&limited("1.0.0")).await;
    let same = plan(&catalog, Action::Patch(Patch { mode: Some(Mode::Live), ..Patch::default() })).await;
    assert_eq!((told(&same), same.effects, same.detail), (Vec::new(), Vec::new(), None));
    let refused = async |action| catalog.catalog.plan("limited", action, None).await.unwrap_err();
    assert!(matches!(refused(Action::Patch(set(&[("limit", Some(""))]))).await, Refused::Unfit(_)));
    assert!(matches!(refused(Action::Rollback(None)).await, Refused::Conflict(_)));
    assert!(matches!(refused(Action::Rollback(Some(Sha256([9; 32])))).await, Refused::NoSuchVersion { .. }));
    let nobody = catalog.catalog.plan("nobody", Action::Retire, None).await.unwrap_err();
    assert!(matches!(nobody, Refused::NoSuchRule(_)), "{nobody}");
    let shadow = Publish { mode: Some(Mode::Shadow), ..by_api() };
    let displaces = catalog.catalog.plan_publish(&limited("2.0.0").wasm(), &shadow).await.unwrap_err();
    assert!(matches!(displaces, Refused::InForce { .. }), "{displaces}");
}

#[tokio::test]
async fn every_field_and_parameter_that_does_not_fit_is_told_at_once() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let guest = limited("1.0.0").field("amout", TEXT, false).field("no_such", TEXT, true);
    let refused = catalog.catalog.plan_publish(&guest.wasm(), &by_api()).await.unwrap_err().to_string();
    assert!(refused.contains("reads amout, a field") && refused.contains("reads no_such, a field"), "{refused}");
    catalog.publish(&limited("1.0.0")).await;
    let patch = Action::Patch(set(&[("limt", Some("1")), ("flor", Some("2"))]));
    let refused = catalog.catalog.plan("limited", patch, None).await.unwrap_err().to_string();
    assert!(refused.contains("no parameter \"flor\""), "{refused}");
}

#[tokio::test]
async fn a_change_that_was_decided_on_an_older_set_is_refused_with_what_differs_and_who_did_it() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&limited("1.0.0")).await;
    catalog.publish(&Guest::new("other")).await;
    let bo = By { who: "bo", reason: Some("fewer flags"), seen: None };
    catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), bo).await.unwrap();
    let off = || Patch { mode: Some(Mode::Off), ..Patch::default() };
    let how = Publish { seen: Some(Revision(1)), ..by_api() };
    let all = [
        catalog.catalog.patch("limited", off(), by(1)).await.unwrap_err(),
        catalog.catalog.rollback("limited", None, by(1)).await.unwrap_err(),
        catalog.catalog.retire("limited", by(1)).await.unwrap_err(),
        catalog.catalog.publish(limited("2.0.0").wasm(), how.clone()).await.unwrap_err(),
        catalog.catalog.plan("limited", Action::Retire, Some(Revision(1))).await.unwrap_err(),
        catalog.catalog.plan_publish(&limited("2.0.0").wasm(), &how).await.unwrap_err(),
    ];
    for refused in all {
        let Refused::Moved(moved) = refused else { panic!("{refused}") };
        assert_eq!((moved.seen.0, moved.now.0), (1, 3));
        let said = moved.to_string();
        assert!(said.contains("since then bo did patch of rule limited, and 1 more changes"), "{said}");
        let lines: Vec<_> = moved.lines.iter().map(|line| (line.revision, line.reason.as_deref())).collect();
        assert_eq!(lines, [(3, Some("fewer flags")), (2, None)]);
        let differences = moved.differences.expect("revision 1 is kept");
        let limit = |d: &Difference| d.rule == "limited" && d.setting == "parameters.limit";
        assert!(differences.iter().any(limit) && differences.iter().any(|d| d.rule == "other"), "{differences:?}");
    }
    assert_eq!((catalog.catalog.live().revision.0, catalog.rule("limited").unwrap().mode), (3, Mode::Live));
    let Refused::Moved(ahead) = catalog.catalog.retire("limited", by(9)).await.unwrap_err() else { panic!() };
    assert_eq!((ahead.differences, ahead.lines.len()), (None, 0));
    catalog.catalog.patch("limited", off(), by(3)).await.unwrap();
}

#[tokio::test]
async fn what_was_done_to_a_rule_is_kept_with_how_it_was_afterwards() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let first = catalog.publish(&limited("1.0.0")).await.sha256;
    catalog.publish(&Guest::new("other")).await;
    catalog.catalog.patch("limited", set(&[("limit", Some("7"))]), "ana").await.unwrap();
    catalog.publish(&limited("2.0.0")).await;
    catalog.catalog.retire("limited", By { who: "bo", reason: Some("done with"), seen: None }).await.unwrap();
    let changes = catalog.store.rule_changes("limited", 9).await.unwrap();
    let told = |change: &weir::model::catalog::RuleChange| {
        let limit = change.entry.as_ref().and_then(|entry| entry.parameters.get("limit").cloned());
        (change.line.revision, change.line.action.clone(), limit, change.manifest.as_ref().map(|m| m.version.clone()))
    };
    let some = |text: &str| Some(text.to_owned());
    let wanted = [
        (5, "retire".to_owned(), None, None),
        (4, "publish".to_owned(), some("7"), some("2.0.0")),
        (3, "patch".to_owned(), some("7"), some("1.0.0")),
        (1, "publish".to_owned(), None, some("1.0.0")),
    ];
    assert_eq!(changes.iter().map(told).collect::<Vec<_>>(), wanted);
    assert_eq!(changes[0].line.reason.as_deref(), Some("done with"));
    assert_eq!(changes[3].entry.as_ref().unwrap().sha256, first);
    assert_eq!(catalog.store.rule_changes("limited", 2).await.unwrap().len(), 2);
    assert_eq!(catalog.store.rule_changes("nobody", 9).await.unwrap(), []);
}
