//! A worker's transactional producer: its settings, what it tells, and how it becomes ready.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::error::PublishError;
use crate::config;
use crate::fault;
use crate::kafka::{ClientSettings, Cluster, TopicError, longest_message, partitions};
use crate::outbox::destination::{Destination, Destinations};

/// How long each call to Kafka may take; `transaction.timeout.ms` is the same, so nothing of ours stays open for longer.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question may take that is asked for the connection alone: about what it saves.
const WARM_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// Messages that the producer's queue takes: more than a round has.
const QUEUED: &str = "20000";

/// Settings of a producer. `limit`: bytes of the longest message that any of its topics takes.
pub(in crate::outbox) fn producer_settings(
    source: &config::Source,
    properties: &config::Properties,
    transactional_id: &str,
    limit: usize,
) -> ClientSettings {
    let mut settings = ClientSettings::new(Cluster::of_source(source), &[]);
    settings.pass(properties);
    // librdkafka knows it by two names.
    if settings.get("compression.type").is_none() && settings.get("compression.codec").is_none() {
        settings.set("compression.type", "lz4");
    }
    settings
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", CALL_TIMEOUT.as_millis().to_string())
        .set("message.timeout.ms", CALL_TIMEOUT.as_millis().to_string())
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // `flight` lets messages go. None of these three may make a batch ready before, or while another is under way: a
        // round is a request a partition, of fewer messages than the queue holds, and is let go at once.
        .set("linger.ms", (CALL_TIMEOUT / 2).as_millis().to_string())
        .set("batch.num.messages", QUEUED)
        .set("batch.size", request_size(limit).to_string())
        .set("message.max.bytes", limit.clamp(1_000, 1_000_000_000).to_string())
        // What a worker holds here beyond its outbox: the second does not count headers.
        .set("queue.buffering.max.messages", QUEUED)
        .set("queue.buffering.max.kbytes", "32768")
        // What was delivered is known by the transaction's end; a report for each costs as much as to read it.
        .set("delivery.report.only.error", "true");
    settings
}

/// Bytes of a request of one partition. One above the topic's limit is refused whole, small messages included
/// (docs/protocol.md#transactions-and-producers).
fn request_size(limit: usize) -> usize {
    limit.clamp(1_000, 1_000_000)
}

/// What was not delivered because it was too large, which fails its whole batch; librdkafka tells it from inside `poll`
/// and `flush`.
#[derive(Default)]
pub(super) struct Deliveries {
    pub(super) too_large: AtomicBool,
    /// What librdkafka said of the transaction that failed: its calls say "Erroneous state" from then on.
    failed: Mutex<Option<String>>,
}

impl Deliveries {
    /// Forgets what earlier transactions left. Called before each.
    pub(super) fn forget(&self) {
        self.too_large.store(false, Ordering::Relaxed);
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// An error of a call, and why the transaction could not go on if that is known.
    pub(super) fn because(&self, why: String) -> String {
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(cause) => format!("{why}: {cause}"),
            None => why,
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        if fac == "TXNERR" {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| message.to_owned());
        }
        DefaultClientContext.log(level, fac, message);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((why, _)) = result
            && why.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
        {
            self.too_large.store(true, Ordering::Relaxed);
        }
    }
}

/// A producer after `init_transactions`, and what its topics are like.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) producer: Arc<BaseProducer<Deliveries>>,
    pub(super) topics: Arc<ReadyTopics>,
    /// Bytes of the longest message that the producer takes.
    pub(super) limit: usize,
}

/// The topics of a transaction.
#[derive(Clone, Default)]
pub(super) struct ReadyTopics {
    /// Of the destinations that are configured, but for that of the alerts.
    pub(super) of: BTreeMap<Destination, ReadyTopic>,
    /// By name, which stands in each chunk of alerts: an older configuration may have named another one than this does.
    pub(super) alerts: BTreeMap<String, ReadyTopic>,
}

/// What a topic takes.
#[derive(Clone)]
pub(super) struct ReadyTopic {
    pub(super) name: String,
    pub(super) partitions: i32,
    /// Bytes of a message.
    pub(super) limit: usize,
    /// Bytes of a request of one partition.
    pub(super) request: usize,
}

impl ReadyTopics {
    fn insert(&mut self, destination: Destination, topic: ReadyTopic) {
        match destination {
            Destination::ALERTS => self.alerts.insert(topic.name.clone(), topic),
            _ => self.of.insert(destination, topic),
        };
    }

    fn all(&self) -> impl Iterator<Item = &ReadyTopic> {
        self.of.values().chain(self.alerts.values())
    }
}

/// What an alert topic takes that the configuration does not name any more.
pub(super) async fn alert_topic(
    source: &config::Source,
    ready: &Ready,
    name: &str,
) -> Result<ReadyTopic, PublishError> {
    let limit = longest_message(Cluster::of_source(source), name).await.min(ready.limit);
    let (source, topic) = (source.clone(), name.to_owned());
    let found = blocking(move || Ok(partitions(Cluster::of_source(&source), "alerts.topic", &topic))).await?;
    let gone = |why: TopicError| PublishError::AlertTopic { topic: name.to_owned(), why: why.to_string() };
    Ok(ReadyTopic::new(name, found.map_err(gone)?, limit))
}

impl ReadyTopic {
    /// `limit`: bytes of the longest message that it takes.
    pub(super) fn new(name: &str, partitions: i32, limit: usize) -> Self {
        Self { name: name.to_owned(), partitions, limit, request: request_size(limit) }
    }
}

/// Makes a producer, which ends whatever another one left open under this id.
pub(super) async fn prepare(
    source: config::Source,
    destinations: Destinations,
    transactional_id: String,
) -> Result<Ready, PublishError> {
    let mut limits = Vec::new();
    for topic in destinations.topics.values() {
        limits.push(longest_message(Cluster::of_source(&source), &topic.name).await);
    }
    let most = limits.iter().copied().max().expect("dead letters have a topic");
    let settings = producer_settings(&source, &destinations.properties, &transactional_id, most);
    blocking(move || {
        let mut topics = ReadyTopics::default();
        for ((destination, topic), limit) in destinations.topics.iter().zip(limits) {
            let partitions = partitions(Cluster::of_source(&source), topic.key, &topic.name)
                .map_err(|why| PublishError::Config(why.to_string()))?;
            topics.insert(*destination, ReadyTopic::new(&topic.name, partitions, limit));
        }
        let producer: BaseProducer<Deliveries> =
            settings.create(Deliveries::default()).map_err(|why| PublishError::Config(why.to_string()))?;
        fault::at("letters.prepare")?;
        // `init_transactions` looks again half a second later if no broker is up, or if the coordinator is none that the
        // metadata have told of. So they come first, and then a question to one of these brokers; its answer is nothing to us.
        for topic in topics.all() {
            let found = producer.client().fetch_metadata(Some(&topic.name), CALL_TIMEOUT);
            found.map_err(|why| PublishError::Unknown(why.to_string()))?;
        }
        if let Some(topic) = topics.all().next() {
            let _ = producer.client().fetch_watermarks(&topic.name, 0, WARM_UP_TIMEOUT);
        }
        producer.init_transactions(CALL_TIMEOUT).map_err(|why| PublishError::Unknown(why.to_string()))?;
        fault::at("letters.prepared")?;
        Ok(Ready { producer: Arc::new(producer), topics: Arc::new(topics), limit: most })
    })
    .await
}

/// Work that blocks, on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    tokio::task::spawn_blocking(work).await.map_err(|why| PublishError::Unknown(why.to_string()))?
}
