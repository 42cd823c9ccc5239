//! A worker's publisher. It reports what became of a transaction and leaves deciding to `checkpoint`; after anything but a
//! clean abort it makes a new producer, whose `init_transactions` ends what the old one had open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata as GroupMetadata;
use tokio::task::JoinHandle;

use super::error::PublishError;
use super::producer::{Ready, alert_topic, blocking, prepare};
use super::transaction::Transaction;
use crate::config::{self, Config};
use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};
use crate::outbox::destination::Destinations;
use crate::outbox::format::{Stored, read_any};
use crate::outbox::outgoing::Origin;

/// How long no transaction of a producer may get through before it is made anew.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Publishes outbox rows and the group's offsets, one Kafka transaction at a time.
pub struct Publisher {
    source: config::Source,
    destinations: Destinations,
    /// Unique per process start and worker: from the configuration alone, two hosts would fence each other
    /// (docs/protocol.md#transactions-and-producers).
    transactional_id: String,
    ready: Option<Ready>,
    /// What [`Publisher::prepare_ahead`] began.
    ahead: Option<Ahead>,
    /// Since when no transaction of this producer got through.
    failing: Option<Instant>,
}

type Ahead = JoinHandle<Result<Ready, PublishError>>;

impl Publisher {
    /// Connects nothing yet: [`Publisher::prepare_ahead`], [`Publisher::resolve_in_doubt`] or the first transaction does.
    pub fn new(config: &Config) -> Self {
        let transactional_id = format!("weir-{}-{}", config.pipeline.name, uuid::Uuid::new_v4());
        Self::with_id(&config.source, Destinations::of(config), transactional_id)
    }

    /// A publisher to these destinations, under a transactional id that the caller answers for: a second publisher under it
    /// fences the first.
    pub fn with_id(source: &config::Source, destinations: Destinations, transactional_id: String) -> Self {
        Self { source: source.clone(), destinations, transactional_id, ready: None, ahead: None, failing: None }
    }

    /// Begins what the first [`Publisher::resolve_in_doubt`] waits for, and what comes of it is for that one to say. On tokio.
    pub fn prepare_ahead(&mut self) {
        self.ahead.get_or_insert_with(|| begin(&self.source, &self.destinations, &self.transactional_id));
    }

    /// Ends whatever a transaction of ours left undecided. Cheap when there is none.
    ///
    /// # Errors
    /// [`PublishError`]: Kafka does not answer, or another producer has our place.
    pub async fn resolve_in_doubt(&mut self) -> Result<(), PublishError> {
        if self.ready.is_some() {
            return Ok(());
        }
        let ahead = self.ahead.is_some();
        let mut ready = self.prepared().await;
        // What was tried ahead, maybe long ago, is no answer of now.
        if ahead && ready.is_err() {
            ready = self.prepared().await;
        }
        self.ready = Some(ready?);
        Ok(())
    }

    /// What is under way, or a new producer. Whoever gives up waiting leaves it under way: under one id there must not be
    /// two at once.
    async fn prepared(&mut self) -> Result<Ready, PublishError> {
        let begin = || begin(&self.source, &self.destinations, &self.transactional_id);
        let ready = self.ahead.get_or_insert_with(begin).await;
        self.ahead = None;
        ready.map_err(|why| PublishError::Unknown(why.to_string()))?
    }

    /// Lets the producer go: one that nobody uses has threads and, while a broker is away, more and more to tell.
    pub async fn close_idle(&mut self) {
        let ahead = if self.ahead.is_some() { self.prepared().await.ok() } else { None };
        let unused = (ahead, self.ready.take());
        // Its end waits for its threads.
        let _ = tokio::task::spawn_blocking(move || drop(unused)).await;
    }

    /// One transaction: the messages of these chunks at or after `from`, whatever their destinations, then the offsets.
    ///
    /// # Errors
    /// [`PublishError`]: nothing of it is visible then, or, where it says so, it is not known whether it is.
    pub async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        metadata: &Arc<GroupMetadata>,
    ) -> Result<(), PublishError> {
        self.resolve_in_doubt().await?;
        self.know_alert_topics(outbox).await?;
        let ready = self.ready.clone().expect("one has just been made");
        let transaction = Transaction {
            ready,
            origin: Origin { topic: self.source.topic.clone(), group: self.source.group.clone() },
            outbox: outbox.clone(),
            from: from.clone(),
            offsets: offsets.to_vec(),
            metadata: metadata.clone(),
        };
        // Taken out while it runs: if this future is dropped half-way, the producer is in doubt and not used again.
        let ready = self.ready.take();
        let result = blocking(move || transaction.run()).await;
        if matches!(result, Ok(()) | Err(PublishError::Abortable(_) | PublishError::Group(_))) {
            self.ready = ready;
        }
        // A client may have no broker left, for good, beside a Kafka that serves others: it aborts what it never sent and
        // would be tried for ever. The next try makes a new one, which asks the cluster first.
        let failing = result.as_ref().err().map(|_| self.failing.unwrap_or_else(Instant::now));
        self.failing = failing.filter(|since| since.elapsed() < GIVE_UP);
        if failing.is_some() && self.failing.is_none() {
            self.ready = None;
        }
        result
    }
}

impl Publisher {
    /// What is in the outbox goes to the topic that it was made for, also if `[alerts]` was changed or taken away since: so it asks
    /// without `[alerts]`, too. Of each chunk it reads the destination, and of alerts the topic: no message, and no checksum.
    async fn know_alert_topics(&mut self, outbox: &[OutboxChunk]) -> Result<(), PublishError> {
        let Some(ready) = &mut self.ready else { return Ok(()) };
        for chunk in outbox {
            let Ok(Stored::Alerts(alerts)) = read_any(&chunk.letters) else { continue };
            if !ready.topics.alerts.contains_key(alerts.topic()) {
                let topic = alert_topic(&self.source, ready, alerts.topic()).await?;
                Arc::make_mut(&mut ready.topics).alerts.insert(topic.name.clone(), topic);
            }
        }
        Ok(())
    }
}

fn begin(source: &config::Source, destinations: &Destinations, transactional_id: &str) -> Ahead {
    tokio::spawn(prepare(source.clone(), destinations.clone(), transactional_id.to_owned()))
}
