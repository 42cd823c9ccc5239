//! Payments that a test numbers and writes itself, and what must come of them.

use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use weir_testkit::broker::{Place, Record};
use weir_testkit::oracle::history::History;
use weir_testkit::oracle::reference_model;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, TestPipeline, shared};

/// For whatever has to happen: generous, the machine is shared.
pub(crate) const SOON: Duration = weir_testkit::wait::STILL;
/// 2026-01-01
const START: i64 = 1_767_225_600_000;

/// A pipeline and what these tests do to its topic.
pub(crate) struct Fixture(pub(crate) TestPipeline);

impl Deref for Fixture {
    type Target = TestPipeline;

    fn deref(&self) -> &TestPipeline {
        &self.0
    }
}

/// A pipeline on the shared stack with one rule, which rejects negative amounts.
pub(crate) fn pipeline(name: &str) -> Fixture {
    Fixture(TestPipeline::on(shared(), name, PAYSIM, &["negative_amount"]))
        .with(r#"interval = "1s""#, r#"interval = "200ms""#)
        .with("properties = {}", r#"properties = { "topic.metadata.refresh.interval.ms" = "1000" }"#)
        .with_workers(2)
}

/// The value of a payment; every tenth is negative. Their times lie so close that none is late.
pub(crate) fn payment(number: i64) -> Vec<u8> {
    let (time, amount) = (START + number % 100_000 * 10, if is_negative(number) { -1 } else { number % 1_000 });
    let balances = r#""old_balance_org":0,"new_balance_orig":0"#;
    format!(r#"{{"event_time":{time},"type":"DEBIT","amount":{amount}.25,"name_orig":"C{number}","name_dest":"M1",{balances}}}"#)
        .into_bytes()
}

fn is_negative(number: i64) -> bool {
    number % 10 == 3
}

/// How many of them are.
pub(crate) fn negative(numbers: Range<i64>) -> i64 {
    numbers.filter(|number| is_negative(*number)).count() as i64
}

impl Fixture {
    /// With so many workers.
    pub(crate) fn with_workers(self, workers: usize) -> Self {
        Self(self.0.with_workers(workers))
    }

    /// Changes the test's copy of the configuration.
    pub(crate) fn with(self, from: &str, to: &str) -> Self {
        Self(self.0.with(from, to))
    }

    pub(crate) fn producer(&self) -> BaseProducer {
        self.kafka().set("linger.ms", "5").create().unwrap()
    }

    /// Writes these payments into the partition.
    pub(crate) fn fill(&self, partition: i32, numbers: Range<i64>) {
        let producer = self.producer();
        self.queue_up(&producer, partition, numbers);
        producer.flush(SOON).unwrap();
    }

    /// Hands them to a producer of the test's own.
    pub(crate) fn queue_up(&self, producer: &BaseProducer, partition: i32, numbers: Range<i64>) {
        let topic = self.topic();
        for number in numbers {
            let (key, value) = (format!("C{number}"), payment(number));
            producer
                .send(BaseRecord::to(&topic).partition(partition).key(&key).payload(&value))
                .map_err(|e| e.0)
                .unwrap();
            producer.poll(Duration::ZERO);
        }
    }

    /// Every record of `source` is summed or rejected, once.
    pub(crate) fn is_exact(&self, source: &BTreeMap<Place, Record>) {
        let code = |record: &Record| {
            let text = String::from_utf8_lossy(record.value.as_deref()?).into_owned();
            text.contains(r#""amount":-"#).then(|| "AMOUNT_NEGATIVE".to_owned())
        };
        let want = source.iter().filter_map(|(place, record)| Some((*place, code(record)?))).collect();
        self.letters_are(source, &want);
        self.windows_are("type", &reference_model::windows(source, &want, &History::of(self)));
    }

    /// How many records `risk_stats` counts.
    pub(crate) fn counted(&self) -> i64 {
        self.sql("SELECT COALESCE(SUM(records), 0) FROM risk_stats")[0][0].parse().unwrap()
    }

    /// N by partition.
    pub(crate) fn positions(&self) -> Vec<i64> {
        let rows = self.sql("SELECT next_offset FROM weir_partition ORDER BY `partition`");
        rows.iter().map(|row| row[0].parse().unwrap()).collect()
    }

    /// What `GET /pipeline` says of each partition.
    pub(crate) fn partitions_shown(&self) -> Vec<Value> {
        self.get("/pipeline")["partitions"].as_array().expect("a list").clone()
    }

    /// Waits until each of the two workers has its share, so that no rebalance is to come.
    pub(crate) fn until_shared(&self, engine: &mut Engine) {
        let has = |worker: u64| self.partitions_shown().iter().any(|shown| shown["worker"] == worker);
        engine.until("both workers have partitions", SOON, || self.is_ready() && has(0) && has(1));
    }

    /// Why the partition is stopped; None: it is not, or is nobody's yet.
    pub(crate) fn error(&self, partition: i32) -> Option<String> {
        let shown = self.partitions_shown().into_iter().find(|shown| shown["partition"] == partition)?;
        assert_eq!(shown["state"] == "stopped", shown["error"].is_string(), "{shown}");
        shown["error"].as_str().map(str::to_owned)
    }

    /// Waits until the engine has stopped these partitions, and says why it did.
    pub(crate) fn until_stopped(&self, engine: &mut Engine, partitions: &[i32]) -> Vec<String> {
        let mut why = Vec::new();
        engine.until("the partitions are stopped", SOON, || {
            why = match self.is_up() {
                true => partitions.iter().filter_map(|partition| self.error(*partition)).collect(),
                false => Vec::new(),
            };
            why.len() == partitions.len()
        });
        why
    }

    /// Whether the API answers.
    pub(crate) fn is_up(&self) -> bool {
        weir_testkit::pipeline::api::ask(self.admin, "GET", "/pipeline", "application/json", b"").is_some()
    }
}
