//! Records flowing into the topic, so many a second, some of them dirty; and which code each dirty one must get.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use weir_testkit::oracle::FAR_AHEAD;
use weir_testkit::pipeline::TestPipeline;

const TYPES: [&str; 5] = ["PAYMENT", "CASH_OUT", "CASH_IN", "TRANSFER", "DEBIT"];
/// One in so many customers is blocked.
const BLOCKED: u32 = 500;
const CUSTOMERS: u32 = 20_000;

pub(crate) fn is_blocked(name: &str) -> bool {
    name.strip_prefix('C').and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number % BLOCKED == 0)
}

pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    partitions: Arc<AtomicI32>,
    thread: Option<JoinHandle<()>>,
}

impl Flow {
    /// Begins, with the blocked customers in Redis.
    pub(crate) fn start(pipeline: &TestPipeline, seed: u64, rate: u64) -> Self {
        for number in (0..CUSTOMERS).step_by(BLOCKED as usize) {
            pipeline.blocks(&format!("C{number}"));
        }
        let topic = pipeline.topic();
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let partitions = Arc::new(AtomicI32::new(pipeline.partitions(&topic)));
        // What it sends twice is in the topic twice, and is to be judged twice.
        let mut config = pipeline.kafka();
        config.set("message.timeout.ms", "600000").set("linger.ms", "5").set("queue.buffering.max.messages", "2000000");
        // Until it knows of a partition that was added it sends nothing there.
        config.set("topic.metadata.refresh.interval.ms", "1000");
        let producer: BaseProducer = config.create().expect("a producer");
        let (stopped, counter, width) = (stop.clone(), sent.clone(), partitions.clone());
        let send = move || {
            let (began, mut rng) = (Instant::now(), ChaCha8Rng::seed_from_u64(seed));
            while !stopped.load(Ordering::Relaxed) {
                let due = began.elapsed().as_millis() as u64 * rate / 1_000;
                for number in counter.load(Ordering::Relaxed)..due {
                    let (customer, value) = record(&mut rng, number);
                    let key = format!("C{customer}");
                    let partition = customer as i32 % width.load(Ordering::Relaxed);
                    let record = BaseRecord::to(&topic).partition(partition).key(&key).payload(&value);
                    if producer.send(record).is_err() {
                        break;
                    }
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                producer.poll(Duration::from_millis(5));
            }
            producer.flush(Duration::from_secs(600)).expect("the broker takes what is left");
        };
        Self { stop, sent, partitions, thread: Some(std::thread::spawn(send)) }
    }

    pub(crate) fn widen(&self, partitions: i32) {
        self.partitions.store(partitions, Ordering::Relaxed);
    }

    /// Until all is in the topic; how many records were sent.
    pub(crate) fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it is stopped once").join().expect("the producer does not panic");
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Customer and value. Amounts end in 37 cents, by which a rule that traps knows them and no probe of a publish does.
fn record(rng: &mut impl Rng, number: u64) -> (u32, String) {
    let customer = rng.random_range(0..CUSTOMERS);
    let draw = rng.random_range(0..1_000);
    let whole = if draw < 10 { rng.random_range(200_000..300_000) } else { rng.random_range(1..9_000) };
    let kind = TYPES[rng.random_range(0..TYPES.len())];
    let old = rng.random_range(0..400_000);
    let new = match kind {
        "CASH_IN" => format!("{}.37", old + whole),
        _ if old > whole => format!("{}.63", old - whole - 1),
        _ => "0".to_owned(),
    };
    let dest = if (10..20).contains(&draw) { format!("C{customer}") } else { format!("M{}", customer / 7) };
    // Over ten minutes: some hundred windows, all of them written again and again.
    let mut time = chrono::Utc::now().timestamp_millis() - rng.random_range(0..600_000);
    let mut amount = format!("{whole}.37");
    let mut kind = format!(r#","type":"{kind}""#);
    match draw {
        20..25 => amount = format!("-{whole}.37"),
        25..28 => kind.clear(),
        28..31 => amount = r#""twelve""#.to_owned(),
        31..34 => amount += "5",
        34..37 => time = FAR_AHEAD,
        37..40 => return (customer, format!(r#"{{"tx_id":{number},"event_time":{time},"amount":"#)),
        _ => {}
    }
    let value = format!(
        r#"{{"tx_id":{number},"event_time":{time}{kind},"amount":{amount},"name_orig":"C{customer}","name_dest":"{dest}","old_balance_org":{old},"new_balance_orig":{new}}}"#
    );
    (customer, value)
}
