//! One worker: its consumer, its partitions, its rule stores, its deltas, its checkpoints. It shares the live rule set
//! and nothing else. The loop never blocks on a network: the store and Kafka's transactions run beside it on tokio, and
//! it serves the group's rebalances between any two fetches, and while a lookup is waited for. What is to be done when, the
//! [`machine`](super::machine) decides; here it is done: [`group`] is what the group gives and takes, [`tasks`] the claims and
//! checkpoints, [`records`] the way of what was fetched (what a batch asks of Redis is `enrich::pending`'s to wait for), [`partition_eof`] what else
//! a fetch tells of the logs, [`outcome`] what
//! comes of a batch that was judged, [`alerts`] what an alert says, [`overflow`] that windows have too many groups, [`swap_latency`] when it took up a new rule set.

mod ahead;
mod alert_fields;
mod alerts;
mod broker;
mod group;
mod hits;
mod letter_counts;
mod outcome;
mod overflow;
mod partition_eof;
mod records;
mod swap_latency;
mod tasks;
mod tells;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::fault;
use crate::model::ids::Partition;
use crate::model::record::{Batch, Schema};
use crate::outbox::Publisher;
use crate::rules::{Catalog, Judge, Runtime};
use crate::source::{self, GroupMetadata, Source};
use crate::status::{Side, Status};
use crate::store::CheckpointStore;
use crate::window::WindowSpec;
use crate::worker::machine::{Action, Event, Machine, Phase, PublishedRows, Settings};
use ahead::Ahead;
use broker::KafkaBroker;
use outcome::LiveProcessor;
use overflow::OverflowTold;
use records::Backlog;
use swap_latency::Swaps;
use tasks::{CheckpointTask, ClaimTask};

pub(crate) use group::clients;

/// Records fetched in one call: a few batches, so that the group is served often. They may wait for a checkpoint or a
/// lookup, beside the 16 MiB that librdkafka fetches ahead.
const FETCH: usize = 4 * Batch::MAX_ROWS;
/// How long a call waits for records when there are few: the least delay of an idle topic.
const FETCH_WAIT: Duration = Duration::from_millis(10);

/// The group's proof of membership, shared by the tasks that commit with it.
type Metadata = Arc<GroupMetadata>;

/// What a worker is made of.
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) config: Arc<Config>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) spec: Arc<WindowSpec>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) status: Arc<Status>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) tokio: Handle,
}

/// See the module.
pub(crate) struct Worker {
    parts: Parts,
    /// None: time to fetch. Before `source`: librdkafka's messages end before its client.
    backlog: Option<Backlog>,
    ahead: Ahead,
    source: Source,
    broker: Arc<Mutex<KafkaBroker>>,
    processor: LiveProcessor,
    machine: Machine<Metadata>,
    /// What the machine asks for; used again.
    actions: Vec<Action<Metadata>>,
    claim: Option<ClaimTask>,
    checkpoint: Option<CheckpointTask>,
    /// Rows that a drain has to clear.
    clearing: Option<Vec<PublishedRows>>,
    /// Whether Kafka answers a new client.
    probe: Option<JoinHandle<Result<(), String>>>,
    /// Old consumers on their way out.
    leaving: Vec<std::thread::JoinHandle<()>>,
    last_bounds: Instant,
    events: VecDeque<source::Event>,
    /// When the group was last served while rules judged.
    served: Instant,
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
    slow_path: metrics::Counter,
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
            slow_path: metrics::counter!("weir_decode_slow_path_records_total", "worker" => worker.clone()),
            busy: metrics::counter!("weir_busy_seconds_total"),
            paused: metrics::gauge!("weir_source_paused", "worker" => worker),
            is_paused: None,
        }
    }

    /// A counter of time: in nanoseconds, which `/metrics` shows as seconds.
    fn busy(&self, since: Instant) {
        self.busy.increment(since.elapsed().as_nanos() as u64);
    }

    fn pause(&mut self, paused: bool) {
        if self.is_paused.replace(paused) != Some(paused) {
            self.paused.set(f64::from(u8::from(paused)));
        }
    }
}

impl Worker {
    pub(crate) fn new(parts: Parts, source: Source, publisher: Publisher) -> anyhow::Result<Self> {
        let config = &parts.config;
        let broker = Arc::new(Mutex::new(KafkaBroker { reader: source.reader(), publisher }));
        let judge = Judge::stoppable(parts.runtime.clone(), parts.catalog.trips(), parts.stop.clone());
        let processor = LiveProcessor::new(config, &parts.schema, &parts.spec, judge)?;
        Ok(Self {
            source,
            broker,
            processor,
            machine: Machine::new(settings(config), Instant::now()),
            actions: Vec::new(),
            backlog: None,
            ahead: Ahead::default(),
            claim: None,
            checkpoint: None,
            clearing: None,
            probe: None,
            leaving: Vec::new(),
            last_bounds: Instant::now(),
            events: VecDeque::new(),
            served: Instant::now(),
            counters: Counters::new(parts.index),
            swaps: Swaps::new(parts.index),
            overflow: OverflowTold::new(parts.index),
            refused: BTreeMap::new(),
            parts,
        })
    }

    /// Until told to stop, or until something fails for good.
    pub(crate) fn run(&mut self) -> anyhow::Result<()> {
        let result = self.work();
        if let Err(why) = &result {
            tracing::error!("stopped: {why:#}");
        }
        fault::pass("worker.stopping");
        // What the loop was at when it was told counts: the process has one time to stop.
        let asked = self.parts.status.stop_asked().unwrap_or_else(Instant::now);
        let drained = self.feed(Event::Stop { asked }).and_then(|()| self.drain());
        if let Err(why) = &drained {
            tracing::error!("the last checkpoint: {why:#}");
        }
        self.source.close(self.parts.status.leave_by(self.parts.config.checkpoint.drain));
        result.and(drained)
    }

    fn work(&mut self) -> anyhow::Result<()> {
        self.source.join().context("source")?;
        while !self.stopping() {
            self.serve_group()?;
            self.serve_tasks()?;
            self.tick()?;
            self.tell();
            self.ask_bounds_if_due();
            let paused = !self.machine.may_judge(self.processor.windows.len());
            self.counters.pause(paused);
            if self.machine.phase() != Phase::Running {
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

    fn is_full(&self) -> bool {
        self.machine.is_full(self.processor.windows.len())
    }

    fn stopping(&self) -> bool {
        self.parts.stop.load(Ordering::Acquire)
    }
}

/// The partitions, as a line of the log shows them.
fn numbers(partitions: &[Partition]) -> Vec<i32> {
    partitions.iter().map(|partition| partition.0).collect()
}

fn settings(config: &Config) -> Settings {
    let bounds = &config.checkpoint;
    Settings {
        interval: bounds.interval,
        max_records: bounds.max_records,
        max_groups: bounds.max_groups,
        max_letter_bytes: bounds.max_letter_bytes.as_u64(),
        drain: bounds.drain,
        rejoin_after: config.source.rejoin_after,
    }
}
