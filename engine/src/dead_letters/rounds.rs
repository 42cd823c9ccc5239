//! Letters on their way into a producer, a request of each partition at a time. An idempotent producer has one request of a
//! partition under way, however many it may have, and while another one is ready its thread asks for the answer without a
//! pause: with thousands of letters in its queue that was a third of the CPU of a topic of letters. So what is queued is less than a
//! request, and is let go when the one before it has arrived; what a broker needs longer for than `linger.ms` goes the old way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::flush::flush;
use super::publisher::{Deliveries, PATIENCE};

/// Of a flush that lets go what is queued: until the thread that sends has made requests of it.
const LET_GO: Duration = Duration::from_millis(1);
/// Between two looks at what librdkafka has to tell: only what was not delivered.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks while something is waited for.
const SLICE: Duration = Duration::from_millis(1);

pub(super) struct Rounds<'p> {
    producer: &'p BaseProducer<Deliveries>,
    /// Bytes of a request of one partition.
    request: usize,
    /// What is queued and was not let go: bytes by partition, and how many letters.
    queued: HashMap<i32, usize>,
    letters: i32,
}

type Record<'r> = BaseRecord<'r, [u8], [u8]>;

impl<'p> Rounds<'p> {
    pub(super) fn new(producer: &'p BaseProducer<Deliveries>, request: usize) -> Self {
        Self { producer, request, queued: HashMap::new(), letters: 0 }
    }

    /// Queues a message of `size` bytes, its headers included.
    pub(super) fn send(&mut self, partition: i32, size: usize, record: Record<'_>) -> Result<(), KafkaError> {
        let queued = self.queued.get(&partition).copied().unwrap_or(0);
        if queued > 0 && queued + size > self.request {
            self.next()?;
        }
        self.enqueue(record)?;
        *self.queued.entry(partition).or_default() += size;
        self.letters += 1;
        Ok(())
    }

    /// Lets what is queued go once all before it has arrived.
    pub(super) fn next(&mut self) -> Result<(), KafkaError> {
        if self.letters == 0 {
            return Ok(());
        }
        let until = Instant::now() + PATIENCE;
        while self.producer.in_flight_count() > self.letters {
            self.wait(until)?;
        }
        flush(self.producer, LET_GO);
        self.producer.poll(Duration::ZERO);
        self.queued.clear();
        self.letters = 0;
        Ok(())
    }

    /// Waits until all have arrived, or were given up: with such a one `commit_transaction` refuses to commit.
    pub(super) fn arrived(&self) -> Result<(), KafkaError> {
        let until = Instant::now() + PATIENCE;
        while !flush(self.producer, LOOK) {
            self.producer.poll(Duration::ZERO);
            in_time(until)?;
        }
        Ok(())
    }

    fn enqueue(&self, mut record: Record<'_>) -> Result<(), KafkaError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    record = returned;
                    self.wait(until)?;
                }
                Err((why, _)) => return Err(why),
            }
        }
    }

    fn wait(&self, until: Instant) -> Result<(), KafkaError> {
        std::thread::sleep(SLICE);
        self.producer.poll(Duration::ZERO);
        in_time(until)
    }
}

fn in_time(until: Instant) -> Result<(), KafkaError> {
    match Instant::now() < until {
        true => Ok(()),
        false => Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)),
    }
}
