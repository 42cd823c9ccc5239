//! The catalog: keeps the set of rules in the store, changes it, and hands workers the set in force. Here: its handle, how it
//! opens, and the loop that keeps it up with the store and the breaker.
//!
//! Each step has its file: [`in_force`] (how the set in force follows the store's, and is changed; simulated), [`publish`] and
//! [`change`](mod@change) (edits of the set), [`plan`] (what an edit would change), [`moved`] (an edit that was decided on an older set), [`history`] (what was in force), [`breaker`],
//! [`load`] (stored entries to rules that judge), [`start`] and [`poll`] (the stored set to the one in force), [`report`] (what
//! an operator has to know), [`from_directory`] (what `watch` asks). `module` makes what may be called of bytes. Guest code runs
//! on blocking threads only.

mod alert_codes;
mod breaker;
mod change;
mod damaged;
mod difference;
mod directory_hold;
mod error;
mod from_directory;
mod history;
mod in_force;
mod instance;
mod load;
mod moved;
mod plan;
mod poll;
mod publish;
mod report;
mod seen;
mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::conditions::Conditions;
use crate::config::Config;
use crate::model::ids::{Partition, Revision};
use crate::model::record::Schema;
use crate::model::store::CatalogStore;
use crate::rules::live::{LiveSet, Trip};
use crate::rules::module::Modules;
use crate::rules::module::runtime::Runtime;
use crate::rules::trend::STEP;
use damaged::DamagedRows;
use load::Loader;
use poll::Polled;

pub use change::Patch;
pub use difference::{Difference, differences};
pub use directory_hold::{DirectoryHold, Held};
pub use error::{CatalogError, Refused};
pub(in crate::rules) use from_directory::Brought;
pub use from_directory::{DIRECTORY, by_files, published_from, without_file};
pub use history::RETIRE;
pub use in_force::{Change, Instance, change, take_stored};
pub use moved::Moved;
pub use plan::{Action, Plan};
pub use publish::{Publish, Published};

/// Time between two looks at the store's revision: an instance sees another's swap within two of these.
const POLL: Duration = Duration::from_secs(1);
/// Reports of failing rules that wait for the breaker; further ones are dropped, and come again with the next batch.
const TRIPS: usize = 64;

/// The rule set of a pipeline, as one process sees and changes it.
pub struct Catalog {
    loader: Loader,
    /// The set in force.
    live: ArcSwap<LiveSet>,
    /// Held while the set is changed or taken from the store.
    changing: Mutex<()>,
    /// Why the directory must not publish.
    directory_hold: DirectoryHold,
    /// Whether the directory was scanned once: what it brings is in force, so that a rule which is not there is missing.
    complete: AtomicBool,
    trips: mpsc::Sender<Trip>,
    tripped: Mutex<mpsc::Receiver<Trip>>,
}

impl Catalog {
    /// Brings the stored set into force.
    ///
    /// # Errors
    /// A stored rule that should judge and does not fit this instance, unless `--suspend-misfits` says that it is suspended
    /// then; a store that can't be asked, and a compiler that does not run, always.
    pub async fn open(
        runtime: Arc<Runtime>,
        store: Arc<dyn CatalogStore>,
        schema: Arc<Schema>,
        config: Arc<Config>,
    ) -> Result<Arc<Self>, CatalogError> {
        let (trips, tripped) = mpsc::channel(TRIPS);
        let empty = LiveSet::new(Revision(0), Vec::new());
        let modules = Modules::new(runtime.clone(), &config);
        let loader = Loader { runtime, store, schema, config, modules, damaged: DamagedRows::default() };
        let catalog = Arc::new(Self {
            loader,
            live: ArcSwap::from_pointee(empty),
            changing: Mutex::default(),
            directory_hold: DirectoryHold::default(),
            complete: AtomicBool::new(false),
            trips,
            tripped: Mutex::new(tripped),
        });
        catalog.start().await?;
        Ok(catalog)
    }

    /// The set in force.
    pub fn live(&self) -> Arc<LiveSet> {
        self.live.load_full()
    }

    /// Where judges report rules that keep failing.
    pub fn trips(&self) -> mpsc::Sender<Trip> {
        self.trips.clone()
    }

    /// What the catalog found that an operator has to look at.
    pub fn conditions(&self) -> &Conditions {
        &self.loader.runtime.conditions
    }

    /// Nobody knows yet whether the database is this Kafka's: see [`DirectoryHold::until_one_agrees`].
    pub fn hold_directory(&self) {
        self.directory_hold.until_one_agrees();
    }

    /// A worker's claim has ended: see [`DirectoryHold::claimed`].
    pub fn claimed<'a>(
        &self,
        worker: usize,
        ready: impl Iterator<Item = (Partition, bool)>,
        stopped: impl Iterator<Item = (Partition, &'a str)>,
    ) {
        self.directory_hold.claimed(worker, ready, stopped);
    }

    /// Takes other instances' swaps and breaker trips until told to stop.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let [mut tick, mut step] = [POLL, STEP].map(tokio::time::interval);
        for timer in [&mut tick, &mut step] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut tripped = self.tripped.lock().await;
        let mut polled = Polled::default();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(trip) = tripped.recv() => {
                    if let Err(error) = self.trip(&trip).await {
                        tracing::error!(rule = %trip.rule.name, %error, "the breaker could not act");
                    }
                }
                _ = tick.tick() => self.poll(&mut polled).await,
                _ = step.tick() => self.live().rules.iter().for_each(|rule| rule.stats.step()),
            }
        }
    }

    /// Conditions that follow from the set in force, once the directory was scanned.
    fn report_set(&self) {
        if self.complete.load(Ordering::Acquire) {
            let Loader { config, damaged, .. } = &self.loader;
            report::set(&self.live(), &config.rules.required, damaged, self.conditions());
            let codes = config.alerts.iter().flat_map(|alerts| &alerts.codes);
            alert_codes::report(&self.live(), codes, self.conditions());
        }
    }

    fn store(&self) -> &dyn CatalogStore {
        &*self.loader.store
    }
}
