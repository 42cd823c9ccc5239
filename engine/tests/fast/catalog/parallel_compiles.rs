//! Modules that are compiled at the same time, by a compiler that goes on only once another runs beside it: one after the
//! other they would wait until they are given up.

use std::fs;
use std::path::PathBuf;

use crate::catalog::fixture::{Fixture, script};
use crate::catalog::module::Guest;

const PAIR: [&str; 2] = ["one", "two"];

fn compiler(fixture: &Fixture) -> PathBuf {
    let path = fixture.folder.path().join("together");
    script(
        &path,
        r#"here=${0%/*}
echo $$ >> "$here/running"
while [ "$(wc -l < "$here/running")" -lt 2 ]; do sleep 0.02; done
exec "$here/weir" "$@""#,
    );
    path
}

#[tokio::test]
async fn the_rules_of_the_stored_set_are_compiled_together_at_a_start() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    for name in PAIR {
        catalog.publish(&Guest::new(name)).await;
    }
    drop(catalog);
    fs::remove_dir_all(fixture.config.rules.cache.as_ref().unwrap()).unwrap();
    let catalog = fixture.try_open(compiler(&fixture)).await.unwrap();
    let order: Vec<_> = catalog.catalog.live().rules.iter().map(|rule| rule.id.name.to_string()).collect();
    assert_eq!(order, PAIR, "in the set's order");
    assert_eq!(catalog.judge(-1), ["BAD", "BAD"]);
}

#[tokio::test]
async fn the_files_of_the_directory_are_compiled_together_and_published_in_their_order() {
    let fixture = Fixture::new();
    for name in PAIR {
        fs::write(fixture.file(&format!("{name}.wasm")), Guest::new(name).wasm()).unwrap();
    }
    let catalog = fixture.try_open(compiler(&fixture)).await.unwrap();
    catalog.directory.publish().await.unwrap();
    assert!(catalog.directory.problems().is_empty(), "{:?}", catalog.directory.problems());
    let lines = catalog.store.audit(9).await.unwrap();
    let order: Vec<_> = lines.iter().rev().map(|line| (line.revision, line.rule.as_str())).collect();
    assert_eq!(order, [(1, "one"), (2, "two")]);
    assert_eq!(catalog.judge(-1), ["BAD", "BAD"]);
}
