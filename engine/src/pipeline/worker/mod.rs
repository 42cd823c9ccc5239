//! One worker: its consumer, its partitions, its rule stores, its deltas, its checkpoints. It shares the live rule set
//! and nothing else. The loop never blocks on a network: the store and Kafka's transactions run beside it on tokio, and
//! it serves the group's rebalances between any two fetches, and while a lookup is waited for. [`group`] is what the group
//! does to it, [`membership`] what is done when it is no member of it, [`records`] the way of what was fetched (what a
//! batch asks of Redis is `enrich::pending`'s to wait for), [`log`] what else a fetch tells of the logs, [`steps`] its checkpoints, [`overflow`] that windows
//! have too many groups, [`swaps`] when it took up a new rule set.

mod ahead;
mod group;
mod log;
mod membership;
mod overflow;
mod records;
mod steps;
mod swaps;
mod tells;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::broker::KafkaBroker;
use super::judging::Bench;
use super::refused::Side;
use super::status::Status;
use crate::checkpoint::Pending;
use crate::config::Config;
use crate::dead_letters::Publisher;
use crate::fault;
use crate::model::ids::{Offset, Partition};
use crate::model::record::{Batch, Schema};
use crate::rules::{Catalog, Judge, Runtime};
use crate::source::{Event, Source};
use crate::store::CheckpointStore;
use crate::window::WindowSpec;
use ahead::Ahead;
use group::{Assignment, Phase};
use membership::Membership;
use overflow::OverflowTold;
use records::Backlog;
use steps::{Drain, InFlight};
use swaps::Swaps;

/// Records fetched in one call: a few batches, so that the group is served often. They may wait for a checkpoint or a
/// lookup, beside the 16 MiB that librdkafka fetches ahead.
const FETCH: usize = 4 * Batch::MAX_ROWS;
/// How long a call waits for records when there are few: the least delay of an idle topic.
const FETCH_WAIT: Duration = Duration::from_millis(10);

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) index: usize,
    pub(super) config: Arc<Config>,
    pub(super) schema: Arc<Schema>,
    pub(super) spec: Arc<WindowSpec>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) status: Arc<Status>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) tokio: Handle,
}

/// See the module.
pub(super) struct Worker {
    parts: Parts,
    /// None: time to fetch. Before `source`: librdkafka's messages end before its client.
    backlog: Option<Backlog>,
    ahead: Ahead,
    source: Source,
    broker: Arc<Mutex<KafkaBroker>>,
    bench: Bench,
    pending: Pending,
    phase: Phase,
    assignment: Option<Assignment>,
    membership: Membership,
    in_flight: Option<InFlight>,
    cleared: Vec<(Partition, u64, Offset)>,
    last_bounds: Instant,
    events: VecDeque<Event>,
    /// When the group was last served while rules judged.
    served: Instant,
    last_step: Instant,
    counters: Counters,
    swaps: Swaps,
    overflow: OverflowTold,
    /// Conditions that this worker raised, by code and subject.
    refused: BTreeMap<(&'static str, String), Side>,
}

/// Looked up once: their label is the same for as long as the worker lives.
struct Counters {
    records: metrics::Counter,
    batches: metrics::Counter,
    surprises: metrics::Counter,
    busy: metrics::Counter,
    paused: metrics::Gauge,
    is_paused: Option<bool>,
}

impl Counters {
    fn new(worker: usize) -> Self {
        let worker = worker.to_string();
        Self {
            records: metrics::counter!("weir_records_total", "worker" => worker.clone()),
            batches: metrics::counter!("weir_batches_total", "worker" => worker.clone()),
            surprises: metrics::counter!("weir_decode_surprises_total", "worker" => worker.clone()),
            busy: metrics::counter!("weir_busy_microseconds_total"),
            paused: metrics::gauge!("weir_source_paused", "worker" => worker),
            is_paused: None,
        }
    }

    fn busy(&self, since: Instant) {
        self.busy.increment(since.elapsed().as_micros() as u64);
    }

    fn pause(&mut self, paused: bool) {
        if self.is_paused.replace(paused) != Some(paused) {
            self.paused.set(f64::from(u8::from(paused)));
        }
    }
}

impl Worker {
    pub(super) fn new(parts: Parts, source: Source, publisher: Publisher) -> anyhow::Result<Self> {
        let config = &parts.config;
        let broker = Arc::new(Mutex::new(KafkaBroker { reader: source.reader(), publisher }));
        let judge = Judge::stoppable(parts.runtime.clone(), parts.catalog.trips(), parts.stop.clone());
        let bench = Bench::new(config, &parts.schema, &parts.spec, judge)?;
        Ok(Self {
            source,
            broker,
            bench,
            pending: Pending::default(),
            backlog: None,
            ahead: Ahead::default(),
            phase: Phase::Idle,
            assignment: None,
            membership: Membership::new(parts.config.source.rejoin_after),
            in_flight: None,
            cleared: Vec::new(),
            last_bounds: Instant::now(),
            events: VecDeque::new(),
            served: Instant::now(),
            last_step: Instant::now(),
            counters: Counters::new(parts.index),
            swaps: Swaps::new(parts.index),
            overflow: OverflowTold::new(parts.index),
            refused: BTreeMap::new(),
            parts,
        })
    }

    /// Until told to stop, or until something fails for good.
    pub(super) fn run(&mut self) -> anyhow::Result<()> {
        let result = self.work();
        if let Err(why) = &result {
            tracing::error!(worker = self.parts.index, "stopped: {why:#}");
        }
        fault::pass("worker.stopping");
        let drained = self.drain(Drain::Stopping);
        if let Err(why) = &drained {
            tracing::error!(worker = self.parts.index, "the last checkpoint: {why:#}");
        }
        self.let_go();
        self.source.close(self.parts.status.leave_by(self.parts.config.checkpoint.drain));
        result.and(drained)
    }

    fn work(&mut self) -> anyhow::Result<()> {
        self.source.join().context("source")?;
        while !self.stopping() {
            self.serve_group()?;
            self.watch_membership()?;
            self.settle_taking()?;
            self.settle_step()?;
            self.step_if_due();
            self.ask_bounds_if_due();
            let paused = !matches!(self.phase, Phase::Running) || self.is_full();
            self.counters.pause(paused);
            if !matches!(self.phase, Phase::Running) {
                self.swaps.idle();
            }
            if paused {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            if self.backlog.is_none() {
                let fetched = self.source.fetch(self.ahead.fetch(FETCH), FETCH_WAIT);
                self.take_in(fetched);
            }
            self.judge()?;
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.parts.stop.load(Ordering::Acquire)
    }
}
