//! The newest alerts in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::message::{BorrowedMessage, Message};

use super::live::Keep;
use super::newest::{Age, age};
use super::seen::says;
use crate::clock::now_ms;
use crate::model::seen_alert::{Says, SeenAlert};

/// Alerts that are kept, of all partitions.
const ALERTS: usize = 1_000;
/// Bytes of their texts together.
const BYTES: usize = 4 << 20;
/// Bytes of a key that are kept.
const KEY: usize = 1_024;
/// What an alert takes beside its texts, about.
const ALERT: usize = 300;

/// See the module.
pub struct HeldAlerts {
    /// When it was made, in epoch milliseconds.
    began: i64,
    kept: BTreeMap<Age, (Arc<SeenAlert>, usize)>,
    bytes: usize,
    read: u64,
}

impl Default for HeldAlerts {
    fn default() -> Self {
        Self { began: now_ms(), kept: BTreeMap::new(), bytes: 0, read: 0 }
    }
}

impl Keep for HeldAlerts {
    fn keep(&mut self, message: &BorrowedMessage<'_>) {
        let alert = SeenAlert {
            number: self.read + 1,
            partition: message.partition(),
            offset: message.offset(),
            written: age(message).0,
            key: message.key().map(|key| String::from_utf8_lossy(&key[..key.len().min(KEY)]).into_owned()),
            says: says(message.payload()),
        };
        self.add(age(message), alert);
    }
}

impl HeldAlerts {
    /// The alerts that are kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<SeenAlert>> {
        self.kept.values().rev().map(|(alert, _)| alert)
    }

    /// Names this count of messages: it begins anew with each reading of the topic, as after a while in which nobody looked.
    pub fn run(&self) -> i64 {
        self.began
    }

    /// Messages that were read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// What there is no room for goes, the oldest first.
    fn add(&mut self, age: Age, alert: SeenAlert) {
        self.read += 1;
        let bytes = bytes(&alert);
        self.bytes += bytes;
        self.kept.insert(age, (Arc::new(alert), bytes));
        while self.kept.len() > ALERTS || self.bytes > BYTES {
            let Some((_, (_, gone))) = self.kept.pop_first() else { break };
            self.bytes -= gone;
        }
    }
}

fn bytes(alert: &SeenAlert) -> usize {
    let texts = match &alert.says {
        Says::Flagged(flagged) => {
            let hits = flagged.hits.iter();
            let hits = hits.map(|hit| 200 + hit.rule.len() + hit.version.len() + hit.code.len() + hit.detail.len());
            let fields =
                flagged.fields.iter().map(|(name, text)| 50 + name.len() + text.as_ref().map_or(0, String::len));
            hits.chain(fields).sum::<usize>() + flagged.value.as_ref().map_or(0, String::len)
        }
        Says::NotSent(not_sent) => not_sent.codes.iter().map(|(code, _)| 50 + code.len()).sum(),
        Says::Other(_) => 0,
    };
    ALERT + texts + alert.key.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(number: u64, key: &str) -> SeenAlert {
        SeenAlert { number, partition: 0, offset: 0, written: 0, key: Some(key.to_owned()), says: Says::Other(0) }
    }

    #[test]
    fn the_newest_are_kept_by_when_they_were_written_and_all_are_counted() {
        let mut held = HeldAlerts::default();
        // Two partitions, one read behind the other.
        for (number, written) in (1..).zip((0..700).chain(0..700)) {
            held.add((written, i32::from(number > 700), written), alert(number, "k"));
        }
        let kept: Vec<_> = held.newest().map(|alert| alert.number).collect();
        assert_eq!((kept.len(), held.read()), (ALERTS, 1_400));
        assert_eq!(kept[..4], [1_400, 700, 1_399, 699]);
    }

    #[test]
    fn large_ones_take_the_place_of_many() {
        let mut held = HeldAlerts::default();
        let long = "k".repeat(100_000);
        (0..100).for_each(|at| held.add((at, 0, at), alert(1, &long)));
        assert!(held.bytes <= BYTES && held.newest().count() == 41, "{}", held.newest().count());
    }
}
