//! What goes to Kafka in one round: of each partition of the letter topic at most one request, in the order of the outbox.
//! A round is made in memory, while the one before it is under way ([`flight`](super::flight)).

use std::collections::BTreeMap;
use std::vec::IntoIter;

use rdkafka::message::OwnedHeaders;

use super::message::{Origin, Outgoing, Writer};
use crate::model::ids::{Offset, Partition};
use crate::model::letter::{Damaged, Reading, read};
use crate::model::step::OutboxChunk;

/// Of a round, whatever the number of partitions: below what the producer's queue holds (`client`).
const MOST_BYTES: usize = 16 << 20;
const MOST_LETTERS: usize = 16_000;

/// A letter on its way; it stands in the outbox but for its headers.
pub(super) struct Outbound<'l> {
    /// Partition of the letter topic.
    pub(super) to: i32,
    pub(super) key: Option<&'l [u8]>,
    pub(super) value: Option<&'l [u8]>,
    pub(super) headers: OwnedHeaders,
}

/// What a topic takes.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Of the letter topic.
    pub(super) partitions: i32,
    /// Bytes of a message.
    pub(super) limit: usize,
    /// Bytes of a request of one partition.
    pub(super) request: usize,
}

/// The letters of an outbox, a round at a time.
pub(super) struct Rounds<'l> {
    lanes: Vec<Lane<'l>>,
    bounds: Bounds,
    from: &'l BTreeMap<Partition, Offset>,
    origin: &'l Origin,
}

/// All that goes to one partition of the letter topic.
struct Lane<'l> {
    to: i32,
    chunks: IntoIter<&'l OutboxChunk>,
    open: Option<Chunk<'l>>,
    /// The first letter that had no room in the round before.
    held: Option<(usize, Outbound<'l>)>,
}

/// The chunk that is being read.
struct Chunk<'l> {
    letters: Reading<'l>,
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
        bounds: Bounds,
    ) -> Self {
        let mut by_lane: BTreeMap<i32, Vec<&OutboxChunk>> = BTreeMap::new();
        for chunk in outbox {
            by_lane.entry(chunk.partition.0 % bounds.partitions).or_default().push(chunk);
        }
        let lane =
            |(to, chunks): (i32, Vec<&'l OutboxChunk>)| Lane { to, chunks: chunks.into_iter(), open: None, held: None };
        Self { lanes: by_lane.into_iter().map(lane).collect(), bounds, from, origin }
    }

    /// The next round; empty: there are no more.
    pub(super) fn next(&mut self) -> Result<Vec<Outbound<'l>>, Damaged> {
        let (mut round, mut bytes) = (Vec::new(), 0);
        for lane in &mut self.lanes {
            let mut request = 0;
            while bytes < MOST_BYTES && round.len() < MOST_LETTERS {
                let next = match lane.held.take() {
                    Some(held) => Some(held),
                    None => lane.next(self.from, self.origin, self.bounds.limit)?,
                };
                let Some((size, letter)) = next else { break };
                if request > 0 && request + size > self.bounds.request {
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
        limit: usize,
    ) -> Result<Option<(usize, Outbound<'l>)>, Damaged> {
        loop {
            let Some(chunk) = &mut self.open else {
                let Some(next) = self.chunks.next() else { return Ok(None) };
                self.open = Some(Chunk {
                    letters: read(&next.letters)?,
                    writer: Writer::new(origin, next.partition, limit),
                    from: from.get(&next.partition).copied(),
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
            return Ok(Some((size, Outbound { to: self.to, key, value, headers })));
        }
    }
}

#[cfg(test)]
mod tests;
