//! Payments on their way into a test's topic, and what should come of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use weir_testkit::broker::{PARTITIONS, Place};
use weir_testkit::oracle::windows::Windows;
use weir_testkit::pipeline::TestPipeline;

const WINDOW_MS: i64 = 5_000;
/// Long ago, so that the clock has no say.
const LONG_AGO: i64 = 1_700_000_000_000;

pub(crate) struct Payments {
    producer: BaseProducer,
    topic: String,
    sent: i64,
    /// Event times repeat within the minute after this one, so that later payments fall into windows that are there.
    pub(crate) from: i64,
    pub(crate) windows: Windows,
    /// Where those are whose amount is no number.
    pub(crate) dirty: BTreeSet<Place>,
}

impl Payments {
    pub(crate) fn new(pipeline: &TestPipeline) -> Self {
        // Idempotent: else a retry would move the offsets that are counted here.
        let producer = pipeline.kafka().set("enable.idempotence", "true").create().expect("a producer");
        let (windows, dirty) = (Windows::new(), BTreeSet::new());
        Self { producer, topic: pipeline.topic(), sent: 0, from: LONG_AGO, windows, dirty }
    }

    /// So many more, one in eleven of them dirty, in turn to each partition.
    pub(crate) fn send(&mut self, count: i64) {
        for n in self.sent..self.sent + count {
            let place = ((n % i64::from(PARTITIONS)) as i32, n / i64::from(PARTITIONS));
            let (time, kind) = (self.from + n % 60 * 1_000, ["PAYMENT", "TRANSFER", "DEBIT"][(n % 3) as usize]);
            let cents = n * 7_919 % 100_000 - 20_000;
            let amount = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let is_dirty = n % 11 == 10;
            let amount = if is_dirty { "\"none\"".to_owned() } else { amount };
            self.put(place.0, &format!(r#"{{"event_time":{time},"type":"{kind}","amount":{amount}}}"#));
            if is_dirty {
                self.dirty.insert(place);
            } else {
                let window = self.windows.entry((time - time.rem_euclid(WINDOW_MS), kind.to_owned())).or_default();
                window.add(cents.into(), false);
            }
        }
        self.sent += count;
        self.flush();
    }

    pub(crate) fn put(&self, partition: i32, value: &str) {
        let mut record: BaseRecord<'_, (), str> = BaseRecord::to(&self.topic).partition(partition).payload(value);
        while let Err((why, returned)) = self.producer.send(record) {
            assert!(matches!(why, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{why}");
            self.producer.poll(Duration::from_millis(20));
            record = returned;
        }
        self.producer.poll(Duration::ZERO);
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(Duration::from_secs(60)).expect("the broker takes them");
    }

    /// The next offset of each partition.
    pub(crate) fn ends(&self) -> BTreeMap<i32, i64> {
        let count = |partition| (self.sent + i64::from(PARTITIONS) - 1 - i64::from(partition)) / i64::from(PARTITIONS);
        (0..PARTITIONS).map(|partition| (partition, count(partition))).collect()
    }

    /// Each dirty payment so many times.
    pub(crate) fn letters(&self, times: impl Fn(Place) -> u32) -> BTreeMap<Place, u32> {
        self.dirty.iter().map(|place| (*place, times(*place))).filter(|(_, times)| *times > 0).collect()
    }
}
