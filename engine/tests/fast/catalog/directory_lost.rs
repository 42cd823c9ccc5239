//! The rules directory goes away, is emptied or becomes another one: no rule stops judging unless somebody meant it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use weir::model::catalog::Mode;
use weir::rules::{Patch, RulesDirectory};

use crate::catalog::fixture::{Fixture, Opened, within};
use crate::catalog::module::Guest;

const SOON: Duration = Duration::from_secs(12);
const AWAY: &str = "rules.directory";
const NO_FILE: &str = "rules.file_missing";
const RULES: [&str; 2] = ["first", "second"];

fn put(fixture: &Fixture, rule: &str) {
    fs::write(fixture.file(&format!("{rule}.wasm")), Guest::new(rule).parameter("limit", "1").wasm()).unwrap();
}

fn remove(fixture: &Fixture, rule: &str) {
    fs::remove_file(fixture.file(&format!("{rule}.wasm"))).unwrap();
}

/// A directory with two rules, of which the first is in shadow, has an order and a parameter; and a catalog that follows it.
async fn two_rules(fixture: &Fixture) -> Opened {
    RULES.iter().for_each(|rule| put(fixture, rule));
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    let parameters = [("limit".to_owned(), Some("7".to_owned()))].into();
    let patch = Patch { mode: Some(Mode::Shadow), order: Some(3), parameters: Some(parameters) };
    catalog.catalog.patch("first", patch, "test").await.unwrap();
    assert_eq!(catalog.catalog.live().revision.0, 3);
    catalog
}

fn is_as_it_was(catalog: &Opened) {
    let first = catalog.rule("first").expect("the first rule is in the set");
    assert_eq!((first.mode, first.order, first.parameters["limit"].as_str()), (Mode::Shadow, 3, "7"));
}

fn subjects(catalog: &Opened, code: &str) -> Vec<String> {
    catalog.told(code).into_iter().map(|(subject, _)| subject).collect()
}

#[tokio::test]
async fn a_directory_that_was_moved_away_retires_nothing_and_everyone_is_told_until_it_is_back() {
    let fixture = Fixture::new();
    let catalog = two_rules(&fixture).await;
    let _running = catalog.run();
    let aside = fixture.folder.path().join("aside");
    fs::rename(&fixture.config.rules.dir, &aside).unwrap();
    within(SOON, "it is told", || !catalog.told(AWAY).is_empty()).await;
    let told = &catalog.told(AWAY)[0].1;
    for part in ["rules.dir", &fixture.config.rules.dir.display().to_string(), "does not exist", "stay in force"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!fixture.config.rules.dir.exists(), "the engine makes no directory");
    // Longer than a removal takes to be believed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(catalog.catalog.live().revision.0, 3);
    fs::rename(&aside, &fixture.config.rules.dir).unwrap();
    within(SOON, "it is over", || catalog.told(AWAY).is_empty()).await;
    is_as_it_was(&catalog);
    assert_eq!((catalog.catalog.live().revision.0, catalog.told(NO_FILE)), (3, vec![]), "as if nothing had been");
    // It is watched again: this file is taken before the next rescan.
    tokio::time::sleep(Duration::from_millis(500)).await;
    put(&fixture, "third");
    within(Duration::from_secs(4), "a new file", || catalog.rule("third").is_some()).await;
}

/// As when a mount goes and the empty folder beneath it shows, or another volume is mounted.
#[tokio::test]
async fn a_directory_in_whose_place_another_stands_retires_nothing_until_the_rule_is_retired_or_its_file_comes() {
    let fixture = Fixture::new();
    let catalog = two_rules(&fixture).await;
    let _running = catalog.run();
    let dir = &fixture.config.rules.dir;
    // One file, so it is not the number of those that are gone which saves the rule.
    remove(&fixture, "second");
    within(SOON, "a file that is removed alone retires its rule", || catalog.rule("second").is_none()).await;
    fs::rename(dir, fixture.folder.path().join("aside")).unwrap();
    fs::create_dir(dir).unwrap();
    within(SOON, "it is told", || subjects(&catalog, NO_FILE) == ["first"]).await;
    is_as_it_was(&catalog);
    put(&fixture, "first");
    within(SOON, "the file is there", || catalog.told(NO_FILE).is_empty()).await;
    is_as_it_was(&catalog);

    fs::remove_dir_all(dir).unwrap();
    fs::create_dir(dir).unwrap();
    within(SOON, "it is told", || subjects(&catalog, NO_FILE) == ["first"]).await;
    is_as_it_was(&catalog);
    catalog.catalog.retire("first", "test").await.unwrap();
    within(SOON, "it was retired", || catalog.told(NO_FILE).is_empty()).await;
}

#[tokio::test]
async fn a_directory_that_is_emptied_at_once_retires_nothing_and_one_file_after_the_other_may() {
    let fixture = Fixture::new();
    let catalog = two_rules(&fixture).await;
    let running = catalog.run();
    RULES.iter().for_each(|rule| remove(&fixture, rule));
    within(SOON, "it is told", || subjects(&catalog, NO_FILE) == RULES).await;
    assert_eq!(catalog.catalog.live().revision.0, 3);
    // Also by a process that never saw the files.
    drop(running);
    let again = fixture.open().await;
    again.directory.publish().await.unwrap();
    assert_eq!((subjects(&again, NO_FILE), again.catalog.live().revision.0), (RULES.map(String::from).to_vec(), 3));
    let _running = again.run();
    RULES.iter().for_each(|rule| put(&fixture, rule));
    within(SOON, "they are back", || again.told(NO_FILE).is_empty()).await;
    is_as_it_was(&again);
    assert_eq!(again.catalog.live().revision.0, 3, "nothing had to be published");

    for rule in RULES {
        remove(&fixture, rule);
        within(SOON, "it is retired", || again.rule(rule).is_none()).await;
    }
    assert!(again.told(NO_FILE).is_empty());
}

/// Nobody polls here, as when a new set does not fit this instance: it has seen both files, and one rule is in force.
#[tokio::test]
async fn files_that_go_at_once_retire_nothing_where_the_set_in_force_lags_behind_the_store_s() {
    let fixture = Fixture::new();
    put(&fixture, "first");
    let (behind, ahead) = (fixture.open().await, fixture.open().await);
    behind.directory.publish().await.unwrap();
    put(&fixture, "second");
    ahead.directory.publish().await.unwrap();
    behind.directory.publish().await.unwrap();
    assert!(behind.rule("second").is_none(), "it lags behind");
    RULES.iter().for_each(|rule| remove(&fixture, rule));
    behind.directory.publish().await.unwrap();
    let stored: Vec<_> = behind.store.rule_set().await.unwrap().entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(stored, RULES);
}

/// Two instances share a directory, and the second of two files comes and goes between two scans of the one.
#[tokio::test]
async fn files_that_go_at_once_retire_nothing_where_one_of_them_was_never_seen() {
    let fixture = Fixture::new();
    put(&fixture, "first");
    let (here, there) = (fixture.open().await, fixture.open().await);
    here.directory.publish().await.unwrap();
    put(&fixture, "second");
    there.directory.publish().await.unwrap();
    RULES.iter().for_each(|rule| remove(&fixture, rule));
    here.directory.publish().await.unwrap();
    let stored: Vec<_> = here.store.rule_set().await.unwrap().entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(stored, RULES);
    // Once its file is back, one that is removed alone is taken for what it is.
    RULES.iter().for_each(|rule| put(&fixture, rule));
    here.directory.publish().await.unwrap();
    remove(&fixture, "first");
    here.directory.publish().await.unwrap();
    let stored: Vec<_> = here.store.rule_set().await.unwrap().entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(stored, ["second"]);
}

#[tokio::test]
async fn a_rule_that_comes_back_by_the_directory_is_as_it_was_and_one_in_shadow_never_comes_back_live() {
    let fixture = Fixture::new();
    let catalog = two_rules(&fixture).await;
    let _running = catalog.run();
    remove(&fixture, "first");
    within(SOON, "it is retired", || catalog.rule("first").is_none()).await;
    put(&fixture, "first");
    within(SOON, "it is back", || catalog.rule("first").is_some()).await;
    is_as_it_was(&catalog);
    let line = catalog.audit().await;
    assert!(line.detail.contains("it comes back as it was: mode shadow, order 3, limit=7"), "{line:?}");
    // Another version too.
    remove(&fixture, "first");
    within(SOON, "it is retired", || catalog.rule("first").is_none()).await;
    let newer = Guest::new("first").version("2.0.0").parameter("limit", "1");
    fs::write(fixture.file("first.wasm"), newer.wasm()).unwrap();
    within(SOON, "it is back", || catalog.rule("first").is_some()).await;
    is_as_it_was(&catalog);
}

#[tokio::test]
async fn a_directory_that_is_not_there_or_that_anyone_may_write_is_refused_at_the_start_and_never_made() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let dir = &fixture.config.rules.dir;
    let refused = RulesDirectory::check(&fixture.config.rules).await.unwrap_err().to_string();
    assert!(refused.contains(&dir.display().to_string()) && refused.contains("does not exist"), "{refused}");
    let refused = catalog.directory.publish().await.unwrap_err().to_string();
    assert!(refused.contains("does not exist") && !dir.exists(), "{refused}");
    fs::create_dir(dir).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = RulesDirectory::check(&fixture.config.rules).await.unwrap_err().to_string();
    assert!(refused.contains("every user (mode 777)") && refused.contains("chmod o-w"), "{refused}");
    fs::set_permissions(dir, fs::Permissions::from_mode(0o775)).unwrap();
    RulesDirectory::check(&fixture.config.rules).await.unwrap();
    fs::remove_dir(dir).unwrap();
    fs::write(dir, "").unwrap();
    let refused = RulesDirectory::check(&fixture.config.rules).await.unwrap_err().to_string();
    assert!(refused.contains("is no directory: name the one that holds the .wasm files"), "{refused}");
}

#[tokio::test]
async fn what_is_no_plain_file_or_anybody_s_to_write_is_told_hangs_nothing_and_retires_nothing() {
    let fixture = Fixture::new();
    let catalog = two_rules(&fixture).await;
    let _running = catalog.run();
    let problem = |file: &str, part: &str| {
        catalog.directory.problems().iter().any(|problem| problem.file == file && problem.message.contains(part))
    };
    // Between the list and the open it may become anything.
    let pipe = fixture.file(".pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::rename(&pipe, fixture.file("first.wasm")).unwrap();
    within(SOON, "the FIFO is told", || problem("first.wasm", "no plain file")).await;
    is_as_it_was(&catalog);
    // What is beside it is taken all the same.
    put(&fixture, "third");
    within(SOON, "the third", || catalog.rule("third").is_some()).await;
    fs::remove_file(fixture.file("first.wasm")).unwrap();
    put(&fixture, "first");
    within(SOON, "it is a file again", || catalog.directory.problems().is_empty()).await;
    is_as_it_was(&catalog);

    let open = fixture.file("third.wasm");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    fs::write(&open, Guest::new("third").version("2.0.0").wasm()).unwrap();
    within(SOON, "it is told", || problem("third.wasm", "written by every user (mode 666)")).await;
    assert_eq!(catalog.rule("third").unwrap().manifest.version, "1.0.0");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o664)).unwrap();
    within(SOON, "it is taken", || catalog.rule("third").unwrap().manifest.version == "2.0.0").await;
    let info = catalog.store.version_info(catalog.sha("third").unwrap()).await.unwrap().unwrap();
    assert!(info.source.starts_with("third.wasm, of user "), "{}", info.source);
}

/// The list says 0 bytes; a device or a file that grows has more than any memory.
#[tokio::test]
async fn no_more_is_read_of_a_file_than_a_module_may_have() {
    let mut fixture = Fixture::new();
    fixture.config.rules.max_module = bytesize::ByteSize::kib(64);
    let sparse = fs::File::create(fixture.file("sparse.wasm")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    sparse.set_modified(SystemTime::now() - Duration::from_secs(1)).unwrap();
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    let problems = catalog.directory.problems();
    assert!(problems.len() == 1 && problems[0].message.contains("rules.max_module allows 65536"), "{problems:?}");
}
