//! What goes to Kafka in one round: of each partition of each topic at most one request, in the order of the outbox. A round
//! is made in memory, while the one before it is under way ([`flight`](super::flight)).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::vec::IntoIter;

use rdkafka::message::OwnedHeaders;

use super::error::Unsendable;
use super::producer::{ReadyTopic, ReadyTopics};
use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};
use crate::outbox::format::{Damaged, Reading, ReadingAlerts, Stored, read_any};
use crate::outbox::outgoing::{Origin, Outgoing};
use crate::outbox::{alert, dead_letter};

/// Bytes of a round, whatever the number of partitions: below what the producer's queue holds ([`producer`](super::producer)).
const MOST_BYTES: usize = 16 << 20;
/// Letters of a round, likewise.
const MOST_LETTERS: usize = 16_000;

/// A message on its way; a letter is in the outbox but for its headers, an alert but for its value.
pub(super) struct Outbound<'l> {
    pub(super) topic: &'l str,
    /// Partition of that topic.
    pub(super) to: i32,
    pub(super) key: Option<&'l [u8]>,
    pub(super) value: Option<Cow<'l, [u8]>>,
    pub(super) headers: OwnedHeaders,
}

/// The letters of an outbox, a round at a time.
pub(super) struct Rounds<'l> {
    lanes: Vec<Lane<'l>>,
    from: &'l BTreeMap<Partition, Offset>,
    origin: &'l Origin,
}

/// All that goes to one partition of one topic.
struct Lane<'l> {
    topic: &'l ReadyTopic,
    to: i32,
    chunks: IntoIter<(Partition, Stored<'l>)>,
    open: Option<Chunk<'l>>,
    /// The first letter that had no room in the round before.
    held: Option<(usize, Outbound<'l>)>,
}

/// The chunk that is being read.
struct Chunk<'l> {
    messages: Messages<'l>,
    /// Messages before it are in Kafka already.
    from: Option<Offset>,
}

/// What is read, and who makes messages of it.
enum Messages<'l> {
    /// To any destination but that of the alerts.
    Letters(Reading<'l>, dead_letter::Writer<'l>),
    Alerts(ReadingAlerts<'l>, alert::Writer<'l>),
}

impl<'l> Chunk<'l> {
    /// The next one that is not in Kafka.
    fn next(&mut self) -> Result<Option<Outgoing<'l>>, Damaged> {
        let from = self.from;
        let is_new = |offset: Offset| from.is_none_or(|from| offset >= from);
        match &mut self.messages {
            Messages::Letters(letters, writer) => {
                for letter in letters {
                    let letter = letter?;
                    if is_new(letter.offset) {
                        return Ok(Some(writer.outgoing(&letter)));
                    }
                }
            }
            Messages::Alerts(alerts, writer) => {
                for message in alerts {
                    let message = message?;
                    if is_new(message.offset()) {
                        return Ok(Some(writer.outgoing(&message)));
                    }
                }
            }
        }
        Ok(None)
    }
}

impl<'l> Rounds<'l> {
    /// The letters of these chunks at or after `from`.
    pub(super) fn new(
        outbox: &'l [OutboxChunk],
        from: &'l BTreeMap<Partition, Offset>,
        origin: &'l Origin,
        topics: &'l ReadyTopics,
    ) -> Result<Self, Unsendable> {
        let mut lanes: BTreeMap<(&str, i32), (&ReadyTopic, Vec<_>)> = BTreeMap::new();
        for chunk in outbox {
            let messages = read_any(&chunk.letters)?;
            let topic = match &messages {
                Stored::Letters(letters) => {
                    let destination = letters.destination();
                    topics.of.get(&destination).ok_or(Unsendable::NoTopic(destination))?
                }
                Stored::Alerts(alerts) => topics
                    .alerts
                    .get(alerts.topic())
                    .ok_or_else(|| Unsendable::NoAlertTopic(alerts.topic().to_owned()))?,
            };
            let to = chunk.partition.0 % topic.partitions;
            lanes
                .entry((topic.name.as_str(), to))
                .or_insert_with(|| (topic, Vec::new()))
                .1
                .push((chunk.partition, messages));
        }
        let lane = |((_, to), (topic, chunks)): (_, (&'l ReadyTopic, Vec<_>))| Lane {
            topic,
            to,
            chunks: chunks.into_iter(),
            open: None,
            held: None,
        };
        Ok(Self { lanes: lanes.into_iter().map(lane).collect(), from, origin })
    }

    /// The next round; empty: there are no more.
    pub(super) fn next(&mut self) -> Result<Vec<Outbound<'l>>, Damaged> {
        let (mut round, mut bytes) = (Vec::new(), 0);
        for lane in &mut self.lanes {
            let mut request = 0;
            while bytes < MOST_BYTES && round.len() < MOST_LETTERS {
                let next = match lane.held.take() {
                    Some(held) => Some(held),
                    None => lane.next(self.from, self.origin)?,
                };
                let Some((size, letter)) = next else { break };
                if request > 0 && request + size > lane.topic.request {
                    lane.held = Some((size, letter));
                    break;
                }
                request += size;
                bytes += size;
                round.push(letter);
            }
        }
        Ok(round)
    }
}

impl<'l> Lane<'l> {
    fn next(
        &mut self,
        from: &BTreeMap<Partition, Offset>,
        origin: &'l Origin,
    ) -> Result<Option<(usize, Outbound<'l>)>, Damaged> {
        loop {
            let Some(chunk) = &mut self.open else {
                let Some((partition, messages)) = self.chunks.next() else { return Ok(None) };
                let limit = self.topic.limit;
                let messages = match messages {
                    Stored::Letters(letters) => {
                        Messages::Letters(letters, dead_letter::Writer::new(origin, partition, limit))
                    }
                    Stored::Alerts(alerts) => Messages::Alerts(alerts, alert::Writer::new(origin, partition, limit)),
                };
                self.open = Some(Chunk { messages, from: from.get(&partition).copied() });
                continue;
            };
            let Some(Outgoing { key, value, headers, size }) = chunk.next()? else {
                self.open = None;
                continue;
            };
            return Ok(Some((size, Outbound { topic: &self.topic.name, to: self.to, key, value, headers })));
        }
    }
}

#[cfg(test)]
mod tests;
