//! What is old goes, and what is still needed stays: windows, and who judged which record.

use std::collections::BTreeMap;

use weir::model::catalog::{Audit, Entry, Manifest, Mode, Origin, Version};
use weir::model::checkpoint::Activation;
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::store::Store;

use crate::store::fixture::*;

/// Windows go from the oldest on, in batches, groups of one window too, and the newer stay as they are.
pub(crate) async fn windows_go_from_the_oldest_on(url: &str) {
    let (store, epoch) = begun(url, "old").await;
    let mut windows = Vec::new();
    for (at, start) in (0..4).map(|at| (at, at * 5_000)) {
        for id in 0..3 {
            windows.push(WindowAt { start, id }.delta(at + 1));
        }
    }
    store.commit(&checkpoint(epoch, 0, 1, windows)).await.unwrap();
    // Those that began before 10,000: two windows of three groups, of which a batch takes four.
    assert_eq!(store.drop_windows(10_000, 4).await.unwrap(), 4);
    let left: Vec<_> = store.windows(99, false).await.unwrap().into_iter().map(|row| row.window_start).collect();
    assert_eq!(left, [15_000, 15_000, 15_000, 10_000, 10_000, 10_000, 5_000, 5_000], "the oldest went first");
    assert_eq!(store.drop_windows(10_000, 4).await.unwrap(), 2);
    assert_eq!(store.drop_windows(10_000, 4).await.unwrap(), 0);
    let left = store.windows(99, false).await.unwrap();
    assert_eq!(left.len(), 6);
    assert!(left.iter().all(|row| row.records == row.window_start / 5_000 + 1), "{left:?}");
    assert_eq!(store.positions().await.unwrap()[0].next_offset, Offset(1));
}

struct WindowAt {
    start: i64,
    id: u8,
}

impl WindowAt {
    fn delta(&self, records: i64) -> weir::model::checkpoint::WindowDelta {
        let delta = window(Some("g"), self.id, records, amount(1));
        weir::model::checkpoint::WindowDelta { start: self.start, end: self.start + 5_000, ..delta }
    }
}

pub(crate) fn version(byte: u8) -> Version {
    let manifest = Manifest {
        name: "steady".into(),
        version: "1.0.0".into(),
        summary: String::new(),
        fields: vec![],
        codes: vec![],
        parameters: vec![],
    };
    Version {
        sha256: Sha256::of(&[byte]),
        wasm: vec![byte],
        manifest,
        origin: Origin::Api,
        source: String::new(),
        // Long ago.
        published_at: byte.into(),
        published_by: "publisher".into(),
    }
}

pub(crate) fn entry(rule: &str, version: &Version, order: i32) -> Entry {
    Entry {
        name: rule.into(),
        sha256: version.sha256,
        order,
        mode: Mode::Live,
        parameters: BTreeMap::new(),
        from_directory: false,
        suspended: None,
    }
}

/// 60 changes of a set of two rules, of which activations need three, and a rule that is retired early.
pub(crate) async fn revisions_go_that_judged_nothing_which_kafka_still_holds(url: &str) {
    let (store, epoch) = begun(url, "history").await;
    let change = async |base: u64, entries: &[Entry], version: &Version, action: &str, rule: &str| {
        let audit = Audit {
            at: 1,
            who: "publisher".into(),
            action: action.into(),
            rule: rule.into(),
            revision: base + 1,
            detail: String::new(),
            reason: None,
        };
        store.advance(Revision(base), Some(version), entries, &audit).await.unwrap();
    };
    // Revision 1 alone has the rule that is retired by revision 2. Each two revisions have a version of their own.
    let gone = entry("gone", &version(200), 7);
    change(0, &[entry("steady", &version(0), 1), gone.clone()], &version(200), "publish", "gone").await;
    change(1, &[entry("steady", &version(0), 2)], &version(0), "retire", "gone").await;
    for base in 2..60 {
        let version = version((base / 2) as u8);
        change(base, &[entry("steady", &version, base as i32 + 1)], &version, "publish", "steady").await;
    }
    let judged = |partition, offset, revision| Activation {
        partition: Partition(partition),
        first_offset: Offset(offset),
        revision: Revision(revision),
    };
    let mut begun = checkpoint(epoch, 1, 2, vec![]);
    begun.partitions[0].from = Offset(0);
    begun.activations =
        vec![judged(0, 0, 3), judged(0, 100, 10), judged(0, 200, 30), judged(1, 0, 12), judged(1, 9, 58)];
    store.commit(&begun).await.unwrap();

    let who = async |store: &dyn Store, partition: i32, offset: i64| {
        let all = store.activations(99).await.unwrap();
        let mut of =
            all.into_iter().filter(|a| a.partition == Partition(partition) && a.first_offset <= Offset(offset));
        of.next_back().map(|activation| activation.revision.0)
    };
    // Kafka's log of partition 0 begins at 150 by now, that of partition 1 at 0.
    assert_eq!(store.forget_activations(Partition(0), Offset(150)).await.unwrap(), 1);
    assert_eq!(store.forget_activations(Partition(0), Offset(150)).await.unwrap(), 0);
    assert_eq!(store.forget_activations(Partition(1), Offset(0)).await.unwrap(), 0);
    let store = store.as_ref();
    let asked = [(0, 150), (0, 199), (0, 200), (1, 0), (1, 8), (1, 9)];
    for ((partition, offset), revision) in asked.into_iter().zip([10, 10, 30, 12, 12, 58]) {
        assert_eq!(who(store, partition, offset).await, Some(revision), "partition {partition}, offset {offset}");
    }

    let before = store.rule_set().await.unwrap();
    let mut forgotten = 0;
    loop {
        match store.forget_revisions(20).await.unwrap() {
            0 => break,
            some => {
                assert!(some <= 50, "a bounded part: {some}");
                forgotten += some;
            }
        }
    }
    // Of 1 to 39 those that an activation names stay; of revision 1 the rule that is in no later set.
    assert_eq!(forgotten, 39 - 3);
    assert_eq!(store.rule_set().await.unwrap(), before);
    for revision in [10, 12, 30, 40, 59] {
        let entries = store.entries_at(Revision(revision)).await.unwrap();
        assert_eq!((entries.len(), entries[0].order), (1, revision as i32), "revision {revision}");
        assert!(store.version(entries[0].sha256).await.unwrap().is_some(), "the version of revision {revision}");
    }
    for revision in [2, 9, 31, 39] {
        assert_eq!(store.entries_at(Revision(revision)).await.unwrap(), [], "revision {revision}");
    }
    assert_eq!(store.last_entry("gone").await.unwrap(), Some(gone), "how it comes back");
    assert_eq!(store.audit(999).await.unwrap().len(), 60 - 36);
    // Versions: of the sets that stay (4, 5, 14, 19 to 29), and that of the retired rule.
    let versions: Vec<u8> = {
        let mut all = Vec::new();
        for info in store.versions(None, 99).await.unwrap() {
            all.extend(store.version(info.sha256).await.unwrap().unwrap().wasm);
        }
        all.sort_unstable();
        all
    };
    assert_eq!(versions, [4, 5, 14, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 200]);

    // A set that contradicts itself is left for a repair.
    sql(url, "UPDATE weir_rule_current SET revision = 7 WHERE pipeline = 'history'").await;
    assert_eq!(store.forget_revisions(20).await.unwrap(), 0);
    let repaired = store.repair_rules(5, "test").await.unwrap().expect("something to do");
    assert_eq!(repaired.set.entries, before.entries);
}
