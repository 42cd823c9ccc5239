//! The alerts of the checkpoint that is being built. Of each partition the first ones by offset are sent, as many as
//! `alerts.budget` says; the others are counted in one summary behind them, in the same transaction. So what is sent and what is
//! counted are all, whatever becomes of the checkpoint: both are in the outbox with the position, or neither is.

use std::collections::BTreeMap;

use super::CHUNK;
use crate::model::alert::{Alert, NotSent};
use crate::model::ids::{Offset, Partition};
use crate::outbox::format::Alerts;

/// Where alerts go, and how many of them a checkpoint sends of each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertBudget<'a> {
    /// `alerts.topic`.
    pub topic: &'a str,
    /// `alerts.budget`, 1 or more.
    pub most: u32,
}

/// Alerts since the last checkpoint, by partition.
#[derive(Debug, Default)]
pub(super) struct PendingAlerts(BTreeMap<Partition, OfPartition>);

#[derive(Debug, Default)]
struct OfPartition {
    chunks: Vec<Alerts>,
    sent: u32,
    /// Those beyond the budget.
    not_sent: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    from: Offset,
    to: Offset,
    records: u64,
    codes: BTreeMap<String, u64>,
}

impl PendingAlerts {
    /// How many more of this partition are sent.
    pub(super) fn room(&self, partition: Partition, most: u32) -> u32 {
        most.saturating_sub(self.0.get(&partition).map_or(0, |of| of.sent))
    }

    /// Adds an alert that has room, in order of offset, and returns how many bytes it takes.
    pub(super) fn send(&mut self, partition: Partition, topic: &str, alert: &Alert<'_>) -> usize {
        let of = self.0.entry(partition).or_default();
        of.sent += 1;
        let chunk = of.chunk(topic);
        let (before, is_first) = (chunk.len(), chunk.is_empty());
        chunk.push(alert);
        let bytes = chunk.len() - before;
        if !is_first && chunk.len() > CHUNK {
            let moved = chunk.split(before, alert.offset);
            of.chunks.push(moved);
        }
        bytes
    }

    /// Counts one that has none, behind all before it. `codes`: those of `alerts.codes` that hit the record.
    pub(super) fn count<'c>(&mut self, partition: Partition, offset: Offset, codes: impl Iterator<Item = &'c str>) {
        let of = self.0.entry(partition).or_default();
        let new = || Counted { from: offset, to: offset, records: 0, codes: BTreeMap::new() };
        let counted = of.not_sent.get_or_insert_with(new);
        counted.to = offset;
        counted.records += 1;
        for code in codes {
            match counted.codes.get_mut(code) {
                Some(records) => *records += 1,
                None => {
                    counted.codes.insert(code.to_owned(), 1);
                }
            }
        }
    }

    /// All of them as chunks, in order of offset. A summary stands behind the alerts of its partition.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Partition, Vec<Alerts>)> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(partition, of)| (partition, of.into_chunks()))
    }
}

impl OfPartition {
    /// The one that is written.
    fn chunk(&mut self, topic: &str) -> &mut Alerts {
        if self.chunks.is_empty() {
            self.chunks.push(Alerts::to(topic));
        }
        self.chunks.last_mut().expect("one was just pushed if there was none")
    }

    fn into_chunks(mut self) -> Vec<Alerts> {
        if let Some(Counted { from, to, records, codes }) = &self.not_sent {
            let codes = codes.iter().map(|(code, records)| (code.as_str(), *records)).collect();
            let last = self.chunks.last_mut().expect("a budget is 1 or more, so something was sent before");
            last.push_not_sent(&NotSent { from: *from, to: *to, records: *records, codes });
        }
        self.chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::AlertMessage;
    use crate::model::ids::Revision;
    use crate::model::letter::Cut;
    use crate::outbox::format::{Stored, read_any};

    const P: Partition = Partition(3);

    fn alert(offset: i64, value: &[u8]) -> Alert<'_> {
        Alert {
            offset: Offset(offset),
            timestamp: -1,
            key: None,
            value: Some(value),
            cut: Cut::default(),
            revision: Revision(1),
            hits: Vec::new(),
            more: 0,
            fields: Vec::new(),
        }
    }

    /// The offsets that each chunk sends, and what its summary says: from, to, records, codes.
    fn told(pending: &mut PendingAlerts) -> Vec<(Vec<i64>, Option<String>)> {
        let chunks: Vec<_> = pending.take().flat_map(|(_, chunks)| chunks).map(Alerts::into_bytes).collect();
        let chunk = |bytes: &Vec<u8>| {
            let Ok(Stored::Alerts(messages)) = read_any(bytes) else { panic!("alerts") };
            let (mut sent, mut summary) = (Vec::new(), None);
            for message in messages {
                match message.expect("as it was written") {
                    AlertMessage::Alert(alert) => sent.push(alert.offset.0),
                    AlertMessage::NotSent(n) => {
                        summary = Some(format!("{} {} {} {:?}", n.from, n.to, n.records, n.codes));
                    }
                }
            }
            (sent, summary)
        };
        chunks.iter().map(chunk).collect()
    }

    #[test]
    fn the_first_are_sent_the_others_counted_by_code_and_the_next_checkpoint_begins_anew() {
        let mut pending = PendingAlerts::default();
        for (offset, codes) in [(5, vec!["A"]), (7, vec!["A", "B"]), (8, vec!["B"]), (11, vec!["A", "B"])] {
            match pending.room(P, 2) {
                0 => pending.count(P, Offset(offset), codes.into_iter()),
                _ => assert!(pending.send(P, "alerts", &alert(offset, b"")) > 0),
            }
        }
        assert_eq!((pending.room(P, 2), pending.room(Partition(4), 2)), (0, 2), "each partition has its own");
        let summary = r#"8 11 2 [("A", 1), ("B", 2)]"#.to_owned();
        assert_eq!(told(&mut pending), [(vec![5, 7], Some(summary))]);
        assert_eq!(pending.room(P, 2), 2);
        assert_eq!(told(&mut pending), []);
    }

    #[test]
    fn a_chunk_closes_before_it_is_too_long_and_no_alert_is_missing() {
        let (mut pending, value) = (PendingAlerts::default(), vec![b'v'; CHUNK / 2]);
        let bytes: usize = (0..4).map(|offset| pending.send(P, "alerts", &alert(offset, &value))).sum();
        assert!(bytes > 2 * CHUNK);
        pending.count(P, Offset(4), ["A"].into_iter());
        let summary = r#"4 4 1 [("A", 1)]"#.to_owned();
        assert_eq!(told(&mut pending), [(vec![0], None), (vec![1], None), (vec![2], None), (vec![3], Some(summary))]);
    }
}
