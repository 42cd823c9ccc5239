//! Out of the outbox. Letters are read where they are.

use super::alerts::ReadingAlerts;
use super::bytes::{Cursor, Damaged};
use super::{ALL_HITS, CHECKSUM, DEAD_LETTERS_ONLY, HEADER, SHA, UNSUMMED, VERSION, checksum};
use crate::model::finding::{Effect, Stage};
use crate::model::ids::{Offset, Revision, Sha256};
use crate::model::letter::{Cut, Hit, Letter, Reason};
use crate::outbox::destination::Destination;

/// The letters of a chunk, in order; ends with the first that is damaged.
#[derive(Debug)]
pub struct Reading<'a> {
    destination: Destination,
    cursor: Cursor<'a>,
    /// Whether a letter has the number of hits that are not listed.
    more: bool,
}

/// A chunk that is being read: its destination says what its messages are.
#[derive(Debug)]
pub enum Stored<'a> {
    /// Dead letters.
    Letters(Reading<'a>),
    /// Alerts.
    Alerts(ReadingAlerts<'a>),
}

/// Begins to read a chunk. Its checksum is [`check`]ed where it comes from the store, not each time.
///
/// # Errors
/// [`Damaged`]: it is too short, or of a layout that is not known.
pub fn read_any(chunk: &[u8]) -> Result<Stored<'_>, Damaged> {
    let (bytes, _) = split(chunk)?;
    let (destination, at) = match bytes[0] {
        VERSION => (Destination(*bytes.get(1).ok_or(Damaged { at: 1, what: "a destination" })?), HEADER),
        _ => (Destination::DEAD_LETTERS, 1),
    };
    let cursor = Cursor { bytes, at };
    match destination {
        Destination::ALERTS => ReadingAlerts::begin(cursor).map(Stored::Alerts),
        _ => Ok(Stored::Letters(Reading { destination, cursor, more: bytes[0] >= DEAD_LETTERS_ONLY })),
    }
}

/// The same of a chunk of letters.
///
/// # Errors
/// [`Damaged`]: as [`read_any`], or it holds alerts.
pub fn read(chunk: &[u8]) -> Result<Reading<'_>, Damaged> {
    match read_any(chunk)? {
        Stored::Letters(letters) => Ok(letters),
        Stored::Alerts(_) => Err(Damaged { at: 1, what: "a destination whose messages are letters" }),
    }
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
    match read_any(chunk)? {
        Stored::Letters(mut letters) => letters.try_for_each(|letter| letter.map(drop)),
        Stored::Alerts(mut alerts) => alerts.try_for_each(|alert| alert.map(drop)),
    }
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
        if self.cursor.is_at_end() {
            return None;
        }
        let letter = self.letter();
        if letter.is_err() {
            self.cursor.end();
        }
        Some(letter)
    }
}

impl<'a> Reading<'a> {
    /// Where all of them go.
    pub fn destination(&self) -> Destination {
        self.destination
    }

    fn letter(&mut self) -> Result<Letter<'a>, Damaged> {
        let from = &mut self.cursor;
        let offset = Offset(from.signed("an offset")?);
        let timestamp = from.signed("a timestamp")?;
        let cut = Cut { key: from.length()?, value: from.length()?, headers: from.length()? };
        let key = from.blob("a key")?;
        let value = from.blob("a value")?;
        let mut headers = Vec::new();
        for _ in 0..from.count("a number of headers")? {
            headers.push((from.text("a header's name")?, from.blob("a header's value")?));
        }
        Ok(Letter { offset, timestamp, key, value, headers, cut, reason: self.reason()? })
    }

    fn reason(&mut self) -> Result<Reason<'a>, Damaged> {
        let from = &mut self.cursor;
        let at = from.at;
        let stage = match from.byte("a stage")? {
            0 => Stage::Decode,
            1 => Stage::Rule,
            2 => Stage::Window,
            _ => return Err(Damaged { at, what: "a stage" }),
        };
        let code = from.text("a code")?;
        let message = from.text("a message")?.into();
        let rule = match from.optional_text("a rule")? {
            Some(name) => Some((name, Sha256(from.array("a sha256")?))),
            None => None,
        };
        let revision = Revision(from.number("a revision")?);
        let mut hits = Vec::new();
        for _ in 0..from.count("a number of hits")? {
            let (rule, code) = (from.text("a hit's rule")?, from.text("a hit's code")?);
            let at = from.at;
            let effect = match from.byte("an effect")? {
                0 => Effect::DeadLetter,
                1 => Effect::Flag,
                _ => return Err(Damaged { at, what: "an effect" }),
            };
            hits.push(Hit { rule, code, effect, detail: from.text("a detail")? });
        }
        let more = if self.more { from.count("a number of hits left out")? } else { 0 };
        Ok(Reason { stage, code, message, rule, revision, hits, more })
    }
}
