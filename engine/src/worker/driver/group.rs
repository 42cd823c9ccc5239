//! The group's part of a worker: partitions are assigned, read from where they were claimed, asked back and let go, and the
//! consumer is made anew when librdkafka has lost its brokers. What follows from what, the machine decides.

use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::Mutex;

use super::Worker;
use super::broker::KafkaBroker;
use super::numbers;
use crate::checkpoint::ClaimResult;
use crate::clock::now_ms;
use crate::config::Config;
use crate::fault;
use crate::outbox::Publisher;
use crate::source::{self, Source};
use crate::status::Side;
use crate::worker::machine::{Event, Then};

/// Consumers that were made anew and whose old ones do not end: their threads and buffers stay, so there is a bound.
const UNENDED: usize = 3;

impl Worker {
    pub(super) fn serve_group(&mut self) -> anyhow::Result<()> {
        self.events.extend(self.source.events());
        while let Some(event) = self.events.pop_front() {
            match event {
                source::Event::Assign { partitions, metadata } => {
                    tracing::info!(partitions = ?numbers(&partitions), "assigned");
                    self.parts.status.members.joined(self.parts.index);
                    self.allowed(&[Side::Group]);
                    fault::pass("worker.assigned");
                    self.feed(Event::Assigned { partitions, metadata })?;
                }
                source::Event::Revoke { lost } => {
                    tracing::info!(lost, "revoked");
                    fault::pass("worker.revoked");
                    self.feed(Event::Revoked { lost })?;
                    self.drain()?;
                }
                source::Event::Stray { partition, offset } => {
                    let topic = &self.parts.config.source.topic;
                    tracing::error!(
                        "{topic}-{partition}@{offset} came where no record is judged; all partitions are taken anew"
                    );
                    self.feed(Event::Stray)?;
                }
                source::Event::Error(why) => {
                    tracing::warn!("Kafka: {why}");
                    self.refuse(&why, Side::Source);
                }
                source::Event::Fatal(why) => bail!("Kafka: {why}"),
            }
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, claimed: ClaimResult) -> anyhow::Result<()> {
        let stopped = claimed.stopped.iter().map(|stopped| (stopped.partition, &*stopped.why));
        let ready = claimed.resume_points.iter().map(|point| (point.partition, point.agrees));
        self.parts.catalog.claimed(self.parts.index, ready, stopped);
        for stopped in claimed.stopped {
            let pipeline = &self.parts.config.pipeline.name;
            tracing::error!(pipeline, partition = %stopped.partition, "stopped: {}", stopped.why);
            self.parts.status.partitions.stopped(self.parts.index, stopped.partition, stopped.why);
        }
        self.allowed(&[Side::Group, Side::Letters]);
        let (mut at, status) = (Vec::new(), &self.parts.status.partitions);
        for point in &claimed.resume_points {
            self.processor.windows.take_watermark(point.partition, point.watermark, now_ms());
            status.claimed(self.parts.index, point.partition, point.epoch, point.next);
            status.set_watermark(point.partition, self.processor.windows.watermark(point.partition));
            at.push((point.partition, point.next));
        }
        fault::pass("worker.taken");
        self.source.assign(&at)?;
        fault::pass("worker.reading");
        Ok(())
    }

    pub(super) fn let_go(&mut self, then: Then) -> anyhow::Result<()> {
        if then == Then::Unassign {
            fault::pass("worker.drained");
        }
        self.parts.status.let_go(self.parts.index);
        self.overflow.let_go();
        match then {
            Then::Unassign => {
                self.source.unassign()?;
                fault::pass("worker.released");
            }
            Then::Rejoin => self.rejoin()?,
            // `run` leaves the group.
            Then::Leave => {}
        }
        Ok(())
    }

    /// A new consumer and a new producer in the place of the old ones, as after a restart of the process.
    fn rejoin(&mut self) -> anyhow::Result<()> {
        let index = self.parts.index;
        self.leaving.retain(|old| !old.is_finished());
        if self.leaving.len() >= UNENDED {
            bail!(
                "Kafka: the worker is no member of its group, and {UNENDED} consumers that were given up for it do not end: \
                 the process ends, and goes on exactly where it is started again"
            );
        }
        let after = self.parts.config.source.rejoin_after;
        tracing::warn!(
            "no member of the group for {after:?} (source.rejoin_after), though Kafka answers a new client: its consumer is \
             made anew"
        );
        metrics::counter!("weir_rejoins_total", "worker" => index.to_string()).increment(1);
        self.events.clear();
        let (fresh, publisher) = clients(&self.parts.config, index)?;
        let broker = Arc::new(Mutex::new(KafkaBroker { reader: fresh.reader(), publisher }));
        let old = (std::mem::replace(&mut self.source, fresh), std::mem::replace(&mut self.broker, broker));
        // The end of a client that has no broker may take long.
        let leave = std::thread::Builder::new().name(format!("leaving-{index}")).spawn(move || drop(old));
        self.leaving.push(leave.context("no thread to end a consumer")?);
        let why = "Kafka answers a new client, so the worker's own was made anew; it joins".to_owned();
        self.parts.status.members.outside_for(index, why);
        self.source.join().context("source")
    }
}

/// A worker's consumer and producer; asks nobody yet. The producer's transactional id is new, so it fences nobody.
pub(crate) fn clients(config: &Config, worker: usize) -> anyhow::Result<(Source, Publisher)> {
    let several = config.engine.count() > 1;
    let source = Source::connect(&config.source, several.then_some(worker)).context("source")?;
    Ok((source, Publisher::new(config)))
}
