//! A worker's transactional producer. It reports what became of a transaction and leaves deciding to `checkpoint`; after
//! anything but a clean abort it makes a new producer, whose `init_transactions` ends what the old one had open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata as GroupMetadata;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use tokio::task::JoinHandle;

use super::client::{not_made, producer_config};
use super::message::Origin;
use super::topics;
use super::transaction::Transaction;
use crate::config;
use crate::fault::{self, Fault};
use crate::model::ids::{Offset, Partition};
use crate::model::letter::Damaged;
use crate::model::step::OutboxChunk;

/// Of each call to Kafka; `transaction.timeout.ms` is the same, so nothing of ours stays open for longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Of a question that is asked for the connection alone: about what it saves.
const WARM_UP: Duration = Duration::from_millis(500);

/// A producer none of whose transactions gets through for so long is made anew.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Why letters and offsets are not in Kafka.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Aborted already; may be tried again.
    #[error("the transaction was aborted: {0}")]
    Abortable(String),
    /// The group has moved on; aborted.
    #[error("the group has moved on: {0}")]
    Group(String),
    /// Fatal or timed out: [`Publisher::settle`], then ask the group's offsets.
    #[error("the outcome of the transaction is unknown: {0}")]
    Unknown(String),
    /// The operator has to act.
    #[error("dead_letters: {0}")]
    Config(String),
    /// An outbox row is not what this version writes.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

impl From<Fault> for PublishError {
    fn from(fault: Fault) -> Self {
        Self::Unknown(fault.to_string())
    }
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
    /// Before a transaction.
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

/// See the module.
pub struct Publisher {
    source: config::Source,
    letters: config::DeadLetters,
    /// Unique per process start and worker: from the configuration alone, two hosts would fence each other (FACTS C8).
    transactional_id: String,
    ready: Option<Ready>,
    /// What [`Publisher::settle_ahead`] began.
    ahead: Option<Ahead>,
    /// Since when no transaction of this producer got through.
    failing: Option<Instant>,
}

type Ahead = JoinHandle<Result<Ready, PublishError>>;

/// A producer after `init_transactions`, and what the topic is like.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) producer: Arc<BaseProducer<Deliveries>>,
    pub(super) partitions: i32,
    pub(super) limit: usize,
}

impl Publisher {
    /// Connects nothing yet: [`Publisher::settle_ahead`], [`Publisher::settle`] or the first transaction does.
    pub fn new(source: &config::Source, letters: &config::DeadLetters, pipeline: &str) -> Self {
        Self::with_id(source, letters, format!("weir-{pipeline}-{}", uuid::Uuid::new_v4()))
    }

    /// The same under a transactional id that the caller answers for: a second publisher under it fences the first.
    pub fn with_id(source: &config::Source, letters: &config::DeadLetters, transactional_id: String) -> Self {
        Self {
            source: source.clone(),
            letters: letters.clone(),
            transactional_id,
            ready: None,
            ahead: None,
            failing: None,
        }
    }

    /// Begins what the first [`Publisher::settle`] waits for, and what comes of it is for that one to say. On tokio.
    pub fn settle_ahead(&mut self) {
        self.ahead.get_or_insert_with(|| begin(&self.source, &self.letters, &self.transactional_id));
    }

    /// Ends whatever a transaction of ours left undecided. Cheap when there is none.
    pub async fn settle(&mut self) -> Result<(), PublishError> {
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
        let begin = || begin(&self.source, &self.letters, &self.transactional_id);
        let ready = self.ahead.get_or_insert_with(begin).await;
        self.ahead = None;
        ready.map_err(|why| PublishError::Unknown(why.to_string()))?
    }

    /// Lets the producer go: one that nobody uses has threads and, while a broker is away, more and more to tell.
    pub async fn rest(&mut self) {
        let ahead = if self.ahead.is_some() { self.prepared().await.ok() } else { None };
        let unused = (ahead, self.ready.take());
        // Its end waits for its threads.
        let _ = tokio::task::spawn_blocking(move || drop(unused)).await;
    }

    /// One transaction: the letters of these chunks at or after `from`, then the offsets.
    pub async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        metadata: &Arc<GroupMetadata>,
    ) -> Result<(), PublishError> {
        self.settle().await?;
        let ready = self.ready.clone().expect("settle has just made one");
        let transaction = Transaction {
            ready,
            topic: self.letters.topic.clone(),
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

fn begin(source: &config::Source, letters: &config::DeadLetters, transactional_id: &str) -> Ahead {
    tokio::spawn(prepare(source.clone(), letters.clone(), transactional_id.to_owned()))
}

async fn prepare(
    source: config::Source,
    letters: config::DeadLetters,
    transactional_id: String,
) -> Result<Ready, PublishError> {
    let topic = letters.topic.clone();
    let limit = topics::limit(&source, &topic).await;
    let client = producer_config(&source, &letters, &transactional_id, limit);
    blocking(move || {
        let partitions = topics::partitions(topics::of_source(&source), "dead_letters.topic", &topic)
            .map_err(|why| PublishError::Config(why.to_string()))?;
        let producer: BaseProducer<Deliveries> = client
            .create_with_context(Deliveries::default())
            .map_err(|why| PublishError::Config(not_made(&why, source.properties.iter().chain(&letters.properties))))?;
        fault::at("letters.prepare")?;
        // `init_transactions` looks again half a second later if no broker is up, or if the coordinator is none that the
        // metadata have told of. So they come first, and then a question to one of these brokers; its answer is nothing to us.
        let found = producer.client().fetch_metadata(Some(&topic), PATIENCE);
        found.map_err(|why| PublishError::Unknown(why.to_string()))?;
        let _ = producer.client().fetch_watermarks(&topic, 0, WARM_UP);
        producer.init_transactions(PATIENCE).map_err(|why| PublishError::Unknown(why.to_string()))?;
        fault::at("letters.prepared")?;
        Ok(Ready { producer: Arc::new(producer), partitions, limit })
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    tokio::task::spawn_blocking(work).await.map_err(|why| PublishError::Unknown(why.to_string()))?
}
