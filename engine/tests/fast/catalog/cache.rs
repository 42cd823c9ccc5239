//! Compiled code on disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::catalog::fixture::Fixture;
use crate::catalog::module::Guest;

fn files(fixture: &Fixture) -> Vec<PathBuf> {
    let folder = fixture.config.rules.cache.clone().unwrap();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|found| found.unwrap().path()).collect();
    files.sort();
    files
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Two rules published, and the catalog closed.
async fn warm() -> Fixture {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    catalog.publish(&Guest::new("one")).await;
    catalog.publish(&Guest::new("two")).await;
    assert_eq!(fixture.compiles(), 2);
    fixture
}

#[tokio::test]
async fn a_restart_with_a_warm_cache_starts_no_compiler() {
    let fixture = warm().await;
    let catalog = fixture.open_without_compiler().await;
    assert_eq!((catalog.suspended("one"), catalog.suspended("two")), (None, None));
    assert_eq!(catalog.judge(-1), ["BAD", "BAD"]);
}

#[tokio::test]
async fn the_cache_is_readable_by_its_owner_alone() {
    let fixture = warm().await;
    assert_eq!(mode(fixture.config.rules.cache.as_ref().unwrap()), 0o700);
    let files = files(&fixture);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_compiled_again() {
    let fixture = warm().await;
    let good: Vec<_> = files(&fixture).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    let [(code, file), (other, _)] = &good[..] else { panic!("two files") };
    let flipped: Vec<u8> = code.iter().enumerate().map(|(at, byte)| if at == 5_000 { !byte } else { *byte }).collect();
    let cases: [(&str, &[u8], u32); 5] = [
        ("a flipped byte", &flipped, 0o600),
        ("a cut file", &code[..code.len() / 2], 0o600),
        ("an empty file", b"", 0o600),
        ("another module's code", other, 0o600),
        ("a file that others may read", code, 0o644),
    ];
    for (case, bytes, mode_before) in cases {
        let before = fixture.compiles();
        fs::write(file, bytes).unwrap();
        fs::set_permissions(file, Permissions::from_mode(mode_before)).unwrap();
        let catalog = fixture.open().await;
        assert_eq!(catalog.judge(-1), ["BAD", "BAD"], "{case}");
        assert_eq!(fixture.compiles(), before + 1, "{case}");
        assert_eq!((&fs::read(file).unwrap(), mode(file)), (code, 0o600), "{case} is put right");
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_is_not_followed() {
    let fixture = warm().await;
    let file = files(&fixture).remove(0);
    let aside = fixture.folder.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &file).unwrap();
    fixture.open().await;
    assert_eq!(fixture.compiles(), 3);
    assert!(fs::symlink_metadata(&file).unwrap().is_file());
}

#[tokio::test]
async fn a_folder_that_others_may_write_is_not_used() {
    let fixture = Fixture::new();
    let folder = fixture.config.rules.cache.clone().unwrap();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    fixture.open().await.publish(&Guest::new("one")).await;
    fixture.open().await;
    assert_eq!((fixture.compiles(), files(&fixture).len()), (2, 0));
}

#[tokio::test]
async fn files_of_versions_that_are_gone_are_pruned_and_a_few_spare_ones_stay() {
    let fixture = warm().await;
    let mine = files(&fixture);
    let name = mine[0].file_name().unwrap().to_str().unwrap().to_owned();
    let (_, host) = name.split_once('-').unwrap();
    let dir = fixture.config.rules.cache.clone().unwrap();
    let month = SystemTime::now() - Duration::from_secs(31 * 24 * 3600);
    let put = |name: String, modified: SystemTime| {
        let file = fs::File::create(dir.join(&name)).unwrap();
        file.set_modified(modified).unwrap();
        dir.join(name)
    };
    for n in 0..40 {
        put(format!("{n:064x}-{host}"), month);
    }
    let old_release = put(format!("{:064x}-{:016x}.code", 1, 7), month);
    let other_pipeline = put(format!("{:064x}-{:016x}.code", 2, 7), SystemTime::now());
    let unfinished = put(".unfinished-abc".into(), month);
    let unrelated = put("notes.txt".into(), month);
    let catalog = fixture.open_without_compiler().await;
    crate::catalog::fixture::within(Duration::from_secs(5), "the cache is pruned", || files(&fixture).len() <= 36)
        .await;
    assert_eq!(files(&fixture).len(), 2 + 32 + 2, "the set in force, spare ones, and what is not ours");
    assert!(mine.iter().all(|file| file.exists()) && other_pipeline.exists() && unrelated.exists());
    assert!(!old_release.exists() && !unfinished.exists());
    drop(catalog);
}

#[tokio::test]
async fn one_module_brought_by_many_at_once_is_compiled_once() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let guest = Guest::new("one");
    let all = futures::future::join_all((0..4).map(|_| catalog.publish(&guest))).await;
    assert_eq!(all.iter().filter(|published| published.new).count(), 1);
    assert_eq!(fixture.compiles(), 1);
}

#[tokio::test]
async fn what_is_out_of_force_is_let_go_from_memory() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    let v1 = catalog.publish(&Guest::new("one")).await.sha256;
    let v2 = catalog.publish(&Guest::new("one").version("2.0.0")).await.sha256;
    catalog.catalog.check(Guest::new("one").version("3.0.0").wasm()).await.unwrap();
    // Then only what is in memory spares the compiler.
    std::fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
    let before = fixture.compiles();
    catalog.publish(&Guest::new("one").version("2.0.0")).await;
    assert_eq!((catalog.sha("one"), fixture.compiles()), (Some(v2), before), "in force, so in memory");
    catalog.catalog.rollback("one", Some(v1), "test").await.unwrap();
    assert_eq!(fixture.compiles(), before + 1);
    catalog.catalog.check(Guest::new("one").version("3.0.0").wasm()).await.unwrap();
    assert_eq!(fixture.compiles(), before + 2, "a check keeps nothing");
}
