//! Records flowing into the topic for as long as a scenario lasts, half of them dirty, so that every checkpoint has letters.
//! The windows of a round are its own: a difference in the end names the round that made it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use weir_testkit::broker::PARTITIONS;
use weir_testkit::oracle::FAR_AHEAD;
use weir_testkit::pipeline::TestPipeline;

const TYPES: [&str; 5] = ["PAYMENT", "CASH_OUT", "CASH_IN", "TRANSFER", "DEBIT"];
const BLOCKED: &str = "C7777";
const WINDOW_MS: i64 = 5_000;
/// At once, every [`PAUSE`].
const RECORDS: u64 = 8;
const PAUSE: Duration = Duration::from_millis(25);

pub(crate) fn is_blocked(name: &str) -> bool {
    name == BLOCKED
}

pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    /// Start of the round's window.
    window: Arc<AtomicI64>,
    thread: Option<JoinHandle<()>>,
}

impl Flow {
    pub(crate) fn start(pipeline: &TestPipeline) -> Self {
        pipeline.blocks(BLOCKED);
        let start = chrono::Utc::now().timestamp_millis() - 1_800_000;
        let window = Arc::new(AtomicI64::new(start - start.rem_euclid(WINDOW_MS)));
        let stop = Arc::new(AtomicBool::new(false));
        let mut config = pipeline.kafka();
        let producer: BaseProducer = config.set("linger.ms", "0").create().expect("a producer");
        let (topic, stopped, now) = (pipeline.topic(), stop.clone(), window.clone());
        let send = move || {
            let mut numbers = 0..;
            while !stopped.load(Ordering::Relaxed) {
                for number in numbers.by_ref().take(RECORDS as usize) {
                    let value = record(number, now.load(Ordering::Relaxed));
                    // Every kind of dirt comes to every partition.
                    let partition = (number + number / 16) % PARTITIONS as u64;
                    let record = BaseRecord::to(&topic).partition(partition as i32).key("key").payload(&value);
                    producer.send(record).expect("the queue has room");
                }
                producer.poll(PAUSE);
                std::thread::sleep(PAUSE);
            }
            producer.flush(Duration::from_secs(60)).expect("the broker takes what is left");
        };
        Self { stop, window, thread: Some(std::thread::spawn(send)) }
    }

    /// From now on the records are those of the next window, whose start it returns.
    pub(crate) fn next_round(&self) -> i64 {
        self.window.fetch_add(WINDOW_MS, Ordering::Relaxed) + WINDOW_MS
    }

    /// Until all is in the topic.
    pub(crate) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the producer does not panic");
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn record(number: u64, window: i64) -> String {
    let (whole, old) = (100 + number % 5_000, 10_000);
    let mut time = window + (number % WINDOW_MS as u64) as i64;
    let mut kind = format!(r#","type":"{}""#, TYPES[(number % 5) as usize]);
    let (mut amount, mut orig, mut dest) = (format!("{whole}.37"), format!("C{number}"), "M1".to_owned());
    match number % 16 {
        1 => amount = format!("-{amount}"),
        2 => amount = "250000.37".to_owned(),
        3 => kind.clear(),
        4 => dest.clone_from(&orig),
        5 => amount = r#""twelve""#.to_owned(),
        7 => amount += "5",
        9 => time = FAR_AHEAD,
        11 => return format!(r#"{{"tx_id":{number},"event_time":{time},"amount":"#),
        13 => BLOCKED.clone_into(&mut orig),
        _ => {}
    }
    let new = old - whole - 1;
    format!(
        r#"{{"tx_id":{number},"event_time":{time}{kind},"amount":{amount},"name_orig":"{orig}","name_dest":"{dest}","old_balance_org":{old},"new_balance_orig":{new}.63}}"#
    )
}
