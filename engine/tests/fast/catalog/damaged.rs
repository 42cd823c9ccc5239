//! Rows of the store that are not what was published: another module under a digest, another rule's under a name.

use weir::conditions::Severity;
use weir::model::ids::Partition;

use crate::catalog::fixture::{Fixture, Opened};
use crate::catalog::module::Guest;

const DAMAGED: &str = "rules.damaged";

/// As `steady`, but it hits where the other does not.
fn foreign() -> Guest {
    Guest::new("steady").version("9.9.9").judge("(call $hit (local.get $i) (i32.const 0))")
}

async fn published(fixture: &Fixture) -> Opened {
    std::fs::create_dir_all(&fixture.config.rules.dir).unwrap();
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("steady")).await;
    catalog.publish(&Guest::new("other")).await;
    catalog
}

/// Another process, which has nothing in memory.
async fn opened(fixture: &Fixture) -> Opened {
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    catalog
}

async fn store_as_steady(fixture: &Fixture, wasm: Vec<u8>) {
    let database = sqlx::SqlitePool::connect(&fixture.url()).await.unwrap();
    let change = "UPDATE weir_rule_version SET wasm = ? WHERE rule = 'steady'";
    sqlx::query(change).bind(wasm).execute(&database).await.unwrap();
    database.close().await;
}

#[tokio::test]
async fn a_module_that_has_another_digest_than_its_row_never_judges_and_is_never_cached_under_it() {
    let fixture = Fixture::new();
    drop(published(&fixture).await);
    std::fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
    store_as_steady(&fixture, foreign().wasm()).await;
    let catalog = opened(&fixture).await;
    let why = catalog.suspended("steady").unwrap();
    assert!(why.contains("has the digest") && why.contains("somebody changed the row"), "{why}");
    assert_eq!((catalog.judge(-1), catalog.judge(1).len()), (vec!["BAD".to_owned()], 0), "the other's");
    let condition = catalog.catalog.conditions().with(DAMAGED).remove(0);
    assert_eq!((condition.severity, condition.subject.as_str()), (Severity::NotReady, "steady"));
    assert!(condition.message.contains("weir rules push"), "{}", condition.message);
    assert_eq!(catalog.store.revision().await.unwrap().0, 2, "other instances may have it whole");
    // Other rules may be changed meanwhile.
    catalog.publish(&Guest::new("other").version("2.0.0")).await;

    // The same bytes again write the row anew.
    catalog.publish(&Guest::new("steady")).await;
    assert!(catalog.suspended("steady").is_none() && catalog.told(DAMAGED).is_empty());
    assert_eq!(catalog.judge(-1).len(), 2);
    let after = opened(&fixture).await;
    assert!(after.suspended("steady").is_none() && after.told(DAMAGED).is_empty());
    assert_eq!((after.judge(-1).len(), after.judge(1).len()), (2, 0), "no code of the foreign one was kept");
}

#[tokio::test]
async fn a_module_that_says_another_name_than_its_entry_never_judges() {
    let fixture = Fixture::new();
    let other = published(&fixture).await.sha("other").unwrap();
    let database = sqlx::SqlitePool::connect(&fixture.url()).await.unwrap();
    let change = "UPDATE weir_rule_set SET sha256 = ? WHERE rule = 'steady'";
    sqlx::query(change).bind(&other.0[..]).execute(&database).await.unwrap();
    database.close().await;
    let catalog = opened(&fixture).await;
    let why = catalog.suspended("steady").unwrap();
    assert!(why.contains("as rule steady, but the module says that it is rule other"), "{why}");
    assert!(catalog.told(DAMAGED).iter().any(|(subject, _)| subject == "steady"));
}

#[tokio::test]
async fn a_directory_publishes_and_retires_nothing_while_a_partition_contradicts_the_store() {
    let fixture = Fixture::new();
    let catalog = published(&fixture).await;
    let claimed = |stopped: Option<&str>| {
        catalog.catalog.claimed(0, [].into_iter(), stopped.into_iter().map(|why| (Partition(3), why)));
    };
    claimed(Some("the group has committed 9, past the position in the store, 5"));
    std::fs::write(fixture.file("dropped.wasm"), Guest::new("dropped").wasm()).unwrap();
    let _running = catalog.run();
    let held = || catalog.told("rules.directory_held");
    crate::catalog::fixture::within(std::time::Duration::from_secs(10), "it is told", || !held().is_empty()).await;
    assert!(held()[0].1.contains("partition 3: the group has committed 9"), "{:?}", held());
    assert!(catalog.rule("dropped").is_none());
    claimed(None);
    crate::catalog::fixture::within(std::time::Duration::from_secs(10), "it is published", || {
        catalog.rule("dropped").is_some()
    })
    .await;
    assert!(held().is_empty());
}

/// As where Kafka did not tell its id at the start: the database may be another cluster's until a claim shows that it is not.
#[tokio::test]
async fn a_directory_publishes_nothing_before_a_partition_agrees_where_no_id_tells_whose_the_database_is() {
    let fixture = Fixture::new();
    let catalog = published(&fixture).await;
    catalog.catalog.hold_directory();
    std::fs::write(fixture.file("dropped.wasm"), Guest::new("dropped").wasm()).unwrap();
    let publishes = async |agrees: &[(i32, bool)]| {
        let ready = agrees.iter().map(|(partition, agrees)| (Partition(*partition), *agrees));
        catalog.catalog.claimed(0, ready, [].into_iter());
        catalog.directory.publish().await.unwrap();
        catalog.rule("dropped").is_some()
    };
    assert!(!publishes(&[]).await, "a worker without partitions knows nothing");
    let told = catalog.told("rules.directory_held");
    assert!(told[0].1.contains("may be another cluster's"), "{told:?}");
    assert!(!publishes(&[(7, false)]).await, "one that the database never saw");
    // People say themselves where they publish.
    catalog.publish(&Guest::new("other").version("2.0.0")).await;
    assert!(publishes(&[(0, true), (7, false)]).await);
    assert!(catalog.told("rules.directory_held").is_empty());
}

#[tokio::test]
async fn bytes_that_were_refused_cost_no_second_compile() {
    let fixture = Fixture::new();
    let catalog = published(&fixture).await;
    let bad = b"\0asm\x01\0\0\0\xff".to_vec();
    let before = fixture.compiles();
    let first = catalog.catalog.publish(bad.clone(), crate::catalog::fixture::by_api()).await.unwrap_err().to_string();
    let again = catalog.catalog.publish(bad.clone(), crate::catalog::fixture::by_api()).await.unwrap_err().to_string();
    assert_eq!((first, fixture.compiles()), (again, before + 1));
    catalog.catalog.check(bad).await.unwrap_err();
    assert_eq!(fixture.compiles(), before + 1);
}

/// What the compiler of an upload is given of the engine: nothing of its environment, the least of its rights.
#[tokio::test]
async fn a_compiler_knows_nothing_of_the_engine_s_environment() {
    let fixture = Fixture::new();
    let (compiler, told) = (fixture.folder.path().join("telling"), fixture.folder.path().join("told"));
    crate::catalog::fixture::script(
        &compiler,
        &format!("tr '\\0' '\\n' < /proc/$$/environ > {}; exit 3", told.display()),
    );
    let catalog = fixture.try_open(compiler).await.unwrap();
    catalog.try_publish(&Guest::new("steady")).await.unwrap_err();
    let told = std::fs::read_to_string(told).unwrap();
    let names: Vec<_> = told.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| *name == "LD_LIBRARY_PATH"), "{names:?}");
    assert!(std::env::vars().count() > 3, "the test itself has an environment");
}
