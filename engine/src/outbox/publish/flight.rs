//! Letters under way to Kafka, a round at a time. librdkafka's idempotent producer has one request of a partition under way
//! as soon as that holds more than a few messages, and its thread asks for the answer without a pause while a further batch
//! of the partition is ready: a core of it for as long as the broker needs. So while letters are under way, none waits
//! in librdkafka: the next ones are queued when all before them have arrived, and `linger.ms` is longer than that takes.
//! What lets them go is a flush, which lasts until they have arrived: a partition that is new in its transaction has to be
//! registered first, and a flush that ended before would let nothing go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord};

use super::producer::{CALL_TIMEOUT, Deliveries};
use super::request_pacing::Outbound;
use crate::kafka::flush;

/// How long one look at what librdkafka has to tell lasts: only what was not delivered. That all have arrived ends a look at once.
const LOOK: Duration = Duration::from_millis(20);

type Record<'r> = BaseRecord<'r, [u8], [u8]>;

/// Queues a letter, which stays until [`land`] lets it go.
pub(super) fn queue(producer: &BaseProducer<Deliveries>, letter: Outbound<'_>) -> Result<(), KafkaError> {
    let value = letter.value;
    let mut record: Record<'_> = BaseRecord::to(letter.topic).partition(letter.to).headers(letter.headers);
    (record.key, record.payload) = (letter.key, value.as_deref());
    match producer.send(record) {
        // Defense: a round is smaller than the queue.
        Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
            land(producer)?;
            producer.send(record).map_err(|(why, _)| why)
        }
        sent => sent.map_err(|(why, _)| why),
    }
}

/// Lets go what is queued and waits until all has arrived, or was given up: with such a one `commit_transaction` refuses to
/// commit.
pub(super) fn land(producer: &BaseProducer<Deliveries>) -> Result<(), KafkaError> {
    landed(producer, &AtomicBool::new(false))
}

/// The same, and does something else meanwhile. If that fails, the letters are not waited for.
pub(super) fn land_beside<T, E: From<KafkaError>>(
    producer: &BaseProducer<Deliveries>,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A host that has no thread to give: one after the other.
        let flight = Builder::new().name("weir-letters".into()).spawn_scoped(scope, || landed(producer, &over));
        let done = work();
        over.store(done.is_err(), Ordering::Release);
        let done = done?;
        match flight.map(|flight| flight.join()) {
            Ok(Ok(flown)) => flown?,
            _ => land(producer)?,
        }
        Ok(done)
    })
}

fn landed(producer: &BaseProducer<Deliveries>, over: &AtomicBool) -> Result<(), KafkaError> {
    let until = Instant::now() + CALL_TIMEOUT;
    while !flush(producer, LOOK) {
        producer.poll(Duration::ZERO);
        if over.load(Ordering::Acquire) {
            break;
        }
        if Instant::now() >= until {
            return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
        }
    }
    Ok(())
}
