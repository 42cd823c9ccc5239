//! What goes to Kafka in one round: of each partition of each topic at most one request, in the order of the outbox. A round
//! is made in memory, while the one before it is under way ([`flight`](super::flight)).

use std::collections::BTreeMap;
use std::vec::IntoIter;

use rdkafka::message::OwnedHeaders;

use super::error::Unsendable;
use super::producer::ReadyTopic;
use crate::model::checkpoint::OutboxChunk;
use crate::model::ids::{Offset, Partition};
use crate::outbox::dead_letter::{Origin, Outgoing, Writer};
use crate::outbox::destination::Destination;
use crate::outbox::format::{Damaged, Reading, read};

/// Bytes of a round, whatever the number of partitions: below what the producer's queue holds ([`producer`](super::producer)).
const MOST_BYTES: usize = 16 << 20;
/// Letters of a round, likewise.
const MOST_LETTERS: usize = 16_000;

/// A letter on its way; it is in the outbox but for its headers.
pub(super) struct Outbound<'l> {
    pub(super) topic: &'l str,
    /// Partition of that topic.
    pub(super) to: i32,
    pub(super) key: Option<&'l [u8]>,
    pub(super) value: Option<&'l [u8]>,
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
    chunks: IntoIter<(Partition, Reading<'l>)>,
    open: Option<Chunk<'l>>,
    /// The first letter that had no room in the round before.
    held: Option<(usize, Outbound<'l>)>,
}

/// The chunk that is being read.
struct Chunk<'l> {
    letters: Reading<'l>,
    /// Whatever the destination, a message looks like a dead letter.
    writer: Writer<'l>,
    /// Letters before it are in Kafka already.
    from: Option<Offset>,
}

impl<'l> Rounds<'l> {
    /// The letters of these chunks at or after `from`.
    pub(super) fn new(
        outbox: &'l [OutboxChunk],
        from: &'l BTreeMap<Partition, Offset>,
        origin: &'l Origin,
        topics: &'l BTreeMap<Destination, ReadyTopic>,
    ) -> Result<Self, Unsendable> {
        let mut chunks: BTreeMap<(Destination, i32), Vec<_>> = BTreeMap::new();
        for chunk in outbox {
            let letters = read(&chunk.letters)?;
            let destination = letters.destination();
            let topic = topics.get(&destination).ok_or(Unsendable::NoTopic(destination))?;
            let to = chunk.partition.0 % topic.partitions;
            chunks.entry((destination, to)).or_default().push((chunk.partition, letters));
        }
        let lane = |((destination, to), chunks): ((Destination, i32), Vec<_>)| Lane {
            topic: &topics[&destination],
            to,
            chunks: chunks.into_iter(),
            open: None,
            held: None,
        };
        Ok(Self { lanes: chunks.into_iter().map(lane).collect(), from, origin })
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
                let Some((partition, letters)) = self.chunks.next() else { return Ok(None) };
                self.open = Some(Chunk {
                    letters,
                    writer: Writer::new(origin, partition, self.topic.limit),
                    from: from.get(&partition).copied(),
                });
                continue;
            };
            let Some(letter) = chunk.letters.next().transpose()? else {
                self.open = None;
                continue;
            };
            if chunk.from.is_some_and(|from| letter.offset < from) {
                continue;
            }
            let Outgoing { key, value, headers, size } = chunk.writer.outgoing(&letter);
            return Ok(Some((size, Outbound { topic: &self.topic.name, to: self.to, key, value, headers })));
        }
    }
}

#[cfg(test)]
mod tests;
