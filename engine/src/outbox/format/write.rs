//! Into the outbox. What no row could hold is cut here already, and its length kept.

use super::{HEADER, VERSION, checksum};
use crate::model::finding::{Effect, Stage};
use crate::model::ids::Offset;
use crate::model::letter::{Cut, Reason, Source};
use crate::outbox::destination::Destination;

/// What the outbox keeps of a record: with the reason it stays below MariaDB's default max_allowed_packet of 16 MiB. A
/// row above it would be refused at every try, and the pipeline would end at this record at every start.
pub(super) const VALUE: usize = 8 << 20;
const KEY: usize = 1 << 20;
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
        for length in [cut.key, cut.value, cut.headers] {
            self.bytes.extend(length.map_or(u64::MAX, |length| length as u64).to_le_bytes());
        }
        self.blob(source.key.map(|key| &key[..key.len().min(KEY)]));
        self.blob(source.value.map(|value| &value[..value.len().min(VALUE)]));
        let headers = if cut.headers.is_some() { &[] } else { source.headers };
        self.count(headers.len());
        for (name, value) in headers {
            self.text(name);
            self.blob(*value);
        }
        self.bytes.push(match reason.stage {
            Stage::Decode => 0,
            Stage::Rule => 1,
            Stage::Window => 2,
        });
        self.text(reason.code);
        self.text(&reason.message);
        self.blob(reason.rule.map(|(name, _)| name.as_bytes()));
        if let Some((_, sha256)) = &reason.rule {
            self.bytes.extend(sha256.0);
        }
        self.bytes.extend(reason.revision.0.to_le_bytes());
        self.count(reason.hits.len());
        for hit in &reason.hits {
            self.text(hit.rule);
            self.text(hit.code);
            self.bytes.push(u8::from(hit.effect == Effect::Flag));
            self.text(hit.detail);
        }
        self.bytes.extend(reason.more.to_le_bytes());
    }

    /// Takes the last letter, which begins at this byte, into a chunk of its own.
    pub fn split(&mut self, at: usize, offset: Offset) -> Self {
        let mut bytes = self.bytes[..HEADER].to_vec();
        bytes.extend(self.bytes.drain(at.max(HEADER)..));
        Self { destination: self.destination, bytes, first: Some(offset) }
    }

    fn count(&mut self, count: usize) {
        self.bytes.extend(u32::try_from(count).expect("a record's headers and hits are far below 2^32").to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.blob(Some(text.as_bytes()));
    }

    fn blob(&mut self, blob: Option<&[u8]>) {
        match blob {
            None => self.bytes.extend(u32::MAX.to_le_bytes()),
            Some(blob) => {
                self.count(blob.len());
                self.bytes.extend(blob);
            }
        }
    }
}
