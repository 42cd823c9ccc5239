//! The record loop of a worker: what was fetched is sorted by partition, cut into batches and judged; a lookup is waited
//! for here, and the group is served meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Parts, Worker};
use crate::config::OnUnavailable;
use crate::lookup::{Answers, Plan};
use crate::model::ids::Partition;
use crate::model::record::Batch;
use crate::pipeline::judging::Unjudged;
use crate::source::{Event, Fetched, Message, Source};

/// How often the ends of the logs are asked for.
const LAG_EVERY: Duration = Duration::from_secs(5);

impl Worker {
    pub(super) fn judge(&mut self, fetched: &Fetched) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut by_partition: BTreeMap<Partition, Vec<Message<'_>>> = BTreeMap::new();
        let (mut records, mut batches) = (0, 0);
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
                    Ok(()) => batches += 1,
                    // The rest is read again by whoever has the partition next.
                    Err(Unjudged::Interrupted) => return Ok(()),
                    Err(Unjudged::Halt(why)) => return Err(why).context("halted, as on_failure says"),
                }
            }
            if let Some(at) = self.pending.position(partition) {
                self.parts.status.judged_to(self.parts.index, partition, at.to);
            }
        }
        // After the records that came before them: librdkafka goes on by itself after most errors, and then the next record
        // says so.
        for (partition, offset, why) in fetched.errors() {
            let why = format!("{why} at {}-{partition}@{offset}", self.parts.config.source.topic);
            tracing::error!("{why}");
            self.parts.status.stopped(self.parts.index, partition, why);
        }
        self.serve_log(fetched);
        if records > 0 {
            self.parts.status.add_judged(records);
            self.counters.records.increment(records);
            self.counters.batches.increment(batches);
            metrics::counter!("weir_busy_microseconds_total").increment(started.elapsed().as_micros() as u64);
        }
        Ok(())
    }

    /// How far the ends of the logs are: for the lag that operators watch. Asked beside the loop, answers come as they come.
    pub(super) fn ask_bounds_if_due(&mut self) {
        if self.last_bounds.elapsed() < LAG_EVERY {
            return;
        }
        self.last_bounds = Instant::now();
        let (reader, status) = (self.source.reader(), self.parts.status.clone());
        let positions: BTreeMap<_, _> = self.pending.positions().collect();
        for (partition, at) in &positions {
            metrics::gauge!("weir_partition_position", "partition" => partition.to_string()).set(at.from.0 as f64);
        }
        self.parts.tokio.spawn(async move {
            let partitions: Vec<_> = positions.keys().copied().collect();
            for (partition, end) in reader.ends(&partitions).await.unwrap_or_default() {
                let lag = (end.0 - positions[&partition].to.0).max(0);
                metrics::gauge!("weir_partition_lag", "partition" => partition.to_string()).set(lag as f64);
                status.end(partition, end);
            }
        });
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
