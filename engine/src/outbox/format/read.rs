//! Out of the outbox. Letters are read where they are.

use super::{ALL_HITS, CHECKSUM, DEAD_LETTERS_ONLY, HEADER, SHA, UNSUMMED, VERSION, checksum};
use crate::model::finding::{Effect, Stage};
use crate::model::ids::{Offset, Revision, Sha256};
use crate::model::letter::{Cut, Hit, Letter, Reason};
use crate::outbox::destination::Destination;

/// What the outbox held is not what this version writes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the outbox chunk is damaged or of another version at byte {at}: {what}")]
pub struct Damaged {
    /// Byte of the chunk.
    pub at: usize,
    /// What was wanted there.
    pub what: &'static str,
}

/// The letters of a chunk, in order; ends with the first that is damaged.
#[derive(Debug)]
pub struct Reading<'a> {
    destination: Destination,
    bytes: &'a [u8],
    at: usize,
    /// Whether a letter has the number of hits that are not listed.
    more: bool,
}

/// Begins to read a chunk. Its checksum is [`check`]ed where it comes from the store, not each time.
///
/// # Errors
/// [`Damaged`]: it is too short, or of a layout that is not known.
pub fn read(chunk: &[u8]) -> Result<Reading<'_>, Damaged> {
    let (bytes, _) = split(chunk)?;
    let (destination, at) = match bytes[0] {
        VERSION => (Destination(*bytes.get(1).ok_or(Damaged { at: 1, what: "a destination" })?), HEADER),
        _ => (Destination::DEAD_LETTERS, 1),
    };
    Ok(Reading { destination, bytes, at, more: bytes[0] >= DEAD_LETTERS_ONLY })
}

/// All letters of a chunk.
///
/// # Errors
/// [`Damaged`]: its head, or a letter in it, can't be read.
pub fn decode(chunk: &[u8]) -> Result<Vec<Letter<'_>>, Damaged> {
    read(chunk)?.collect()
}

/// Whether the chunk is as it was written.
///
/// # Errors
/// [`Damaged`]: its checksum is another one, or it ends too soon.
pub fn check(chunk: &[u8]) -> Result<(), Damaged> {
    let (letters, sum) = split(chunk)?;
    if sum.is_some_and(|(sum, of)| sum != of(letters)) {
        return Err(Damaged { at: letters.len(), what: "the checksum of what is before it" });
    }
    read(chunk)?.try_for_each(|letter| letter.map(drop))
}

/// A checksum, and how to make one.
type Sum<'a> = (&'a [u8], fn(&[u8]) -> [u8; CHECKSUM]);

/// The letters, with the version before them, and the checksum, if the version has one.
fn split(chunk: &[u8]) -> Result<(&[u8], Option<Sum<'_>>), Damaged> {
    let of: fn(&[u8]) -> [u8; CHECKSUM] = match chunk.first() {
        Some(&(VERSION | DEAD_LETTERS_ONLY | ALL_HITS)) => checksum,
        Some(&SHA) => sha,
        Some(&UNSUMMED) => return Ok((chunk, None)),
        _ => return Err(Damaged { at: 0, what: "version 6, 5, 4, 3 or 2" }),
    };
    match chunk.len().checked_sub(CHECKSUM) {
        Some(end @ 1..) => Ok((&chunk[..end], Some((&chunk[end..], of)))),
        _ => Err(Damaged { at: chunk.len(), what: "a checksum" }),
    }
}

fn sha(letters: &[u8]) -> [u8; CHECKSUM] {
    Sha256::of(letters).0[..CHECKSUM].try_into().expect("a SHA-256 is longer")
}

impl<'a> Iterator for Reading<'a> {
    type Item = Result<Letter<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let letter = self.letter();
        if letter.is_err() {
            self.at = self.bytes.len();
        }
        Some(letter)
    }
}

impl<'a> Reading<'a> {
    /// Where all of them go.
    pub fn destination(&self) -> Destination {
        self.destination
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Damaged> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(Damaged { at: self.at, what })?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Damaged> {
        Ok(self.take(1, what)?[0])
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Damaged> {
        Ok(self.take(N, what)?.try_into().expect("take gives as many as asked for"))
    }

    fn count(&mut self, what: &'static str) -> Result<u32, Damaged> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Result<Option<usize>, Damaged> {
        let at = self.at;
        match u64::from_le_bytes(self.array("a length")?) {
            u64::MAX => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Damaged { at, what: "a length" }),
        }
    }

    fn blob(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, Damaged> {
        match self.count(what)? {
            u32::MAX => Ok(None),
            length => self.take(length as usize, what).map(Some),
        }
    }

    fn optional_text(&mut self, what: &'static str) -> Result<Option<&'a str>, Damaged> {
        let at = self.at;
        let text = self.blob(what)?.map(std::str::from_utf8).transpose();
        text.map_err(|_| Damaged { at, what: "UTF-8 text" })
    }

    fn text(&mut self, what: &'static str) -> Result<&'a str, Damaged> {
        let at = self.at;
        self.optional_text(what)?.ok_or(Damaged { at, what })
    }

    fn letter(&mut self) -> Result<Letter<'a>, Damaged> {
        let offset = Offset(i64::from_le_bytes(self.array("an offset")?));
        let timestamp = i64::from_le_bytes(self.array("a timestamp")?);
        let cut = Cut { key: self.length()?, value: self.length()?, headers: self.length()? };
        let key = self.blob("a key")?;
        let value = self.blob("a value")?;
        let mut headers = Vec::new();
        for _ in 0..self.count("a number of headers")? {
            headers.push((self.text("a header's name")?, self.blob("a header's value")?));
        }
        Ok(Letter { offset, timestamp, key, value, headers, cut, reason: self.reason()? })
    }

    fn reason(&mut self) -> Result<Reason<'a>, Damaged> {
        let at = self.at;
        let stage = match self.byte("a stage")? {
            0 => Stage::Decode,
            1 => Stage::Rule,
            2 => Stage::Window,
            _ => return Err(Damaged { at, what: "a stage" }),
        };
        let code = self.text("a code")?;
        let message = self.text("a message")?.into();
        let rule = match self.optional_text("a rule")? {
            Some(name) => Some((name, Sha256(self.array("a sha256")?))),
            None => None,
        };
        let revision = Revision(u64::from_le_bytes(self.array("a revision")?));
        let mut hits = Vec::new();
        for _ in 0..self.count("a number of hits")? {
            let (rule, code) = (self.text("a hit's rule")?, self.text("a hit's code")?);
            let at = self.at;
            let effect = match self.byte("an effect")? {
                0 => Effect::DeadLetter,
                1 => Effect::Flag,
                _ => return Err(Damaged { at, what: "an effect" }),
            };
            hits.push(Hit { rule, code, effect, detail: self.text("a detail")? });
        }
        let more = if self.more { self.count("a number of hits left out")? } else { 0 };
        Ok(Reason { stage, code, message, rule, revision, hits, more })
    }
}
