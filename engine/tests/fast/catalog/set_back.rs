//! Rows of the rule set are lost or set back under an engine that runs, and before one starts.

use std::time::Duration;

use weir::conditions::Severity;
use weir::rules::CatalogError;
use weir::store::StoreError;

use crate::catalog::fixture::{Fixture, Opened, within};
use crate::catalog::module::Guest;

const SOON: Duration = Duration::from_secs(10);
const SET_BACK: &str = "rules.set_back";

async fn sql(fixture: &Fixture, statement: &'static str) {
    let database = sqlx::SqlitePool::connect(&fixture.url()).await.unwrap();
    sqlx::query(statement).execute(&database).await.unwrap();
    database.close().await;
}

async fn three(fixture: &Fixture) -> Opened {
    let catalog = fixture.open().await;
    for name in ["a", "b", "c"] {
        catalog.publish(&Guest::new(name)).await;
    }
    catalog
}

fn names(catalog: &Opened) -> Vec<String> {
    catalog.catalog.live().rules.iter().map(|rule| rule.id.name.to_string()).collect()
}

async fn refused_at_the_start(fixture: &Fixture) -> String {
    match fixture.try_open(fixture.folder.path().join("compiler")).await {
        Err(CatalogError::Store(error @ StoreError::SetBack(_))) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(opened) => panic!("it starts with {:?}", names(&opened)),
    }
}

#[tokio::test]
async fn a_current_revision_that_is_lost_or_set_back_changes_nothing_in_force_and_is_repaired() {
    for (lost, said) in [
        ("DELETE FROM weir_rule_current", "weir_rule_current has no row"),
        ("UPDATE weir_rule_current SET revision = 1", "weir_rule_current says that revision 1 is in force"),
    ] {
        let fixture = Fixture::new();
        let catalog = three(&fixture).await;
        let _running = catalog.run();
        sql(&fixture, lost).await;
        within(SOON, "it is told", || !catalog.told(SET_BACK).is_empty()).await;
        let condition = catalog.catalog.conditions().with(SET_BACK).remove(0);
        assert_eq!(condition.severity, Severity::NotReady);
        for part in [said, "weir rules repair", "Revision 3 stays in force"] {
            assert!(condition.message.contains(part), "{}", condition.message);
        }
        // No change is made on it, and none says that something exists already.
        let refused = catalog.try_publish(&Guest::new("d")).await.unwrap_err().to_string();
        assert!(refused.contains(said) && refused.contains("weir rules repair"), "{refused}");
        assert_eq!(names(&catalog), ["a", "b", "c"]);
        let refused = refused_at_the_start(&fixture).await;
        assert!(refused.contains("weir rules repair") && refused.contains("end at 3"), "{refused}");

        let repaired = catalog.store.repair_rules(0, "test").await.unwrap().unwrap();
        assert_eq!((repaired.taken.0, repaired.set.revision.0, repaired.set.entries.len()), (3, 4, 3));
        within(SOON, "it is over", || catalog.told(SET_BACK).is_empty()).await;
        assert_eq!((names(&catalog).len(), catalog.catalog.live().revision.0), (3, 4));
        let line = catalog.audit().await;
        assert_eq!((line.action.as_str(), line.who.as_str(), line.revision), ("repair", "test", 4));
        assert_eq!(catalog.publish(&Guest::new("d")).await.revision.0, 5);
        assert_eq!(catalog.store.repair_rules(0, "test").await.unwrap(), None, "nothing more to do");
        assert_eq!(names(&fixture.open().await).len(), 4);
    }
}

#[tokio::test]
async fn a_current_revision_that_is_lost_before_the_first_publish_is_made_again() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    sql(&fixture, "DELETE FROM weir_rule_current").await;
    catalog.publish(&Guest::new("steady")).await;
    assert_eq!(catalog.store.revision().await.unwrap().0, 1);
}

#[tokio::test]
async fn rows_of_the_set_in_force_that_are_gone_retire_no_rule() {
    let fixture = Fixture::new();
    let catalog = three(&fixture).await;
    sql(&fixture, "UPDATE weir_rule_set SET sha256 = zeroblob(32) WHERE rule = 'b'").await;
    let refused = catalog.try_publish(&Guest::new("d")).await.unwrap_err().to_string();
    assert!(refused.contains("other rows of revision 3"), "{refused}");
    // Also before a start, when nobody knows what was in force.
    sql(&fixture, "DELETE FROM weir_rule_set WHERE rule = 'b'").await;
    for refused in
        [catalog.try_publish(&Guest::new("d")).await.unwrap_err().to_string(), refused_at_the_start(&fixture).await]
    {
        assert!(refused.contains("has 2 rows of revision 3, which was written with 3"), "{refused}");
    }
    let _running = catalog.run();
    within(SOON, "it is told", || !catalog.told(SET_BACK).is_empty()).await;
    assert_eq!(names(&catalog), ["a", "b", "c"]);

    sql(&fixture, "DELETE FROM weir_rule_set WHERE revision = 3").await;
    let refused = refused_at_the_start(&fixture).await;
    assert!(refused.contains("no row of revision 3, which was not empty"), "{refused}");
    let repaired = catalog.store.repair_rules(0, "test").await.unwrap().unwrap();
    assert_eq!((repaired.highest.0, repaired.taken.0, repaired.set.revision.0), (3, 2, 4));
}

#[tokio::test]
async fn a_database_set_back_as_a_whole_changes_nothing_in_force_until_the_engine_starts_again() {
    let fixture = Fixture::new();
    let catalog = three(&fixture).await;
    let _running = catalog.run();
    sql(&fixture, "DELETE FROM weir_rule_set WHERE revision > 2").await;
    sql(&fixture, "DELETE FROM weir_audit WHERE revision > 2").await;
    sql(&fixture, "UPDATE weir_rule_current SET revision = 2").await;
    let told = |part: &str| catalog.told(SET_BACK).iter().any(|(_, told)| told.contains(part));
    within(SOON, "it is told", || told("went back from revision 3 to 2")).await;
    assert!(told("start this engine again"));
    assert_eq!(names(&catalog), ["a", "b", "c"]);
    assert!(catalog.try_publish(&Guest::new("d")).await.unwrap_err().to_string().contains("went back"));
    assert_eq!(names(&fixture.open().await), ["a", "b"], "what the rows say, to a process that knows no more");
}

#[tokio::test]
async fn a_set_whose_last_rule_was_retired_is_no_lost_one() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("a")).await;
    catalog.catalog.retire("a", "test").await.unwrap();
    assert!(names(&fixture.open().await).is_empty());
    assert_eq!(catalog.publish(&Guest::new("b")).await.revision.0, 3);
}
