//! The rules directory.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use weir::model::catalog::Mode;
use weir::model::ids::Sha256;

use crate::catalog::fixture::{Fixture, Opened, within};
use crate::catalog::module::Guest;
use weir_testkit::wait::Fair;

const SOON: Duration = Duration::from_secs(10);

fn version(version: &str) -> Guest {
    Guest::new("dropped").version(version)
}

/// A directory with version 1 in it, and a catalog that took it.
async fn with_a_file(fixture: &Fixture) -> Opened {
    fs::write(fixture.file("dropped.wasm"), version("1.0.0").wasm()).unwrap();
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    assert_eq!(catalog.rule("dropped").unwrap().manifest.version, "1.0.0");
    catalog
}

async fn becomes(catalog: &Opened, version: &str) {
    let is = || catalog.rule("dropped").is_some_and(|rule| rule.manifest.version == version);
    within(SOON, &format!("version {version} is in force"), is).await;
}

/// Until the removal of the file was taken.
async fn until_forgotten(catalog: &Opened, file: &str) {
    let asked = Fair::start();
    while catalog.store.directory_seen(file).await.unwrap().is_some() {
        assert!(asked.elapsed() < SOON, "the removal of {file} was not seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_new_file_is_published_and_a_changed_one_too() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    fs::write(fixture.file("dropped.wasm"), version("1.0.0").wasm()).unwrap();
    becomes(&catalog, "1.0.0").await;
    fs::write(fixture.file("dropped.wasm"), version("2.0.0").wasm()).unwrap();
    becomes(&catalog, "2.0.0").await;
    // Moved in, as editors and deployments do.
    fs::write(fixture.file(".dropped.tmp"), version("3.0.0").wasm()).unwrap();
    fs::rename(fixture.file(".dropped.tmp"), fixture.file("dropped.wasm")).unwrap();
    becomes(&catalog, "3.0.0").await;
    let line = catalog.audit().await;
    assert_eq!((line.who.as_str(), line.action.as_str(), line.revision), ("directory", "publish", 3));
}

#[tokio::test]
async fn a_file_that_is_being_written_is_waited_for() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let wasm = version("1.0.0").wasm();
    let mut file = fs::File::create(fixture.file("dropped.wasm")).unwrap();
    for part in wasm.chunks(wasm.len().div_ceil(12)) {
        file.write_all(part).unwrap();
        file.sync_all().unwrap();
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(catalog.directory.problems().is_empty(), "half of it was taken: {:?}", catalog.directory.problems());
    }
    drop(file);
    becomes(&catalog, "1.0.0").await;
    assert_eq!(fixture.compiles(), 1);
}

#[tokio::test]
async fn a_removed_file_retires_what_it_brought() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    let _running = catalog.run();
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    within(SOON, "it is retired", || catalog.rule("dropped").is_none()).await;
    assert_eq!(catalog.audit().await.action, "retire");
}

#[tokio::test]
async fn a_removed_file_leaves_alone_what_the_api_brought_since() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    catalog.publish(&version("2.0.0")).await;
    let _running = catalog.run();
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    until_forgotten(&catalog, "dropped.wasm").await;
    assert_eq!(catalog.rule("dropped").unwrap().manifest.version, "2.0.0");
}

#[tokio::test]
async fn a_bad_file_is_reported_and_changes_nothing() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    let _running = catalog.run();
    fs::write(fixture.file("dropped.wasm"), version("2.0.0").judge("unreachable").wasm()).unwrap();
    fs::write(fixture.file("text.wasm"), "no module").unwrap();
    within(SOON, "both are reported", || catalog.directory.problems().len() == 2).await;
    let problems = catalog.directory.problems();
    assert!(problems[0].file == "dropped.wasm" && problems[0].message.contains("RULE_TRAP"), "{problems:?}");
    assert!(
        problems[1].file == "text.wasm" && problems[1].message.contains("not a WebAssembly module"),
        "{problems:?}"
    );
    assert_eq!(
        (catalog.rule("dropped").unwrap().manifest.version.as_str(), catalog.catalog.live().revision.0),
        ("1.0.0", 1)
    );

    fs::write(fixture.file("dropped.wasm"), version("3.0.0").wasm()).unwrap();
    fs::remove_file(fixture.file("text.wasm")).unwrap();
    becomes(&catalog, "3.0.0").await;
    within(SOON, "nothing is wrong any more", || catalog.directory.problems().is_empty()).await;
}

#[tokio::test]
async fn a_file_that_can_t_be_read_is_reported_and_nothing_is_retired_meanwhile() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    catalog.mode("dropped", Mode::Shadow).await;
    let _running = catalog.run();
    // A file, and its first byte can't be read, not even by root.
    symlink("/proc/self/mem", fixture.file("renamed.wasm")).unwrap();
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    within(SOON, "it is reported", || catalog.directory.problems().len() == 1).await;
    let problem = catalog.directory.problems().remove(0);
    assert!(problem.file == "renamed.wasm" && problem.message.contains("can't be read"), "{problem:?}");
    assert!(catalog.rule("dropped").is_some(), "it may be what the other file holds");
    fs::write(fixture.file(".renamed.wasm"), version("1.0.0").wasm()).unwrap();
    fs::rename(fixture.file(".renamed.wasm"), fixture.file("renamed.wasm")).unwrap();
    until_forgotten(&catalog, "dropped.wasm").await;
    assert_eq!(catalog.rule("dropped").unwrap().mode, Mode::Shadow, "it was never retired");
    within(SOON, "nothing is wrong any more", || catalog.directory.problems().is_empty()).await;

    // Of a link to itself not even the size is known; what is beside it is taken all the same.
    symlink(fixture.file("another.wasm"), fixture.file("another.wasm")).unwrap();
    within(SOON, "it is reported", || catalog.directory.problems().len() == 1).await;
    fs::write(fixture.file("renamed.wasm"), version("2.0.0").wasm()).unwrap();
    becomes(&catalog, "2.0.0").await;
    fs::remove_file(fixture.file("another.wasm")).unwrap();
    within(SOON, "what has gone is no problem", || catalog.directory.problems().is_empty()).await;
}

#[tokio::test]
async fn a_file_that_could_not_be_looked_at_for_a_while_is_no_problem_once_it_can_be() {
    let fixture = Fixture::new();
    let (elsewhere, file) = (fixture.folder.path().join("mounted"), fixture.file("dropped.wasm"));
    fs::write(&elsewhere, version("1.0.0").wasm()).unwrap();
    let catalog = fixture.open().await;
    let _running = catalog.run();
    let points_to = |target: &std::path::Path| {
        symlink(target, fixture.file(".link")).unwrap();
        fs::rename(fixture.file(".link"), &file).unwrap();
    };
    points_to(&elsewhere);
    becomes(&catalog, "1.0.0").await;
    points_to(&file);
    within(SOON, "it is reported", || catalog.directory.problems().len() == 1).await;
    assert!(catalog.rule("dropped").is_some(), "it may be there");
    points_to(&elsewhere);
    within(SOON, "nothing is wrong any more", || catalog.directory.problems().is_empty()).await;
    assert_eq!(catalog.catalog.live().revision.0, 1, "it is as it was");
}

#[tokio::test]
async fn a_file_that_grew_too_large_and_is_removed_takes_the_rule_along_that_it_brought() {
    let mut fixture = Fixture::new();
    fixture.config.rules.max_module = bytesize::ByteSize::kib(64);
    let catalog = with_a_file(&fixture).await;
    let _running = catalog.run();
    fs::write(fixture.file("dropped.wasm"), vec![0; 65 << 10]).unwrap();
    within(SOON, "it is reported", || catalog.directory.problems().len() == 1).await;
    assert!(catalog.rule("dropped").is_some(), "what it brought before stays in force");
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    within(SOON, "it is retired", || catalog.rule("dropped").is_none()).await;
}

#[tokio::test]
async fn an_unchanged_file_at_a_restart_does_not_undo_a_swap_by_the_api() {
    let fixture = Fixture::new();
    with_a_file(&fixture).await.publish(&version("2.0.0")).await;
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    assert_eq!(catalog.rule("dropped").unwrap().manifest.version, "2.0.0");
    assert_eq!(catalog.catalog.live().revision.0, 2);
    catalog.catalog.retire("dropped", "test").await.unwrap();
    drop(catalog);
    let catalog = fixture.open().await;
    catalog.directory.publish().await.unwrap();
    assert!(catalog.rule("dropped").is_none(), "nor a retirement");
}

/// Two instances share a directory: while one retires the rule of a file that went, the file comes back and the other takes it.
#[tokio::test]
async fn a_file_that_came_back_while_its_rule_was_being_retired_is_published_again() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    catalog.directory.publish().await.unwrap();
    assert!(catalog.rule("dropped").is_none());
    fs::write(fixture.file("dropped.wasm"), version("1.0.0").wasm()).unwrap();
    // What the other one notes when the rule is in the set still.
    let sha256 = Sha256::of(&version("1.0.0").wasm());
    catalog.store.set_directory_seen("dropped.wasm", Some(sha256)).await.unwrap();
    catalog.directory.publish().await.unwrap();
    assert_eq!(catalog.rule("dropped").expect("it judges again").manifest.version, "1.0.0");
}

/// The same where the set in force lags behind the retirement: one whose answer was lost, or another instance's.
#[tokio::test]
async fn a_file_that_came_back_is_published_again_by_an_instance_that_still_judges_by_its_retired_rule() {
    let fixture = Fixture::new();
    let ahead = with_a_file(&fixture).await;
    let behind = fixture.open().await;
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    ahead.directory.publish().await.unwrap();
    assert!(ahead.rule("dropped").is_none() && behind.rule("dropped").is_some());
    fs::write(fixture.file("dropped.wasm"), version("1.0.0").wasm()).unwrap();
    let sha256 = Sha256::of(&version("1.0.0").wasm());
    ahead.store.set_directory_seen("dropped.wasm", Some(sha256)).await.unwrap();
    behind.directory.publish().await.unwrap();
    let stored = behind.store.rule_set().await.unwrap().entries;
    assert_eq!(stored.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["dropped"], "out of force for good");
}

#[tokio::test]
async fn a_file_that_is_copied_and_then_removed_keeps_its_rule_and_the_settings() {
    let fixture = Fixture::new();
    let catalog = with_a_file(&fixture).await;
    catalog.mode("dropped", Mode::Shadow).await;
    let _running = catalog.run();
    fs::copy(fixture.file("dropped.wasm"), fixture.file("renamed.wasm")).unwrap();
    fs::remove_file(fixture.file("dropped.wasm")).unwrap();
    let copy = fs::File::options().write(true).open(fixture.file("renamed.wasm")).unwrap();
    for _ in 0..10 {
        copy.set_modified(SystemTime::now()).unwrap();
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(catalog.rule("dropped").is_some(), "retired while the copy is being written");
    }
    until_forgotten(&catalog, "dropped.wasm").await;
    assert_eq!(catalog.rule("dropped").unwrap().mode, Mode::Shadow);
    assert_eq!(catalog.audit().await.action, "patch", "it was never retired");
}
