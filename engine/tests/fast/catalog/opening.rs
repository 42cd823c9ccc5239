//! Opening a set that no longer fits.

use weir::admin::ports::AdminError;
use weir::admin::problem::Problem;
use weir::model::catalog::Mode;
use weir::rules::{CatalogError, Refused};

use crate::catalog::fixture::Fixture;
use crate::catalog::module::{Guest, TEXT};

/// Two rules of which one reads `name_dest`, and the catalog closed.
async fn closed() -> Fixture {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("steady")).await;
    catalog.publish(&Guest::new("reader").field("name_dest", TEXT, false)).await;
    fixture
}

/// A rule that silently does not judge lets fraud pass; and other instances may judge well by it.
#[tokio::test]
async fn a_rule_that_does_not_fit_this_instance_refuses_its_start_and_stays_in_force_elsewhere() {
    let mut fixture = closed().await;
    let elsewhere = fixture.open().await;
    fixture.config.record.fields.remove("name_dest");
    let Err(error) = fixture.try_open(fixture.folder.path().join("compiler")).await else {
        panic!("it starts without a rule of the set");
    };
    let text = error.to_string();
    for part in ["the stored rule reader does not fit", "reads name_dest", "--suspend-misfits"] {
        assert!(text.contains(part) && !text.contains('\n'), "{text}");
    }
    let set = elsewhere.store.rule_set().await.unwrap();
    assert!(set.revision.0 == 2 && set.entries.iter().all(|entry| entry.suspended.is_none()), "{set:?}");

    elsewhere.mode("reader", Mode::Off).await;
    let catalog = fixture.open().await;
    let shown = catalog.suspended("reader").unwrap();
    assert!(shown.contains("it is off") && shown.contains("name_dest"), "{shown}");
    assert_eq!(catalog.judge(-1), ["BAD"], "the steady one's");
    let revision = catalog.store.revision().await.unwrap();
    assert_eq!(revision.0, 3, "a start writes nothing");
    let live = weir::rules::Patch { mode: Some(Mode::Live), ..Default::default() };
    let refused = catalog.catalog.patch("reader", live, "test").await.unwrap_err();
    assert!(refused.to_string().contains("name_dest"), "{refused}");
    catalog.catalog.retire("reader", "test").await.unwrap();
}

#[tokio::test]
async fn a_new_rule_that_does_not_fit_is_refused_even_if_it_comes_off() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let off = weir::rules::Publish { mode: Some(Mode::Off), ..crate::catalog::fixture::by_api() };
    let stranger = Guest::new("stranger").field("nowhere", TEXT, false).wasm();
    let refused = catalog.catalog.publish(stranger, off).await.unwrap_err();
    assert!(refused.to_string().contains("nowhere"), "{refused}");
    assert_eq!(catalog.catalog.live().revision.0, 0);
}

#[tokio::test]
async fn a_compiler_that_is_killed_or_stopped_while_the_set_is_opened_blames_no_rule() {
    let mut fixture = closed().await;
    fixture.config.rules.suspend_misfits = true;
    for signal in ["KILL", "TERM", "XCPU"] {
        std::fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
        let compiler = fixture.folder.path().join(format!("killed-by-{signal}"));
        crate::catalog::fixture::script(&compiler, &format!("kill -{signal} $$"));
        let opened = fixture.try_open(compiler).await;
        assert!(matches!(opened, Err(CatalogError::Compiler(_))), "{signal}");
    }
    let catalog = fixture.open().await;
    assert_eq!((catalog.catalog.live().revision.0, catalog.judge(-1).len()), (2, 2));
}

#[tokio::test]
async fn a_compiler_runs_in_a_process_group_of_its_own() {
    let fixture = Fixture::new();
    let (compiler, told) = (fixture.folder.path().join("grouped"), fixture.folder.path().join("group"));
    crate::catalog::fixture::script(
        &compiler,
        &format!("echo $$ $(cut -d' ' -f5 /proc/$$/stat) > {}; exit 3", told.display()),
    );
    let catalog = fixture.try_open(compiler).await.unwrap();
    catalog.try_publish(&Guest::new("steady")).await.unwrap_err();
    let told = std::fs::read_to_string(told).unwrap();
    let (pid, group) = told.trim().split_once(' ').unwrap();
    assert_eq!(pid, group, "a Ctrl-C in the terminal would end it");
}

#[tokio::test]
async fn a_rule_that_answers_late_at_a_start_refuses_it_and_is_not_suspended() {
    let mut fixture = Fixture::new();
    fixture.config.rules.timeout = std::time::Duration::from_secs(5);
    let slow = Guest::new("slow").configure(crate::catalog::module::SLOW);
    fixture.open().await.publish(&slow).await;
    fixture.config.rules.suspend_misfits = true;
    fixture.config.rules.timeout = std::time::Duration::from_millis(10);
    let opened = fixture.try_open(fixture.folder.path().join("compiler")).await;
    assert!(matches!(opened, Err(CatalogError::Compiler(why)) if why.contains("RULE_TIMEOUT")));
}

#[tokio::test]
async fn where_asked_for_a_rule_whose_field_is_gone_is_suspended_and_the_others_start() {
    let mut fixture = closed().await;
    fixture.config.rules.suspend_misfits = true;
    fixture.config.record.fields.remove("name_dest");
    let catalog = fixture.open().await;
    assert!(catalog.suspended("reader").unwrap().contains("reads name_dest, a field that the pipeline does not have"));
    assert_eq!(catalog.suspended("steady"), None);
    assert_eq!(catalog.judge(-1), ["BAD"], "the steady one's");
    let line = catalog.audit().await;
    assert_eq!((line.who.as_str(), line.action.as_str(), line.rule.as_str()), ("engine", "suspend", "reader"));
    assert!(line.detail.contains("name_dest"), "{line:?}");
    assert_eq!(catalog.rule("reader").unwrap().manifest.codes[0].name, "BAD", "it is shown as it was");
}

#[tokio::test]
async fn a_suspended_rule_stays_so_until_it_fits_and_is_asked_for() {
    let mut fixture = closed().await;
    fixture.config.rules.suspend_misfits = true;
    let field = fixture.config.record.fields.remove("name_dest").unwrap();
    {
        let catalog = fixture.open().await;
        let live = weir::rules::Patch { mode: Some(Mode::Live), ..Default::default() };
        let refused = catalog.catalog.patch("reader", live, "test").await.unwrap_err();
        assert!(refused.to_string().contains("name_dest"), "{refused}");
        catalog.publish(&Guest::new("steady").version("2.0.0")).await;
    }
    fixture.config.record.fields.insert("name_dest".into(), field);
    let catalog = fixture.open().await;
    assert!(catalog.suspended("reader").is_some());
    catalog.mode("reader", Mode::Live).await;
    assert_eq!(catalog.suspended("reader"), None);
    assert_eq!(catalog.judge(-1), ["BAD", "BAD"]);
}

#[tokio::test]
async fn rules_whose_version_is_gone_or_does_not_compile_are_suspended_each_for_its_reason() {
    let mut fixture = closed().await;
    fixture.config.rules.suspend_misfits = true;
    let database = sqlx::SqlitePool::connect(&fixture.url()).await.unwrap();
    sqlx::query("DELETE FROM weir_rule_version WHERE rule = 'reader'").execute(&database).await.unwrap();
    // As if a later release compiled less than the one that took it.
    let spoiled = b"\0asm\x01\0\0\0\xff";
    let digest = weir::model::ids::Sha256::of(spoiled);
    let spoil = "UPDATE weir_rule_version SET wasm = ?, sha256 = ? WHERE rule = 'steady'";
    sqlx::query(spoil).bind(&spoiled[..]).bind(&digest.0[..]).execute(&database).await.unwrap();
    let name = "UPDATE weir_rule_set SET sha256 = ? WHERE rule = 'steady'";
    sqlx::query(name).bind(&digest.0[..]).execute(&database).await.unwrap();
    database.close().await;
    std::fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
    let catalog = fixture.open().await;
    assert!(catalog.suspended("reader").unwrap().contains("is gone from the store"));
    assert!(catalog.suspended("steady").unwrap().contains("not valid WebAssembly"));
    assert_eq!(catalog.catalog.live().revision.0, 4, "a revision and a line of audit each");
    assert!(catalog.judge(-1).is_empty());
    // Either can be retired or published again.
    catalog.catalog.retire("steady", "test").await.unwrap();
    drop(catalog);
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("reader").field("name_dest", TEXT, false)).await;
    assert_eq!(catalog.suspended("reader"), None);
}

#[tokio::test]
async fn a_store_that_can_not_be_asked_is_an_error() {
    let fixture = closed().await;
    let database = sqlx::SqlitePool::connect(&fixture.url()).await.unwrap();
    sqlx::query("ALTER TABLE weir_rule_set RENAME COLUMN suspended TO other").execute(&database).await.unwrap();
    database.close().await;
    let compiler = fixture.folder.path().join("compiler");
    assert!(matches!(fixture.try_open(compiler).await, Err(CatalogError::Store(_))));
}

/// It is the machine's trouble, and other instances share the store.
#[tokio::test]
async fn a_compiler_that_does_not_run_is_an_error_and_suspends_nothing() {
    let fixture = closed().await;
    std::fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
    for compiler in ["/bin/false", "/nowhere/weir", "/bin/cat"] {
        let Err(CatalogError::Compiler(why)) = fixture.try_open(compiler.into()).await else {
            panic!("{compiler} compiles nothing");
        };
        assert!(why.contains(compiler), "{why}");
    }
    let catalog = fixture.open().await;
    assert_eq!((catalog.catalog.live().revision.0, catalog.judge(-1).len()), (2, 2));
}

#[tokio::test]
async fn an_upload_is_not_to_blame_for_a_compiler_that_does_not_run() {
    let catalog = Fixture::new();
    let catalog = catalog.open_without_compiler().await;
    let refused = catalog.try_publish(&Guest::new("steady")).await.unwrap_err();
    assert!(matches!(refused, Refused::Compiler(_)), "{refused}");
    assert_eq!(Problem::from(AdminError::from(refused)).status, 503);
}
