//! What both databases must do alike with rules: revisions, versions and the audit.

use std::collections::BTreeMap;

use weir::model::catalog::{Audit, Entry, Manifest, Mode, Origin, Version};
use weir::model::ids::{Revision, Sha256};
use weir::store::StoreError;

use crate::store::fixture::*;

fn version(name: &str, byte: u8) -> Version {
    let manifest = Manifest {
        name: name.into(),
        version: "1.0.0".into(),
        summary: "é".into(),
        fields: vec![],
        codes: vec![],
        parameters: vec![],
    };
    let (sha256, wasm) = (Sha256::of(&[byte]), vec![byte]);
    Version {
        sha256,
        wasm,
        manifest,
        origin: Origin::Api,
        source: "x".into(),
        published_at: byte.into(),
        published_by: "publisher".into(),
    }
}

pub(crate) async fn the_catalog_advances_by_one_and_refuses_a_stale_base(url: &str) {
    let store = prepared(url, "catalog").await;
    let v = version("high_amount", 7);
    let entry = Entry {
        name: "high_amount".into(),
        sha256: v.sha256,
        order: 10,
        mode: Mode::Shadow,
        parameters: BTreeMap::from([("least".into(), "5".into())]),
        from_directory: true,
        suspended: Some("trapped".into()),
    };
    let audit = Audit {
        at: 1,
        who: "publisher".into(),
        action: "publish".into(),
        rule: "high_amount".into(),
        revision: 1,
        detail: "new".into(),
        reason: Some("a first rule: Grüße".into()),
    };
    assert_eq!(store.revision().await.unwrap(), Revision(0));
    let entries = [entry.clone()];
    assert_eq!(store.advance(Revision(0), Some(&v), &entries, &audit).await.unwrap(), Revision(1));
    let stale = store.advance(Revision(0), Some(&version("x", 8)), &[], &audit).await;
    assert!(matches!(stale, Err(StoreError::Stale(Revision(1)))), "{stale:?}");
    let retired = Audit { action: "retire".into(), reason: None, ..audit.clone() };
    assert_eq!(store.advance(Revision(1), Some(&v), &[], &retired).await.unwrap(), Revision(2));
    assert_eq!(store.rule_set().await.unwrap().entries, []);
    assert_eq!(store.entries_at(Revision(1)).await.unwrap(), entries);
    assert_eq!(store.last_entry("high_amount").await.unwrap(), Some(entry.clone()));
    assert_eq!(store.last_entry("another").await.unwrap(), None);
    assert_eq!(store.version(v.sha256).await.unwrap(), Some(v.clone()));
    assert_eq!(store.versions(Some("high_amount"), 9).await.unwrap().len(), 1);
    assert_eq!(store.versions(None, 9).await.unwrap().len(), 1);
    let lines = store.audit(9).await.unwrap();
    assert_eq!((&lines[1], lines[0].reason.as_deref()), (&audit, None));
    let changes = store.rule_changes("high_amount", 9).await.unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(
        (&changes[0].line.action, &changes[0].entry, &changes[0].manifest),
        (&"retire".to_owned(), &None, &None)
    );
    assert_eq!((&changes[1].line, &changes[1].entry), (&audit, &Some(entry.clone())));
    assert_eq!(changes[1].manifest.as_ref(), Some(&v.manifest));
    assert_eq!(store.rule_changes("another", 9).await.unwrap(), []);
    let later = Version { published_at: v.published_at + 1, ..version("high_amount", 9) };
    store.advance(Revision(2), Some(&later), &[], &audit).await.unwrap();
    let newest = store.versions(Some("high_amount"), 1).await.unwrap();
    assert_eq!(newest.iter().map(|version| version.sha256).collect::<Vec<_>>(), [later.sha256], "the newest only");
    let info = store.version_info(v.sha256).await.unwrap().unwrap();
    assert_eq!((info.sha256, &info.manifest, info.published_at), (v.sha256, &v.manifest, v.published_at));
    assert!(store.version_info(version("x", 8).sha256).await.unwrap().is_none());
    store.set_directory_seen("a.wasm", Some(v.sha256)).await.unwrap();
    assert_eq!(store.directory_seen("a.wasm").await.unwrap(), Some(v.sha256));
    store.set_directory_seen("a.wasm", None).await.unwrap();
    assert_eq!(store.directory_seen("a.wasm").await.unwrap(), None);
}

/// A restore of some tables must not bring an older rule set into force, or none.
pub(crate) async fn rows_of_the_rule_set_that_were_lost_are_told_and_repaired(url: &str) {
    let store = prepared(url, "torn").await;
    let line = |action: &str| Audit {
        at: 1,
        who: "publisher".into(),
        action: action.into(),
        rule: "high_amount".into(),
        revision: 1,
        detail: "new".into(),
        reason: None,
    };
    let v = version("high_amount", 7);
    let entry = |order| Entry {
        name: "high_amount".into(),
        sha256: v.sha256,
        order,
        mode: Mode::Shadow,
        parameters: Default::default(),
        from_directory: false,
        suspended: None,
    };
    for base in 0..3 {
        store.advance(Revision(base), Some(&v), &[entry(base as i32)], &line("publish")).await.unwrap();
    }
    assert_eq!(store.repair_rules(5, "test").await.unwrap(), None, "whole");
    for (lost, said) in [
        ("DELETE FROM weir_rule_current WHERE pipeline = 'torn'", "has no row"),
        ("UPDATE weir_rule_current SET revision = 1 WHERE pipeline = 'torn'", "says that revision 1 is in force"),
        ("DELETE FROM weir_rule_set WHERE pipeline = 'torn' AND revision = 5", "no row of revision 5"),
    ] {
        sql(url, lost).await;
        let told = store.rule_set().await.unwrap_err();
        assert!(matches!(&told, StoreError::SetBack(why) if why.contains(said) && why.contains("repair")), "{told}");
        let before = store.audit(1).await.unwrap()[0].revision;
        let repaired = store.repair_rules(5, "test").await.unwrap().expect("something to do");
        assert_eq!((repaired.set.revision.0, &repaired.set.entries), (before + 1, &vec![entry(2)]), "{lost}");
        assert_eq!(store.rule_set().await.unwrap(), repaired.set);
    }
    store.advance(Revision(6), None, &[], &line("retire")).await.unwrap();
    assert_eq!(store.rule_set().await.unwrap().entries, [], "the last one was retired");
    sql(url, "DELETE FROM weir_rule_current WHERE pipeline = 'torn'").await;
    let repaired = store.repair_rules(5, "test").await.unwrap().expect("something to do");
    assert_eq!((repaired.taken.0, repaired.set.entries.len()), (7, 0), "and stays so");
}
