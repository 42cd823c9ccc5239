//! Every statement of the store in the words of a third database: names in double quotes and numbered binds, as
//! PostgreSQL has them. SQLite takes both, so each statement is run as well.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::migrations::{Kind, Made, Migration, STEPS};
use super::{Bind, Dialect, Driver, Result, Row, SqlStore, Transaction, Tx, migrations, schema};
use crate::model::aggregate::{Aggregate, Measure};
use crate::model::catalog::{Audit, Entry, Manifest, Mode, Origin, Version};
use crate::model::checkpoint::*;
use crate::model::ids::{Offset, Partition, Revision, Sha256};
use crate::model::instance::Beat;
use crate::model::store::*;
use crate::store::sqlite::{DIALECT, SqliteDriver};

pub(crate) static THIRD: Dialect =
    Dialect { quote: '"', bind: |n| Cow::Owned(format!("${n}")), cast_text: "TEXT", ..DIALECT };

/// Statements in the words of the database.
type Seen = Arc<Mutex<BTreeSet<String>>>;

struct Third {
    sqlite: SqliteDriver,
    seen: Seen,
}

impl Third {
    fn seen(&self, tx: Box<dyn Tx>) -> Result<Box<dyn Tx>> {
        Ok(Box::new(SeenTx { tx, seen: self.seen.clone() }))
    }
}

#[async_trait]
impl Driver for Third {
    async fn suits(&self) -> Result<()> {
        self.sqlite.suits().await
    }
    async fn begin(&self) -> Result<Box<dyn Tx>> {
        self.seen(self.sqlite.begin().await?)
    }
    async fn begin_anew(&self) -> Result<Box<dyn Tx>> {
        self.seen(self.sqlite.begin_anew().await?)
    }
    async fn begin_read(&self) -> Result<Box<dyn Tx>> {
        self.seen(self.sqlite.begin_read().await?)
    }
    async fn begin_look(&self) -> Result<Box<dyn Tx>> {
        self.seen(self.sqlite.begin_look().await?)
    }
    async fn begin_note(&self) -> Result<Box<dyn Tx>> {
        self.seen(self.sqlite.begin_note().await?)
    }
    fn dialect(&self) -> &'static Dialect {
        &THIRD
    }
    async fn add_windows(&self, tx: &mut Transaction, layout: &StatsLayout, windows: &[WindowDelta]) -> Result<()> {
        self.sqlite.add_windows(tx, layout, windows).await
    }
}

struct SeenTx {
    tx: Box<dyn Tx>,
    seen: Seen,
}

impl SeenTx {
    fn see(&self, sql: &str, binds: usize) {
        assert!(!sql.contains(['`', '?']), "{sql}");
        assert!(!sql.contains("AS CHAR"), "one character in the standard: {sql}");
        for n in 1..=binds {
            assert!(sql.contains(&format!("${n}")), "it takes {binds} binds: {sql}");
        }
        assert_eq!(sql.matches('$').count(), binds, "{sql}");
        self.seen.lock().expect("nobody panicked").insert(sql.to_owned());
    }
}

#[async_trait]
impl Tx for SeenTx {
    async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64> {
        self.see(sql, binds.len());
        self.tx.execute(sql, binds).await
    }
    async fn rows(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<Row>> {
        self.see(sql, binds.len());
        self.tx.rows(sql, binds).await
    }
    async fn commit(self: Box<Self>) -> Result<()> {
        self.tx.commit().await
    }
    async fn rollback(self: Box<Self>) {
        self.tx.rollback().await;
    }
}

fn layout() -> StatsLayout {
    let measures = Measure::all_of("amount", 2, &[Aggregate::Sum, Aggregate::Min, Aggregate::Max]);
    // A name that has to be quoted.
    StatsLayout { table: "stats".into(), group_by: vec!["group".into()], measures }
}

fn fingerprint(topic: &str, cluster: Option<&str>) -> Fingerprint {
    Fingerprint {
        topic: topic.into(),
        group: "weir".into(),
        letter_topic: "letters".into(),
        window_ms: 5_000,
        group_by: vec!["group".into()],
        scales: vec![("amount".into(), 2)],
        table: "stats".into(),
        cluster: cluster.map(str::to_owned),
    }
}

fn version(bytes: &[u8]) -> Version {
    let manifest = Manifest {
        name: "r".into(),
        version: "1.0.0".into(),
        summary: String::new(),
        fields: Vec::new(),
        codes: Vec::new(),
        parameters: Vec::new(),
    };
    Version {
        sha256: Sha256::of(bytes),
        wasm: bytes.to_vec(),
        manifest,
        origin: Origin::Api,
        source: "127.0.0.1".into(),
        published_at: 1,
        published_by: "publisher".into(),
    }
}

fn entry(version: &Version) -> Entry {
    Entry {
        name: "r".into(),
        sha256: version.sha256,
        order: 0,
        mode: Mode::Live,
        parameters: BTreeMap::new(),
        from_directory: false,
        suspended: None,
    }
}

fn line(revision: u64) -> Audit {
    let (who, action, rule) = ("publisher".into(), "publish".into(), "r".into());
    let reason = (revision == 2).then(|| "it was wrong".to_owned());
    Audit { at: 1, who, action, rule, revision, detail: String::new(), reason }
}

/// A checkpoint of partition 0 with everything that one may bring.
fn checkpoint(epoch: u64, from: i64, to: i64) -> Checkpoint {
    let (partition, from, to) = (Partition(0), Offset(from), Offset(to));
    let group = Arc::new(Group { id: [1; 16], values: vec![Some("a".into())] });
    let measures = vec![Some(100); 3];
    let window = WindowDelta { start: 0, end: 5_000, group, records: 1, flagged: 1, late: 0, measures };
    Checkpoint {
        partitions: vec![PartitionProgress { partition, epoch, from, to, watermark: Some(10_000) }],
        outbox: vec![OutboxChunk { partition, first_offset: from, chunk: 0, letters: vec![1] }].into(),
        activations: vec![Activation { partition, first_offset: from, revision: Revision(1) }],
        windows: vec![window],
    }
}

#[tokio::test]
async fn every_statement_is_right_in_the_words_of_a_third_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    let seen = Seen::default();
    let open = |topic: &str| {
        let driver = Third { sqlite: SqliteDriver::new(&url).expect("an address"), seen: seen.clone() };
        SqlStore::new(Box::new(driver), "p", topic, 60_000)
    };

    // A pipeline whose topic was mistyped at first, and whose cluster has no id yet.
    open("tpoic").prepare(&fingerprint("tpoic", None), &layout()).await.expect("tables");
    let store = open("t");
    store.suits().await.expect("a file");
    store.ping().await.expect("a file");
    store.prepare(&fingerprint("t", Some("id")), &layout()).await.expect("it was never used");

    let partition = Partition(0);
    let epoch = store.take(&[partition]).await.expect("free")[0].epoch;
    store.begin(partition, epoch, Offset(0)).await.expect("ours");
    for from in [0, 10] {
        store.commit(&checkpoint(epoch, from, from + 10)).await.expect("ours");
    }
    assert_eq!(store.outcome(&checkpoint(epoch, 10, 20)).await.expect("it answers"), Outcome::Committed);
    let taken = store.take(&[partition]).await.expect("free").remove(0);
    assert_eq!((taken.next_offset, taken.outbox.len(), taken.revision), (Some(Offset(20)), 2, Some(Revision(1))));
    store.published(&[(partition, taken.epoch, Offset(20))]).await.expect("ours");
    assert_eq!(store.positions().await.expect("rows")[0].checkpoint, 2);
    assert_eq!(store.activations(9).await.expect("rows").len(), 2);
    for only_final in [false, true] {
        let windows = store.windows(9, only_final).await.expect("rows");
        assert_eq!((windows[0].records, windows[0].measures[0].1.as_deref()), (2, Some("2.00")), "{only_final}");
    }

    let (one, other) = (version(b"one"), version(b"other"));
    for (base, version) in [&one, &other, &one].into_iter().enumerate() {
        let (base, entries) = (Revision(base as u64), [entry(version)]);
        store.advance(base, Some(version), &entries, &line(base.0 + 1)).await.expect("the next");
    }
    assert!(matches!(store.advance(Revision(0), None, &[], &line(1)).await, Err(StoreError::Stale(Revision(3)))));
    assert!(store.made(Revision(2), &line(3), "").await.is_ok(), "it asks whether a change was made");
    assert_eq!(store.rule_set().await.expect("rows").entries.len(), 1);
    assert_eq!(store.revision().await.expect("a row"), Revision(3));
    assert!(store.version(one.sha256).await.expect("rows").is_some());
    assert!(store.version_info(one.sha256).await.expect("rows").is_some());
    assert_eq!(
        store.versions(None, 9).await.expect("rows").len(),
        store.versions(Some("r"), 9).await.expect("rows").len()
    );
    assert!(store.last_entry("r").await.expect("rows").is_some());
    assert_eq!(store.entries_at(Revision(2)).await.expect("rows").len(), 1);
    let changes = store.rule_changes("r", 9).await.expect("rows");
    let versions: Vec<_> = changes.iter().map(|change| change.entry.as_ref().map(|entry| entry.sha256)).collect();
    assert_eq!(versions, [&one, &other, &one].map(|version| Some(version.sha256)));
    assert!(changes.iter().all(|change| change.manifest.is_some()) && changes[1].line.reason.is_some());
    let reasons: Vec<_> = store.audit(9).await.expect("rows").into_iter().map(|line| line.reason).collect();
    assert_eq!(reasons, [None, Some("it was wrong".to_owned()), None]);
    for file in [Some(one.sha256), None] {
        store.set_directory_seen("r.wasm", file).await.expect("a row");
        assert_eq!(store.directory_seen("r.wasm").await.expect("rows"), file);
    }
    let mut tx = store.begin_tx().await.expect("a transaction");
    let set_back = tx.execute("UPDATE weir_rule_current SET revision = ?", &[Bind::Int(1)]).await;
    tx.finish(set_back).await.expect("a row");
    assert!(store.repair_rules(1, "test").await.expect("rows are left").is_some());

    let beat = |instance: &str, state: &str| Beat {
        instance: instance.into(),
        address: "http://host:8080".into(),
        version: "1.0.0".into(),
        started_at: 7,
        state: state.into(),
    };
    store.beat(&beat("a", "{}"), 10_000).await.expect("a new row");
    store.beat(&beat("b", "1"), 10_000).await.expect("a new row");
    let rows = store.beat(&beat("a", "2"), 10_000).await.expect("its row");
    let mut states: Vec<_> = rows.iter().map(|row| (&*row.instance, &*row.state, row.started_at)).collect();
    states.sort_unstable();
    assert_eq!(states, [("a", "2", 7), ("b", "1", 7)]);
    store.leave("b").await.expect("its row");
    assert_eq!(store.forget_instances(60_000).await.expect("rows"), 0, "it was heard of");
    assert_eq!(store.forget_instances(-60_000).await.expect("rows"), 1);

    // Of revisions 1 to 4 the first judged, and the two newest stay.
    assert_eq!(store.forget_revisions(1).await.expect("rows"), 1);
    assert_eq!(store.forget_activations(partition, Offset(15)).await.expect("rows"), 1);
    assert_eq!(store.drop_windows(1_000, 1).await.expect("rows"), 1);
    assert_eq!(store.drop_windows(1_000, 9).await.expect("rows"), 0);

    let seen = seen.lock().expect("nobody panicked");
    assert!(seen.len() > 50, "{} statements: {seen:#?}", seen.len());
    for statement in schema::ddl(&THIRD, &layout(), 60_000).expect("a layout") {
        assert!(!statement.contains(['`', '?']), "{statement}");
    }
}

fn sqlite(url: &str) -> SqlStore {
    SqlStore::new(Box::new(SqliteDriver::new(url).expect("an address")), "p", "t", 60_000)
}

/// Brings the database up to these steps.
async fn brought_up(url: &str, steps: &[Migration]) -> Result<()> {
    let layout = layout();
    let wanted = schema::Wanted { steps, layout: &layout, idle_ms: 60_000 };
    let mut tx = sqlite(url).begin_tx().await?;
    let prepared = schema::prepare(&mut tx, wanted).await;
    tx.finish(prepared).await
}

/// The version of the newest step.
fn newest() -> i64 {
    STEPS.last().expect("there are steps").version
}

async fn numbers(url: &str, query: &str) -> Vec<i64> {
    let mut tx = sqlite(url).begin_tx().await.expect("a transaction");
    let rows = tx.rows(query, &[]).await.expect(query);
    rows.into_iter().map(|mut row| row.int().expect("a number")).collect()
}

async fn run(url: &str, statement: &str) {
    let mut tx = sqlite(url).begin_tx().await.expect("a transaction");
    let done = tx.execute(statement, &[]).await;
    tx.finish(done).await.expect(statement);
}

#[tokio::test]
async fn a_further_step_is_done_once_by_instances_that_start_at_once_and_a_step_is_never_done_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    brought_up(&url, STEPS).await.expect("a new database");
    // It cannot be run twice: a second row, or a table that is there, is refused.
    fn makes(_: &Dialect) -> Vec<Made> {
        let statements = ["CREATE TABLE extra (n INT PRIMARY KEY)", "INSERT INTO extra VALUES (7)"];
        statements.map(|sql| Made::new(Kind::Other, "extra", sql.to_owned())).to_vec()
    }
    let mut steps: Vec<_> = STEPS.iter().map(|step| Migration { ..*step }).collect();
    steps.push(Migration { version: newest() + 1, is_optional: false, makes });
    let all = futures::future::join_all((0..4).map(|_| brought_up(&url, &steps))).await;
    all.into_iter().for_each(|done| done.expect("each instance starts"));
    let done = numbers(&url, "SELECT version FROM weir_schema ORDER BY version").await;
    assert_eq!(done, (1..=newest() + 1).collect::<Vec<_>>());
    assert_eq!(numbers(&url, "SELECT n FROM extra").await, [7]);
}

#[tokio::test]
async fn a_step_that_an_instance_died_in_is_gone_on_with_and_one_that_does_not_say_so_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    brought_up(&url, STEPS).await.expect("a new database");
    for (found, statement) in [
        ("a step without its row", "DELETE FROM weir_schema WHERE version = 1"),
        ("a part of a step", "DROP INDEX weir_activation_newest"),
        ("no table of steps", "DROP TABLE weir_schema"),
        ("a table that is gone", "DROP TABLE weir_directory"),
    ] {
        run(&url, statement).await;
        brought_up(&url, STEPS).await.expect(found);
        let done = numbers(&url, "SELECT version FROM weir_schema ORDER BY version").await;
        assert_eq!(done, (1..=newest()).collect::<Vec<_>>(), "{found}");
        let mut tx = sqlite(&url).begin_tx().await.expect("a transaction");
        assert!(migrations::pending(&mut tx, STEPS).await.expect("an answer").is_empty(), "{found}");
    }
}

/// A database without a position can hold nothing of another cluster's.
#[tokio::test]
async fn only_two_ids_that_are_known_tell_that_a_database_with_positions_is_of_this_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    let prepare = async |cluster: Option<&str>| {
        let store = sqlite(&url);
        let check = store.prepare(&fingerprint("t", cluster), &layout()).await.expect("nothing differs");
        (store, check)
    };
    let (store, check) = prepare(None).await;
    assert_eq!(check, ClusterCheck::Passed);
    let epoch = store.take(&[Partition(0)]).await.expect("free")[0].epoch;
    store.begin(Partition(0), epoch, Offset(0)).await.expect("ours");
    assert_eq!(prepare(None).await.1, ClusterCheck::NotMade, "neither id is known");
    assert_eq!(prepare(Some("id")).await.1, ClusterCheck::NotMade, "it is the first that comes");
    assert_eq!(prepare(Some("id")).await.1, ClusterCheck::Passed);
    assert_eq!(prepare(None).await.1, ClusterCheck::NotMade, "Kafka did not tell");
}

#[tokio::test]
async fn a_database_that_a_later_version_made_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("weir.db").display());
    sqlite(&url).suits().await.expect("an empty database");
    sqlite(&url).prepare(&fingerprint("t", None), &layout()).await.expect("tables");
    run(&url, "INSERT INTO weir_schema VALUES (99, '9.9.9', 0)").await;
    let refused = [
        sqlite(&url).suits().await,
        sqlite(&url).prepare(&fingerprint("t", None), &layout()).await.map(drop),
        sqlite(&url).pending(&layout()).await.map(drop),
    ];
    for refused in refused {
        let why = refused.expect_err("it is of a later version").to_string();
        let known = format!("up to version {}", newest());
        for part in ["version 99", "Weir 9.9.9", known.as_str(), "run Weir 9.9.9 or a later one", "restore the backup"]
        {
            assert!(why.contains(part), "{part}: {why}");
        }
    }
}
