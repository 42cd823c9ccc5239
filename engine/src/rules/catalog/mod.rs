//! The catalog: vets modules, keeps the set in the store, and hands workers the set in force. Here: its handle, how it
//! opens, and the loops that keep it up with the store, the breaker and the directory.
//!
//! Each step has its file: [`publish`], [`change`] (other edits of the set), [`history`] (what was in force), [`breaker`],
//! [`load`] (the stored set to the live one), [`start`], [`assess`] (what an operator has to know). `module` makes what may be
//! called of bytes, `watch` follows the directory. Guest code runs on blocking threads only.

mod assess;
mod breaker;
mod change;
mod damaged;
mod history;
mod instance;
mod load;
mod publish;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::conditions::Conditions;
use crate::config::Config;
use crate::model::ids::{Revision, Sha256};
use crate::model::record::{Batch, Schema};
use crate::model::store::{Store, StoreError};
use crate::rules::judge::{Judge, RuleVerdict};
use crate::rules::live::{LiveSet, Trip};
use crate::rules::module::cache::Cache;
use crate::rules::module::places::Places;
use crate::rules::module::runtime::Runtime;
use crate::rules::module::validate::Modules;
use crate::rules::watch::held::Held;
use crate::rules::watch::known::Known;
use load::Polled;

pub use change::Patch;
pub(super) use change::{Line, entry};
pub use publish::{Publish, Published};

/// An instance sees another's swap within two of these.
const POLL: Duration = Duration::from_secs(1);

/// Compilers at once: each may take 1 GiB and a core.
pub(super) const COMPILERS: usize = 2;

/// The stored set can't come into force.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored rule {rule} does not fit: {message}")]
    Rule { rule: String, message: String },
    /// Of a start.
    #[error("{}", misfits(.0))]
    Misfits(Vec<(String, String)>),
    #[error("rules can't be compiled: {0}")]
    Compiler(String),
    /// Of a start: the directory can't be used.
    #[error("{0}")]
    Directory(String),
}

fn misfits(misfits: &[(String, String)]) -> String {
    let rules: Vec<_> =
        misfits.iter().map(|(rule, why)| format!("the stored rule {rule} does not fit: {why}")).collect();
    format!(
        "{}. Mend the configuration; or turn the rule off, roll it back or delete it through an instance that runs; or \
         start with --suspend-misfits, which suspends it for every instance",
        rules.join("; ")
    )
}

/// Why a change was not made; nothing changed, but for `Unknown`.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the module has {size} bytes, rules.max_module allows {most}")]
    TooLarge { size: usize, most: usize },
    #[error("not a WebAssembly module: upload the .wasm that cargo built (a .cwasm is refused)")]
    NotWasm,
    /// It is no rule, or says wrong things of itself.
    #[error("{0}")]
    Module(String),
    /// A rule, but not for this pipeline or these parameters.
    #[error("{0}")]
    Unfit(String),
    #[error("there is no rule {0}")]
    NoSuchRule(String),
    #[error("rule {rule} has no version {sha256}: GET /rules/{rule} lists those that it has")]
    NoSuchVersion { rule: String, sha256: Sha256 },
    #[error("{0}")]
    Conflict(String),
    /// Another version would take the live one out of force, and nobody said that it should.
    #[error(
        "rule {rule} is live at version {live}: this version with mode {mode} would take its place, and then nothing of \
         the rule would act"
    )]
    InForce { rule: String, live: Sha256, mode: &'static str },
    /// The answer of the store was lost: the change may be made or not.
    #[error("the store did not say whether the change of rule {rule} was made: {why}")]
    Unknown { rule: String, why: String },
    /// No fault of the module.
    #[error("rules can't be compiled at the moment: {0}")]
    Compiler(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file of the directory that was refused.
#[derive(Clone, Debug)]
pub struct FileProblem {
    pub file: String,
    pub message: String,
}

pub(super) struct Inner {
    pub(super) runtime: Arc<Runtime>,
    pub(super) store: Arc<dyn Store>,
    pub(super) schema: Arc<Schema>,
    pub(super) config: Arc<Config>,
    pub(super) cache: Arc<Cache>,
    pub(super) live: ArcSwap<LiveSet>,
    pub(super) modules: Modules,
    pub(super) places: Places,
    /// Rules and versions whose row in the store is not what was published.
    pub(super) damaged: Mutex<BTreeSet<(String, Sha256)>>,
    /// By file: why it was refused.
    pub(super) problems: Mutex<BTreeMap<String, String>>,
    pub(super) known: tokio::sync::Mutex<Known>,
    /// Why the directory may not publish.
    pub(super) held: Held,
    /// One look at the directory at a time.
    pub(super) listing: Arc<Semaphore>,
    /// Files of the directory that are being read.
    pub(super) reading: Mutex<BTreeSet<String>>,
    /// Whether the directory was scanned once.
    pub(super) looked: AtomicBool,
    pub(super) changing: tokio::sync::Mutex<()>,
    pub(super) trips: mpsc::Sender<Trip>,
    pub(super) tripped: tokio::sync::Mutex<mpsc::Receiver<Trip>>,
    pub(super) conditions: Conditions,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Catalog(pub(super) Arc<Inner>);

impl Catalog {
    /// Brings the stored set into force. A stored rule that should judge and does not fit this instance is an error, or
    /// suspended if `--suspend-misfits` says so; a store that can't be asked, or a compiler that does not run, is an
    /// error always.
    pub async fn open(
        runtime: Arc<Runtime>,
        store: Arc<dyn Store>,
        schema: Arc<Schema>,
        config: Arc<Config>,
    ) -> Result<Arc<Self>, CatalogError> {
        let (trips, tripped) = mpsc::channel(64);
        let empty = LiveSet { revision: Revision(0), in_force: Instant::now(), rules: Vec::new(), needed: Vec::new() };
        let cache = Arc::new(Cache::new(&config, &runtime.engine));
        let conditions = runtime.conditions.clone();
        let catalog = Arc::new(Self(Arc::new(Inner {
            runtime,
            store,
            schema,
            config,
            cache,
            live: ArcSwap::from_pointee(empty),
            modules: Modules::default(),
            places: Places::default(),
            damaged: Mutex::default(),
            problems: Mutex::default(),
            known: tokio::sync::Mutex::default(),
            held: Held::default(),
            listing: Arc::new(Semaphore::new(1)),
            reading: Mutex::default(),
            looked: AtomicBool::new(false),
            changing: tokio::sync::Mutex::default(),
            trips,
            tripped: tokio::sync::Mutex::new(tripped),
            conditions,
        })));
        catalog.start().await?;
        Ok(catalog)
    }

    /// The set in force.
    pub fn live(&self) -> Arc<LiveSet> {
        self.0.live.load_full()
    }

    /// Where judges report rules that keep failing.
    pub fn trips(&self) -> mpsc::Sender<Trip> {
        self.0.trips.clone()
    }

    /// What the catalog found that an operator has to look at.
    pub fn conditions(&self) -> &Conditions {
        &self.0.conditions
    }

    /// Files of the directory that were refused.
    pub fn problems(&self) -> Vec<FileProblem> {
        let problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.iter().map(|(file, message)| FileProblem { file: file.clone(), message: message.clone() }).collect()
    }

    /// What each rule of this set says, shadow ones too, without counting. It runs guest code: call it on a blocking thread.
    pub fn evaluate(&self, set: &Arc<LiveSet>, batch: &Batch) -> Vec<RuleVerdict> {
        self.evaluate_until(set, batch, &Arc::default(), Duration::MAX)
    }

    /// The same; what is not asked when `stop` is set or the time is up says so.
    pub fn evaluate_until(
        &self,
        set: &Arc<LiveSet>,
        batch: &Batch,
        stop: &Arc<AtomicBool>,
        time: Duration,
    ) -> Vec<RuleVerdict> {
        let began = Instant::now();
        let mut until = || stop.load(Ordering::Relaxed) || began.elapsed() > time;
        Judge::stoppable(self.0.runtime.clone(), mpsc::channel(1).0, stop.clone()).each(set, batch, &mut until)
    }

    /// Takes other instances' swaps, breaker trips and the directory's files until told to stop.
    pub async fn run(self: Arc<Self>, shutdown: watch::Receiver<bool>) {
        // Apart, so that a file which compiles for long holds back no swap and no breaker.
        tokio::join!(self.keep_up(shutdown.clone()), self.follow_directory(shutdown));
    }

    async fn keep_up(&self, mut shutdown: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut tripped = self.0.tripped.lock().await;
        let mut polled = Polled::default();
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                Some(trip) = tripped.recv() => {
                    if let Err(error) = self.trip(&trip).await {
                        tracing::error!(rule = %trip.rule.name, %error, "the breaker could not act");
                    }
                }
                _ = tick.tick() => self.poll(&mut polled).await,
            }
        }
    }
}

/// Also when nobody is left who could say so.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // The answer borrows the channel's lock, which must not live on.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Runs what may take long, or is a guest's code, off the threads that serve everything else.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("the check did not end: {error}"))
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
