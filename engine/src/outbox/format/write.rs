//! Into the outbox. What no row could hold is cut here already, and its length kept.

use super::bytes::{put_blob, put_count, put_length, put_text};
use super::{HEADER, VERSION, checksum};
use crate::model::finding::{Effect, Stage};
use crate::model::ids::Offset;
use crate::model::letter::{Cut, Reason, Source};
use crate::outbox::destination::Destination;

/// What the outbox keeps of a record: with the reason it stays below MariaDB's default max_allowed_packet of 16 MiB. A
/// row above it would be refused at every try, and the pipeline would end at this record at every start.
pub(super) const VALUE: usize = 8 << 20;
pub(super) const KEY: usize = 1 << 20;
const HEADERS: usize = 2 << 20;

/// What of a record is too long for the outbox.
fn cut_of(source: &Source<'_>) -> Cut {
    let above = |length: usize, most| (length > most).then_some(length);
    let headers = source.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
    Cut {
        key: above(source.key.map_or(0, <[u8]>::len), KEY),
        value: above(source.value.map_or(0, <[u8]>::len), VALUE),
        headers: above(headers, HEADERS),
    }
}

/// Letters of one partition for one destination, encoded one after the other, and a checksum. Numbers are little-endian; a text
/// or blob is its length as u32 and its bytes, `u32::MAX` standing for "none".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    destination: Destination,
    bytes: Vec<u8>,
    first: Option<Offset>,
}

impl Letters {
    /// No letters yet, for this destination.
    pub fn to(destination: Destination) -> Self {
        Self { destination, ..Self::default() }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no letter.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Source offset of the first letter.
    pub fn first_offset(&self) -> Option<Offset> {
        self.first
    }

    /// The chunk as the outbox keeps it.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.extend(checksum(&self.bytes));
        self.bytes
    }

    /// Appends a letter.
    pub fn push(&mut self, source: &Source<'_>, reason: &Reason<'_>) {
        if self.bytes.is_empty() {
            self.bytes.extend([VERSION, self.destination.0]);
        }
        self.first.get_or_insert(source.offset);
        self.bytes.extend(source.offset.0.to_le_bytes());
        self.bytes.extend(source.timestamp.to_le_bytes());
        let cut = cut_of(source);
        let bytes = &mut self.bytes;
        for length in [cut.key, cut.value, cut.headers] {
            put_length(bytes, length);
        }
        put_blob(bytes, source.key.map(|key| &key[..key.len().min(KEY)]));
        put_blob(bytes, source.value.map(|value| &value[..value.len().min(VALUE)]));
        let headers = if cut.headers.is_some() { &[] } else { source.headers };
        put_count(bytes, headers.len());
        for (name, value) in headers {
            put_text(bytes, name);
            put_blob(bytes, *value);
        }
        bytes.push(match reason.stage {
            Stage::Decode => 0,
            Stage::Rule => 1,
            Stage::Window => 2,
        });
        put_text(bytes, reason.code);
        put_text(bytes, &reason.message);
        put_blob(bytes, reason.rule.map(|(name, _)| name.as_bytes()));
        if let Some((_, sha256)) = &reason.rule {
            bytes.extend(sha256.0);
        }
        bytes.extend(reason.revision.0.to_le_bytes());
        put_count(bytes, reason.hits.len());
        for hit in &reason.hits {
            put_text(bytes, hit.rule);
            put_text(bytes, hit.code);
            bytes.push(u8::from(hit.effect == Effect::Flag));
            put_text(bytes, hit.detail);
        }
        bytes.extend(reason.more.to_le_bytes());
    }

    /// Takes the last letter, which begins at this byte, into a chunk of its own.
    pub fn split(&mut self, at: usize, offset: Offset) -> Self {
        let mut bytes = self.bytes[..HEADER].to_vec();
        bytes.extend(self.bytes.drain(at.max(HEADER)..));
        Self { destination: self.destination, bytes, first: Some(offset) }
    }
}
