//! What `weir demo --live` goes on with: records of this very moment, at a pace that a person can follow in the console, with planted
//! dirt and fraud. Nothing is compared with a truth any more.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext};

use super::TOPIC;
use crate::cli::generate::{self, Parameters};
use crate::cli::out;
use crate::cli::produce::{Mapping, records};
use crate::clock::now_ms;
use crate::config::Properties;
use crate::kafka::{ClientSettings, Cluster};

/// Records a second that the generator makes, about sixteen of a thousand of them flagged.
const RATE: u32 = 200;
/// Seconds for which one account stays at it.
const ACCOUNT: u64 = 30;
/// Seconds between two records that are late, and how late they are: beyond the out-of-orderness, within the lateness that is allowed.
const LATE: u64 = 7;
const LATE_MS: i64 = 8_000;

/// Sends until it is stopped.
pub(super) struct Live {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Live {
    /// Begins to send.
    ///
    /// # Errors
    /// If there is no client or no thread.
    pub(super) fn begin(brokers: &str) -> anyhow::Result<Self> {
        let cluster =
            Cluster { brokers, properties: &Properties::default(), keys: ("the demo's cluster", "its properties") };
        let producer = ClientSettings::new(cluster, &[("linger.ms", "5")]).create(DefaultProducerContext)?;
        let mapping = Mapping::parse(include_str!("../../../../mappings/paysim.toml"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let send = move || {
            if let Err(why) = send_until(&stopped, &producer, &mapping) {
                out::note(format_args!("no more records are sent: {why:#}"));
            }
        };
        Ok(Self { stop, thread: std::thread::Builder::new().name("demo-live".to_owned()).spawn(send)? })
    }

    /// Sends no more.
    pub(super) fn end(self) {
        self.stop.store(true, Ordering::Release);
        // It told what was wrong.
        let _ = self.thread.join();
    }
}

/// A second's records at once, then each when it is due.
fn send_until(
    stop: &AtomicBool,
    producer: &BaseProducer<DefaultProducerContext>,
    mapping: &Mapping,
) -> anyhow::Result<()> {
    for second in 0_u64.. {
        let (began, now) = (Instant::now(), now_ms());
        let parameters =
            Parameters { records: RATE.into(), seed: second, start: now, rate_ms: 1_000 / RATE, clean: false };
        let mut csv = Vec::new();
        generate::write(&parameters, &mut csv)?;
        for (number, record) in (0_u32..).zip(records(Cursor::new(csv), mapping.clone())) {
            let record = record.map_err(|why| anyhow!("the generator's line {}: {}", why.line, why.message))?;
            let due = Duration::from_secs(1) * number / RATE;
            while began.elapsed() < due {
                producer.poll(Duration::from_millis(1));
            }
            send(producer, &record.key, &record.value)?;
        }
        let (account, payment) = fraud(second, now);
        send(producer, &account, payment.as_bytes())?;
        while began.elapsed() < Duration::from_secs(1) {
            if stop.load(Ordering::Acquire) {
                return Ok(());
            }
            producer.poll(Duration::from_millis(10));
        }
    }
    Ok(())
}

/// Account and payment: for half a minute one account pays itself more than any limit, then another one begins.
fn fraud(second: u64, now: i64) -> (String, String) {
    let account = format!("C_FRAUD_{:03}", second / ACCOUNT % 1_000);
    let event_time = if second.is_multiple_of(LATE) { now - LATE_MS } else { now };
    let (whole, cents) = (250_000 + second % ACCOUNT * 1_111, second % 100);
    let payment = serde_json::json!({
        "event_time": event_time,
        "type": "TRANSFER",
        "amount": format!("{whole}.{cents:02}"),
        "name_orig": account,
        "name_dest": account,
        "old_balance_org": "1000000.00",
        "new_balance_orig": format!("{}.{:02}", 1_000_000 - whole - u64::from(cents > 0), (100 - cents) % 100),
    });
    (account, payment.to_string())
}

fn send(producer: &BaseProducer<DefaultProducerContext>, key: &str, value: &[u8]) -> anyhow::Result<()> {
    // 200 records a second fill no queue: what is refused is refused for good.
    producer.send(BaseRecord::to(TOPIC).key(key).payload(value)).map_err(|(why, _)| why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_fraud_is_above_the_limit_moves_the_balance_by_the_amount_and_is_late_now_and_then() {
        let cents = |text: &str| text.replace('.', "").parse::<i64>().expect("digits");
        for second in 0..200 {
            let (account, payment) = fraud(second, 1_000_000);
            let payment: serde_json::Value = serde_json::from_str(&payment).expect("JSON");
            let of = |name: &str| payment[name].as_str().expect("a text");
            assert_eq!((of("name_orig"), of("name_dest")), (account.as_str(), account.as_str()));
            assert!(cents(of("amount")) > 20_000_000, "{payment}");
            assert_eq!(cents(of("old_balance_org")) - cents(of("amount")), cents(of("new_balance_orig")), "{payment}");
            let late = 1_000_000 - payment["event_time"].as_i64().expect("a number");
            assert_eq!(late, if second % 7 == 0 { LATE_MS } else { 0 });
        }
        assert_eq!((fraud(29, 0).0, fraud(30, 0).0), ("C_FRAUD_000".into(), "C_FRAUD_001".into()));
    }
}
