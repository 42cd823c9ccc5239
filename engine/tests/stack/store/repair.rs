//! `weir rules repair` as an operator runs it, on a real MariaDB: once the rows of the set are lost, twice in a row.

use std::process::{Command, Output};

use weir::model::catalog::{Audit, Entry, Mode};
use weir::model::ids::Revision;
use weir::store::StoreError;

use crate::store::fixture::*;
use crate::store::retention::version;

/// Of the repository's own configuration.
const PIPELINE: &str = "fraud";

pub(crate) async fn the_command_takes_the_highest_set_that_is_left(url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    let own = include_str!("../../../../weir.toml");
    let (name, sink) = (format!("name = \"{PIPELINE}\""), "mysql://weir:weir@127.0.0.1:3306/weir");
    assert!(own.contains(&name) && own.contains(sink), "the configuration is another");
    std::fs::write(&file, own.replace(sink, url)).unwrap();
    let repair = || -> Output {
        Command::new(env!("CARGO_BIN_EXE_weir")).args(["rules", "repair", "--config"]).arg(&file).output().unwrap()
    };

    let store = prepared(url, PIPELINE).await;
    let v = version(7);
    for base in 0..3 {
        let entry = Entry {
            name: "steady".into(),
            sha256: v.sha256,
            order: base as i32,
            mode: Mode::Live,
            parameters: Default::default(),
            from_directory: false,
            suspended: None,
        };
        let audit = Audit {
            at: 1,
            who: "publisher".into(),
            action: "publish".into(),
            rule: "steady".into(),
            revision: base + 1,
            detail: String::new(),
            reason: None,
        };
        store.advance(Revision(base), Some(&v), &[entry], &audit).await.unwrap();
    }
    let whole = repair();
    assert!(whole.status.success(), "{whole:?}");
    assert!(String::from_utf8_lossy(&whole.stdout).contains("nothing to repair"), "{whole:?}");

    for (lost, taken, made) in [
        ("DELETE FROM weir_rule_current WHERE pipeline = 'fraud'", 3, 4),
        // What the repair itself wrote is lost, too.
        ("DELETE FROM weir_rule_set WHERE pipeline = 'fraud' AND revision = 4", 3, 5),
    ] {
        sql(url, lost).await;
        assert!(matches!(store.rule_set().await, Err(StoreError::SetBack(_))), "{lost}");
        let repaired = repair();
        let said = String::from_utf8_lossy(&repaired.stdout);
        assert!(
            repaired.status.success() && said.contains(&format!("Revision {taken} is in force again")),
            "{lost}: {repaired:?}"
        );
        assert!(!said.contains("secret"), "{said}");
        let set = store.rule_set().await.unwrap();
        assert_eq!((set.revision.0, set.entries.len(), set.entries[0].order), (made, 1, 2), "{lost}");
        let line = store.audit(1).await.unwrap().remove(0);
        assert_eq!((line.who.as_str(), line.action.as_str()), ("weir rules repair", "repair"), "{lost}");
    }
}
