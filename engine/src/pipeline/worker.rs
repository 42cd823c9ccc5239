//! One worker: its consumer, its partitions, its rule stores, its deltas, its checkpoints. It shares the live rule set
//! and nothing else. The loop never blocks on a network: the store and Kafka's transactions run beside it on tokio, and
//! it serves the group's rebalances between any two batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::broker::KafkaBroker;
use super::judging::{Bench, Unjudged};
use super::status::Status;
use crate::checkpoint::{Cancel, Failed, Pending, TakeError, TakenOver, advance, take};
use crate::config::{Config, OnUnavailable};
use crate::dead_letters::Publisher;
use crate::lookup::{Answers, Plan};
use crate::model::ids::{Offset, Partition};
use crate::model::record::{Batch, Schema};
use crate::rules::{Catalog, Judge, Runtime};
use crate::source::{Event, Fetched, GroupMetadata, Message, Source};
use crate::store::Store;
use crate::window::WindowSpec;

/// Records fetched in one call: a few batches, so that the group is served often.
const FETCH: usize = 4 * Batch::MAX_ROWS;
/// How long a call waits for records when there are few: the least delay of an idle topic.
const FETCH_WAIT: Duration = Duration::from_millis(10);
/// After the group moved on without a rebalance in sight, the partitions are taken again anyway.
const LAG_EVERY: Duration = Duration::from_secs(5);
const REBALANCE_OVERDUE: Duration = Duration::from_secs(15);

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) index: usize,
    pub(super) config: Arc<Config>,
    pub(super) schema: Arc<Schema>,
    pub(super) spec: Arc<WindowSpec>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) store: Arc<dyn Store>,
    pub(super) status: Arc<Status>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) tokio: Handle,
}

/// What the group gave.
struct Assignment {
    partitions: Vec<Partition>,
    metadata: Arc<GroupMetadata>,
    /// librdkafka has them: from then on only seek, never assign again (FACTS C2).
    assigned: bool,
}

enum Phase {
    /// Nothing is ours.
    Idle,
    /// The one routine of FACTS C3 is under way.
    Taking { task: JoinHandle<Result<TakenOver, TakeError>>, cancel: Cancel },
    /// Records flow.
    Running,
    /// The group no longer takes our metadata: the next assignment is on its way.
    Overdue { since: Instant },
}

struct InFlight {
    task: JoinHandle<Result<(), Failed>>,
    cancel: Cancel,
    /// What may be cleared from the outbox once it is through.
    published: Vec<(Partition, u64, Offset)>,
    started: Instant,
}

/// See the module.
pub(super) struct Worker {
    parts: Parts,
    source: Source,
    broker: Arc<Mutex<KafkaBroker>>,
    bench: Bench,
    pending: Pending,
    phase: Phase,
    assignment: Option<Assignment>,
    in_flight: Option<InFlight>,
    cleared: Vec<(Partition, u64, Offset)>,
    last_bounds: Instant,
    events: VecDeque<Event>,
    last_step: Instant,
}

impl Worker {
    pub(super) fn new(parts: Parts) -> anyhow::Result<Self> {
        let config = &parts.config;
        let source = Source::connect(&config.source).context("source")?;
        let publisher =
            Publisher::new(&config.source, &config.dead_letters, &config.pipeline.name).context("dead_letters")?;
        let broker = Arc::new(Mutex::new(KafkaBroker { reader: source.reader(), publisher }));
        let judge = Judge::new(parts.runtime.clone(), parts.catalog.trips());
        parts.status.add_worker();
        let bench = Bench::new(config, &parts.schema, &parts.spec, judge)?;
        Ok(Self {
            source,
            broker,
            bench,
            pending: Pending::default(),
            phase: Phase::Idle,
            assignment: None,
            in_flight: None,
            cleared: Vec::new(),
            last_bounds: Instant::now(),
            events: VecDeque::new(),
            last_step: Instant::now(),
            parts,
        })
    }

    /// Until told to stop, or until something fails for good.
    pub(super) fn run(&mut self) -> anyhow::Result<()> {
        let result = self.work();
        if let Err(why) = &result {
            tracing::error!(worker = self.parts.index, "stopped: {why:#}");
        }
        self.drain();
        self.let_go();
        self.source.close();
        result
    }

    fn work(&mut self) -> anyhow::Result<()> {
        while !self.stopping() {
            self.serve_group()?;
            self.settle_taking()?;
            self.settle_step()?;
            self.step_if_due();
            self.ask_bounds_if_due();
            if !matches!(self.phase, Phase::Running) || self.is_full() {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            let fetched = self.source.fetch(FETCH, FETCH_WAIT);
            self.judge(&fetched)?;
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.parts.stop.load(Ordering::Acquire)
    }

    // ---- the group

    fn serve_group(&mut self) -> anyhow::Result<()> {
        self.events.extend(self.source.events());
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::Assign { partitions, metadata } => {
                    tracing::info!(worker = self.parts.index, ?partitions, "assigned");
                    self.parts.status.joined(self.parts.index);
                    self.assignment = Some(Assignment { partitions, metadata, assigned: false });
                    self.start_taking();
                }
                Event::Revoke { lost } => {
                    tracing::info!(worker = self.parts.index, lost, "revoked");
                    if !lost {
                        self.drain();
                    }
                    self.let_go();
                    self.source.unassign()?;
                }
                Event::Error(why) => tracing::warn!(worker = self.parts.index, "Kafka: {why}"),
                Event::Fatal(why) => anyhow::bail!("Kafka: {why}"),
            }
        }
        Ok(())
    }

    fn start_taking(&mut self) {
        let Some(assignment) = &self.assignment else { return };
        self.bench.windows.clear();
        self.pending = Pending::default();
        self.cleared.clear();
        let (store, broker) = (self.parts.store.clone(), self.broker.clone());
        let (partitions, metadata) = (assignment.partitions.clone(), assignment.metadata.clone());
        let (start, cancel, old) = (self.parts.config.source.start, Cancel::default(), self.in_flight.take());
        let given_up = cancel.clone();
        let task = self.parts.tokio.spawn(async move {
            if let Some(old) = old {
                // It shares the producer with us, so it has to be over first (C3).
                old.cancel.cancel();
                let _ = old.task.await;
            }
            let mut broker = broker.lock().await;
            take(&*store, &mut *broker, &partitions, start, &metadata, &given_up).await
        });
        if let Phase::Taking { cancel, .. } = std::mem::replace(&mut self.phase, Phase::Taking { task, cancel }) {
            cancel.cancel();
        }
    }

    fn settle_taking(&mut self) -> anyhow::Result<()> {
        match &mut self.phase {
            Phase::Taking { task, .. } if task.is_finished() => {
                let result = self.parts.tokio.block_on(task).context("taking partitions")?;
                self.taken(result)
            }
            Phase::Overdue { since } if since.elapsed() > REBALANCE_OVERDUE => {
                self.start_taking();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn taken(&mut self, result: Result<TakenOver, TakeError>) -> anyhow::Result<()> {
        let taken = match result {
            Ok(taken) => taken,
            Err(TakeError::Fatal(why)) => anyhow::bail!(why),
            Err(why) => {
                tracing::warn!(worker = self.parts.index, "partitions not taken: {why}");
                self.phase = Phase::Overdue { since: Instant::now() };
                return Ok(());
            }
        };
        let Some(assignment) = &mut self.assignment else {
            self.phase = Phase::Idle;
            return Ok(());
        };
        for stopped in taken.stopped {
            tracing::error!(partition = %stopped.partition, "stopped: {}", stopped.why);
            self.parts.status.stopped(self.parts.index, stopped.partition, stopped.why);
        }
        self.pending.restart(&taken.stands);
        let mut at = Vec::new();
        for stand in &taken.stands {
            self.bench.windows.set_watermark(stand.partition, stand.watermark);
            self.parts.status.committed(self.parts.index, stand.partition, stand.next);
            at.push((stand.partition, stand.next));
        }
        if assignment.assigned {
            self.source.seek(&at)?;
        } else {
            self.source.assign(&at)?;
            assignment.assigned = true;
        }
        self.phase = Phase::Running;
        self.last_step = Instant::now();
        Ok(())
    }

    /// Forgets the partitions and everything about them that is not in the store.
    fn let_go(&mut self) {
        if let Phase::Taking { cancel, .. } = &self.phase {
            cancel.cancel();
        }
        if let Some(in_flight) = &self.in_flight {
            in_flight.cancel.cancel();
        }
        self.phase = Phase::Idle;
        self.assignment = None;
        self.pending = Pending::default();
        self.bench.windows.clear();
        self.parts.status.let_go(self.parts.index);
        self.parts.status.waits(self.parts.index, None);
    }

    // ---- the checkpoint

    fn is_full(&self) -> bool {
        let bounds = &self.parts.config.checkpoint;
        self.pending.records() >= bounds.max_records
            || self.bench.windows.len() >= bounds.max_groups
            || self.pending.letter_bytes() as u64 >= bounds.max_letter_bytes.as_u64()
    }

    fn step_if_due(&mut self) {
        let due = self.last_step.elapsed() >= self.parts.config.checkpoint.interval;
        if matches!(self.phase, Phase::Running) && self.in_flight.is_none() && (due || self.is_full()) {
            self.step();
        }
    }

    fn step(&mut self) {
        let Some(assignment) = &self.assignment else { return };
        if self.pending.is_empty() {
            return;
        }
        let deltas = self.bench.windows.drain();
        let windows = &self.bench.windows;
        let Some(step) = self.pending.step(deltas, |partition| windows.watermark(partition)) else { return };
        self.last_step = Instant::now();
        let (store, broker, metadata) = (self.parts.store.clone(), self.broker.clone(), assignment.metadata.clone());
        let (cancel, cleared) = (Cancel::default(), std::mem::take(&mut self.cleared));
        let published = step.partitions.iter().map(|p| (p.partition, p.owner, p.to)).collect();
        let given_up = cancel.clone();
        let task = self.parts.tokio.spawn(async move {
            let mut broker = broker.lock().await;
            advance(&*store, &mut *broker, &step, &cleared, &metadata, &given_up).await
        });
        self.in_flight = Some(InFlight { task, cancel, published, started: Instant::now() });
    }

    fn settle_step(&mut self) -> anyhow::Result<()> {
        if self.in_flight.as_ref().is_none_or(|in_flight| !in_flight.task.is_finished()) {
            let slow = self.in_flight.as_ref().is_some_and(|step| step.started.elapsed() > Duration::from_secs(2));
            let why = slow.then(|| "a checkpoint does not get through: the store or Kafka is away".to_owned());
            self.parts.status.waits(self.parts.index, why);
            return Ok(());
        }
        let Some(in_flight) = self.in_flight.take() else { return Ok(()) };
        let result = self.parts.tokio.block_on(in_flight.task).context("a checkpoint's task")?;
        self.stepped(result, in_flight.published, in_flight.started)
    }

    fn stepped(
        &mut self,
        result: Result<(), Failed>,
        published: Vec<(Partition, u64, Offset)>,
        started: Instant,
    ) -> anyhow::Result<()> {
        metrics::histogram!("weir_checkpoint_seconds").record(started.elapsed().as_secs_f64());
        let outcome = match &result {
            Ok(()) => "committed",
            Err(Failed::Fenced(_)) => "fenced",
            Err(_) => "failed",
        };
        metrics::counter!("weir_checkpoints_total", "outcome" => outcome).increment(1);
        match result {
            Ok(()) => {
                for (partition, _, next) in &published {
                    self.parts.status.committed(self.parts.index, *partition, *next);
                }
                self.cleared = published;
                Ok(())
            }
            Err(Failed::Fatal(why)) => anyhow::bail!("checkpoint: {why}"),
            Err(why) => {
                // Deltas of all partitions are mixed by group, so a step that fails takes everything with it (C6).
                tracing::warn!(worker = self.parts.index, "checkpoint: {why}; taking the partitions anew");
                if matches!(why, Failed::Fenced(_)) {
                    metrics::counter!("weir_fenced_total").increment(1);
                }
                self.pending = Pending::default();
                self.bench.windows.clear();
                match why {
                    Failed::Group(_) => self.phase = Phase::Overdue { since: Instant::now() },
                    _ => self.start_taking(),
                }
                Ok(())
            }
        }
    }

    /// Finishes the step in flight, takes a last one and clears the outbox, within `checkpoint.drain`; then gives up.
    fn drain(&mut self) {
        let until = Instant::now() + self.parts.config.checkpoint.drain;
        // The first round waits for the step in flight, the second for what was judged since.
        for _ in 0..2 {
            if let Some(in_flight) = self.in_flight.take() {
                let InFlight { mut task, cancel, published, started } = in_flight;
                let left = until.saturating_duration_since(Instant::now());
                match self.parts.tokio.block_on(async { tokio::time::timeout(left, &mut task).await }) {
                    Ok(Ok(result)) => {
                        if self.stepped(result, published, started).is_err() {
                            return;
                        }
                    }
                    Ok(Err(_)) => return,
                    Err(_) => {
                        tracing::warn!(worker = self.parts.index, "a checkpoint was abandoned: not through in time");
                        cancel.cancel();
                        self.in_flight = Some(InFlight { task, cancel, published, started });
                        return;
                    }
                }
            }
            if matches!(self.phase, Phase::Running) {
                self.step();
            }
        }
        self.clear_outbox(until);
    }

    /// After a clean stop nothing is left in the outbox; if it fails, whoever takes the partitions clears it.
    fn clear_outbox(&mut self, until: Instant) {
        let cleared = std::mem::take(&mut self.cleared);
        if cleared.is_empty() {
            return;
        }
        let (store, left) = (self.parts.store.clone(), until.saturating_duration_since(Instant::now()));
        let _ = self.parts.tokio.block_on(async { tokio::time::timeout(left, store.published(&cleared)).await });
    }

    /// How far the ends of the logs are: for the lag that operators watch. Asked beside the loop, answers come as they come.
    fn ask_bounds_if_due(&mut self) {
        if self.last_bounds.elapsed() < LAG_EVERY {
            return;
        }
        self.last_bounds = Instant::now();
        for (partition, at) in self.pending.positions() {
            let (reader, status) = (self.source.reader(), self.parts.status.clone());
            metrics::gauge!("weir_partition_position", "partition" => partition.to_string()).set(at.from.0 as f64);
            self.parts.tokio.spawn(async move {
                if let Ok((_, end)) = reader.bounds(partition).await {
                    let lag = (end.0 - at.to.0).max(0);
                    metrics::gauge!("weir_partition_lag", "partition" => partition.to_string()).set(lag as f64);
                    status.end(partition, end);
                }
            });
        }
    }

    // ---- the records

    fn judge(&mut self, fetched: &Fetched) -> anyhow::Result<()> {
        for (partition, offset, why) in fetched.errors() {
            let why = format!("{why} at {}-{partition}@{offset}", self.parts.config.source.topic);
            tracing::error!("{why}");
            self.parts.status.stopped(self.parts.index, partition, why);
        }
        let started = Instant::now();
        let mut by_partition: std::collections::BTreeMap<Partition, Vec<Message<'_>>> = Default::default();
        let mut records = 0;
        for message in fetched.messages() {
            // Defence: a partition that is not ours, or a record from before a seek, is never judged.
            if self.pending.position(message.partition).is_some_and(|at| message.offset >= at.to) {
                by_partition.entry(message.partition).or_default().push(message);
                records += 1;
            }
        }
        for (partition, messages) in by_partition {
            for batch in messages.chunks(Batch::MAX_ROWS) {
                let set = self.parts.catalog.live();
                let mut wait = Waiting { parts: &self.parts, source: &mut self.source, events: &mut self.events };
                let judged = self
                    .bench
                    .judge(&set, partition, batch, &mut self.pending, &mut |plan, policy| wait.fetch(plan, policy));
                match judged {
                    Ok(()) => {}
                    // The rest is read again by whoever has the partition next.
                    Err(Unjudged::Interrupted) => return Ok(()),
                    Err(Unjudged::Halt(why)) => return Err(why).context("halted, as on_failure says"),
                }
            }
            if let Some(at) = self.pending.position(partition) {
                self.parts.status.judged_to(self.parts.index, partition, at.to);
            }
        }
        if records > 0 {
            self.parts.status.add_judged(records);
            metrics::counter!("weir_records_total").increment(records);
            metrics::counter!("weir_busy_microseconds_total").increment(started.elapsed().as_micros() as u64);
        }
        Ok(())
    }
}

/// Waits for a lookup and keeps serving the group meanwhile.
struct Waiting<'w> {
    parts: &'w Parts,
    source: &'w mut Source,
    events: &'w mut VecDeque<Event>,
}

impl Waiting<'_> {
    /// None: let go. Some(None): go on with the lookup's fields missing.
    fn fetch(&mut self, plan: &Plan, policy: OnUnavailable) -> Option<Option<Answers>> {
        let mut pause = Duration::from_millis(20);
        loop {
            let mut task = self.parts.tokio.spawn(plan.fetch());
            let result = loop {
                let slice = Duration::from_millis(50);
                match self.parts.tokio.block_on(async { tokio::time::timeout(slice, &mut task).await }) {
                    Ok(result) => break result,
                    Err(_) if self.must_let_go() => return None,
                    Err(_) => {}
                }
            };
            let why = match result {
                Ok(Ok(answers)) => {
                    self.parts.status.waits(self.parts.index, None);
                    return Some(Some(answers));
                }
                Ok(Err(why)) => why.to_string(),
                Err(why) => why.to_string(),
            };
            if policy == OnUnavailable::Missing {
                return Some(None);
            }
            self.parts.status.waits(self.parts.index, Some(format!("a lookup is away: {why}")));
            tracing::warn!(worker = self.parts.index, "lookup: {why}; trying again");
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
            if self.must_let_go() {
                return None;
            }
        }
    }

    fn must_let_go(&mut self) -> bool {
        self.events.extend(self.source.events());
        self.parts.stop.load(Ordering::Acquire)
            || self.events.iter().any(|event| matches!(event, Event::Revoke { .. } | Event::Fatal(_)))
    }
}
