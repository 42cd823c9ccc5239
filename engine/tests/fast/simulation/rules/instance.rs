//! The rules of one instance: the engine's own code (`take_stored`, `change`, `scan`, `DirectoryHold`) before the models. A look
//! at the store and a scan of the directory run side by side, as in the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use weir::checkpoint::ClaimResult;
use weir::model::catalog::{Audit, Entry, RuleSet};
use weir::model::ids::{Partition, Revision, Sha256};
use weir::model::store::{CatalogStore, StoreError};
use weir::rules::flow::{
    Change, DIRECTORY, Directory, DirectoryHold, FilesTaken, Held, Instance, RETIRE, Seen, SeenFile, by_files, change,
    published_from, scan, take_stored, without_file,
};
use weir::rules::{CatalogError, Refused};

use super::super::task::{Done, Task};
use super::super::world::{Plant, Shared, World, point};
use super::store::SimCatalogStore;
use super::tables::line;
use super::{FOREIGN, Names, Rule, entry, name, names, sha256};

/// Which directory an instance sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mount {
    Shared,
    /// It can't be read.
    Away,
    /// An empty one, as beneath a mount that went away.
    Other,
    /// Of an engine that another cluster's records are meant for.
    Foreign,
}

/// What both tasks of an instance share.
struct SimInstance {
    world: Shared,
    process: usize,
    store: SimCatalogStore,
    changing: tokio::sync::Mutex<()>,
    live: Mutex<(Revision, Names)>,
    hold: DirectoryHold,
    seen: tokio::sync::Mutex<Seen<usize>>,
    mount: Mutex<Mount>,
    /// The last look found rows that can't come after what is in force.
    refused: AtomicBool,
    /// The set that the store had at its start is in force.
    started: AtomicBool,
    /// What its last listing listed.
    listed: Mutex<Option<Mount>>,
    /// [`Catalog::changes`](super::Catalog) at the listing of its last scan that came to its end.
    scanned: AtomicU64,
}

/// See the module.
pub(crate) struct Rules {
    instance: Arc<SimInstance>,
    look: Option<Task>,
    scan: Option<Task>,
}

impl Rules {
    pub(crate) fn new(world: &Shared, process: usize, foreign: bool) -> Self {
        let store = SimCatalogStore { world: world.clone(), process, listed: AtomicU64::new(0) };
        let instance = SimInstance {
            world: world.clone(),
            process,
            store,
            changing: tokio::sync::Mutex::default(),
            live: Mutex::default(),
            hold: DirectoryHold::default(),
            seen: tokio::sync::Mutex::default(),
            mount: Mutex::new(if foreign { Mount::Foreign } else { Mount::Shared }),
            refused: AtomicBool::new(false),
            started: AtomicBool::new(false),
            listed: Mutex::default(),
            scanned: AtomicU64::new(0),
        };
        // Its cluster's id is not known: at a start that Kafka did not tell it, or in a database that has none.
        let unknown = foreign || world.lock().fault(10);
        if unknown && instance.plant() != Plant::UnknownPublishes {
            instance.hold.until_one_agrees();
        }
        Self { instance: Arc::new(instance), look: None, scan: None }
    }

    pub(crate) fn tasks(&mut self) -> impl Iterator<Item = &mut Task> {
        self.look.iter_mut().chain(&mut self.scan)
    }

    /// [`Catalog::changes`](super::Catalog) when it last saw every file; None: it sees none of the shared directory.
    pub(crate) fn scanned(&self) -> Option<u64> {
        let instance = &self.instance;
        let follows = instance.started.load(Ordering::Relaxed) && instance.mount() != Mount::Foreign;
        follows.then(|| instance.scanned.load(Ordering::Relaxed))
    }

    /// Whether the store's newest set is in force, and every file was seen.
    pub(crate) fn is_settled(&self, world: &World) -> bool {
        let instance = &self.instance;
        instance.started.load(Ordering::Relaxed)
            && world.rules.tables.revision().is_ok_and(|revision| revision == instance.live().0)
            && instance.mount() == Mount::Shared
            && instance.scanned.load(Ordering::Relaxed) == world.rules.changes
    }

    /// As the engine's driver does when a claim has ended.
    pub(crate) fn claimed(&self, claimed: &ClaimResult) {
        let stopped = claimed.stopped.iter().map(|stopped| (stopped.partition, &*stopped.why));
        let (hold, unknown) = (&self.instance.hold, self.is_cluster_unknown());
        hold.claimed(0, claimed.resume_points.iter().map(|point| (point.partition, point.agrees)), stopped);
        self.instance.world.lock().counts.clusters_known_by_a_claim += u64::from(unknown && !self.is_cluster_unknown());
    }

    fn is_cluster_unknown(&self) -> bool {
        self.instance.hold.why() == Some(Held::ClusterUnknown)
    }

    /// The worker lets its partitions go.
    pub(crate) fn let_go(&self) {
        if self.instance.world.lock().plant == Plant::HoldEndsAtARevoke {
            self.instance.hold.claimed(0, [(Partition(0), true)].into_iter(), [].into_iter());
        }
    }

    /// Starts, looks at the store, or scans the directory, if it is at neither.
    pub(crate) fn turn(&mut self) {
        self.look.take_if(|task| task.is_done());
        self.scan.take_if(|task| task.is_done());
        self.instance.remount();
        let refuses = {
            let world = self.instance.world.lock();
            !world.faults && world.rules.tables.rule_set().is_ok() && self.instance.refused.load(Ordering::Relaxed)
        };
        // One without partitions does not learn it.
        let unknown = self.is_cluster_unknown() && !self.instance.world.lock().faults;
        if refuses || unknown {
            // An operator starts it again.
            *self = Self::new(&self.instance.world, self.instance.process, false);
        }
        let instance = self.instance.clone();
        let looks = !instance.started.load(Ordering::Relaxed) || instance.world.lock().dice.one_in(2);
        if looks && self.look.is_none() {
            self.look = Some(Task::new(Box::pin(async move {
                instance.look().await;
                Done::Ruled
            })));
        } else if !looks && self.scan.is_none() {
            self.scan = Some(Task::new(Box::pin(async move {
                instance.scan().await;
                Done::Ruled
            })));
        }
    }
}

impl SimInstance {
    async fn look(&self) {
        let process = self.process;
        let taken = take_stored(&self.store, self, |taken| {
            let mut world = self.world.lock();
            let refused = matches!(taken, Err(CatalogError::Store(StoreError::SetBack(_))));
            self.refused.store(refused, Ordering::Relaxed);
            world.counts.rule_sets_refused += u64::from(refused);
            world.say(|| format!("  worker {process}: looks at the rules -> {taken:?}"));
        });
        if taken.await.is_ok() {
            self.started.store(true, Ordering::Relaxed);
        }
    }

    async fn scan(&self) {
        let mut seen = self.seen.lock().await;
        let scanned = scan(self, &mut seen).await;
        let mut world = self.world.lock();
        world.counts.scans_held += u64::from(self.hold.why().is_some());
        world.say(|| format!("  worker {}: scans the directory -> {scanned:?}", self.process));
    }

    /// Mounts come and go.
    fn remount(&self) {
        let mut world = self.world.lock();
        let mut mount = self.mount.lock().unwrap_or_else(PoisonError::into_inner);
        if *mount == Mount::Foreign {
            return;
        }
        if world.fault(20) {
            *mount = [Mount::Away, Mount::Other][world.dice.below(2) as usize];
            world.counts.directories_away += 1;
        } else if world.dice.one_in(4) {
            *mount = Mount::Shared;
        }
    }

    fn mount(&self) -> Mount {
        *self.mount.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, (Revision, Names)> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plant(&self) -> Plant {
        self.world.lock().plant
    }

    /// Publishes what a file holds, unless the store says that it was.
    async fn publish(&self, file: &str, rule: Rule) -> Result<(), StoreError> {
        if published_from(&self.store, self, file, sha256(rule)).await?.is_some() {
            return Ok(());
        }
        let name = name(rule);
        let edit = |entries: &mut Vec<Entry>| {
            if entries.iter().any(|entry| entry.name == name) {
                return Ok(None);
            }
            entries.push(entry(rule));
            Ok(Some(String::new()))
        };
        match change(&self.store, self, &Change::of("publish", &name, DIRECTORY), edit).await {
            Ok(_) => self.store.set_directory_seen(file, Some(sha256(rule))).await,
            Err(Refused::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Unknown(other.to_string())),
        }
    }
}

#[async_trait]
impl Instance for SimInstance {
    type Loaded = Names;

    fn changing(&self) -> &tokio::sync::Mutex<()> {
        &self.changing
    }

    fn in_force(&self) -> (Revision, BTreeMap<String, Sha256>) {
        if self.plant() == Plant::RowsTakenAsTheyAre {
            return Default::default();
        }
        let (revision, names) = &*self.live();
        (*revision, names.iter().map(|rule| (name(*rule), sha256(*rule))).collect())
    }

    fn reloads(&self) -> bool {
        false
    }

    async fn load(&self, set: &RuleSet) -> Result<Names, CatalogError> {
        point().await;
        let mut world = self.world.lock();
        if world.fault(8) {
            world.counts.rule_sets_not_loaded += 1;
            return Err(CatalogError::Compiler("it was killed".into()));
        }
        Ok(names(&set.entries))
    }

    async fn try_out(&self, set: &RuleSet, _: &str, _: Option<&Entry>) -> Result<Names, Refused> {
        self.load(set).await.map_err(Refused::from)
    }

    fn audit(&self, change: &Change<'_>, revision: Revision, _: String) -> Audit {
        line(change.by.who, change.action, change.rule, revision.0)
    }

    fn bring_into_force(&self, loaded: Names, revision: Revision) {
        let mut live = self.live();
        let (from, before) = std::mem::replace(&mut *live, (revision, loaded));
        let mut world = self.world.lock();
        let gone = before.difference(&live.1);
        let lost: Vec<_> = gone.filter(|rule| !world.rules.may_go(**rule, from.0, revision.0)).collect();
        if !lost.is_empty() {
            world.violated(|| {
                format!("rules {lost:?} left force from revision {from} to {revision}, and nobody meant it")
            });
        }
        world.say(|| format!("  worker {}: rules {before:?} of {from}, now {:?} of {revision}", self.process, live.1));
    }
}

#[async_trait]
impl Directory for SimInstance {
    type Identity = usize;
    type File = Rule;

    fn is_held(&self) -> bool {
        self.hold.why().is_some() && self.plant() != Plant::HeldPublishes
    }

    async fn listed(&self) -> Option<(usize, BTreeMap<String, Rule>)> {
        point().await;
        let world = self.world.lock();
        self.store.listed.store(world.rules.changes, Ordering::Relaxed);
        let (same, mount) = (world.plant == Plant::LostIsRemoved, self.mount());
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(mount);
        match mount {
            Mount::Away => None,
            Mount::Shared => Some((usize::MAX, world.rules.files.clone())),
            Mount::Other => Some((if same { usize::MAX } else { self.process }, BTreeMap::new())),
            Mount::Foreign => Some((self.process, BTreeMap::from([("foreign.wasm".to_owned(), FOREIGN)]))),
        }
    }

    async fn take(&self, seen: &mut Seen<usize>, files: &BTreeMap<String, Rule>) -> Result<FilesTaken, StoreError> {
        for (file, rule) in files {
            if seen.files.get(file).is_none_or(|before| before.sha256.is_none()) {
                self.publish(file, *rule).await?;
                let file_seen =
                    SeenFile { stamp: (UNIX_EPOCH, 0), sha256: Some(sha256(*rule)), rule: Some(name(*rule)) };
                seen.files.insert(file.clone(), file_seen);
            }
        }
        Ok(FilesTaken { settled: true, all: true })
    }

    async fn brought(&self) -> Result<BTreeSet<String>, StoreError> {
        match self.plant() {
            Plant::LostIsRemoved => Ok(BTreeSet::new()),
            Plant::BroughtHere => Ok(self.live().1.iter().map(|rule| name(*rule)).collect()),
            _ => Ok(by_files(&self.store.rule_set().await?)),
        }
    }

    async fn forget(&self, file: &str) -> Result<(), StoreError> {
        self.store.set_directory_seen(file, None).await
    }

    async fn retire(&self, rule: &str) -> Result<(), Refused> {
        let edit = |entries: &mut Vec<Entry>| without_file(entries, rule);
        change(&self.store, self, &Change::of(RETIRE, rule, DIRECTORY), edit).await.map(drop)
    }

    fn gone(&self, _: &str) {}

    fn scanned(&self, _: &Seen<usize>) {
        if *self.listed.lock().unwrap_or_else(PoisonError::into_inner) == Some(Mount::Shared) {
            self.scanned.store(self.store.listed.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
