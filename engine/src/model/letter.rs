//! A dead letter: the source record as it was and why it was rejected. Letters are encoded at once into the buffer that
//! becomes the outbox row, and decoded when published. What no row could hold is cut here already, and its length kept.

use serde::{Deserialize, Serialize};

use super::finding::{Effect, Stage};
use super::ids::{Offset, Revision, Sha256};

/// One hit among all that a record got, as `weir.hits` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The rule's name.
    pub rule: String,
    /// Its code.
    pub code: String,
    /// What the code does.
    pub effect: Effect,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why a record is a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// `weir.stage`
    pub stage: Stage,
    /// `weir.code`
    pub code: String,
    /// `__dlq.errors.message`
    pub message: String,
    /// `weir.rule` and `weir.rule.sha256`, where a rule decided.
    pub rule: Option<(String, Sha256)>,
    /// `weir.revision`: the rule set that the record's batch was judged by.
    pub revision: Revision,
    /// `weir.hits`: every hit, in rule order.
    pub hits: Vec<Hit>,
}

/// The source record, borrowed from wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Kafka's timestamp in epoch milliseconds; -1 if it has none.
    pub timestamp: i64,
    /// As it was; None: it had none.
    pub key: Option<&'a [u8]>,
    /// As it was; None: a tombstone.
    pub value: Option<&'a [u8]>,
    /// Name and value of each, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// A letter read back from the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Offset of the source record.
    pub offset: Offset,
    /// Kafka's timestamp of the source record.
    pub timestamp: i64,
    /// As it was.
    pub key: Option<Vec<u8>>,
    /// As it was.
    pub value: Option<Vec<u8>>,
    /// As they were.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// What of it the outbox did not hold whole.
    pub cut: Cut,
    /// Why it is here.
    pub reason: Reason,
}

/// The whole length in bytes of what was cut (key, value) or left out (headers); None: it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Of the key.
    pub key: Option<usize>,
    /// Of the value.
    pub value: Option<usize>,
    /// Of all headers.
    pub headers: Option<usize>,
}

/// What the outbox keeps of a record: with the reason it stays below MariaDB's default max_allowed_packet of 16 MiB. A
/// row above it would be refused at every try, and the pipeline would end at this record at every start.
const VALUE: usize = 8 << 20;
const KEY: usize = 1 << 20;
const HEADERS: usize = 2 << 20;

impl Cut {
    fn of(source: &Source<'_>) -> Self {
        let above = |length: usize, most| (length > most).then_some(length);
        let headers = source.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
        Self {
            key: above(source.key.map_or(0, <[u8]>::len), KEY),
            value: above(source.value.map_or(0, <[u8]>::len), VALUE),
            headers: above(headers, HEADERS),
        }
    }
}

/// What the outbox held is not what this version writes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the outbox chunk is damaged or of another version at byte {at}: {what}")]
pub struct Damaged {
    /// Byte of the chunk.
    pub at: usize,
    /// What was wanted there.
    pub what: &'static str,
}

/// First byte of every chunk: which layout the rest has.
const VERSION: u8 = 3;
/// The same without a checksum at the end.
const UNSUMMED: u8 = 2;
/// The first bytes of the SHA-256 over all before them. A letter whose value was changed would else be published as if
/// the source had held it.
const CHECKSUM: usize = 8;

/// Letters of one partition, encoded one after the other, and a checksum. Numbers are little-endian; a text or blob is
/// its length as u32 and its bytes, `u32::MAX` standing for "none".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    bytes: Vec<u8>,
    first: Option<Offset>,
}

impl Letters {
    /// Bytes so far.
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
    pub fn push(&mut self, source: &Source<'_>, reason: &Reason) {
        if self.bytes.is_empty() {
            self.bytes.push(VERSION);
        }
        self.first.get_or_insert(source.offset);
        self.bytes.extend(source.offset.0.to_le_bytes());
        self.bytes.extend(source.timestamp.to_le_bytes());
        let cut = Cut::of(source);
        for length in [cut.key, cut.value, cut.headers] {
            self.bytes.extend(length.map_or(u64::MAX, |length| length as u64).to_le_bytes());
        }
        self.blob(source.key.map(|key| &key[..key.len().min(KEY)]));
        self.blob(source.value.map(|value| &value[..value.len().min(VALUE)]));
        let headers = if cut.headers.is_some() { &[] } else { source.headers };
        self.count(headers.len());
        for (name, value) in headers {
            self.blob(Some(name.as_bytes()));
            self.blob(*value);
        }
        self.bytes.push(match reason.stage {
            Stage::Decode => 0,
            Stage::Rule => 1,
            Stage::Window => 2,
        });
        self.blob(Some(reason.code.as_bytes()));
        self.blob(Some(reason.message.as_bytes()));
        self.blob(reason.rule.as_ref().map(|(name, _)| name.as_bytes()));
        if let Some((_, sha256)) = &reason.rule {
            self.bytes.extend(sha256.0);
        }
        self.bytes.extend(reason.revision.0.to_le_bytes());
        self.count(reason.hits.len());
        for hit in &reason.hits {
            self.blob(Some(hit.rule.as_bytes()));
            self.blob(Some(hit.code.as_bytes()));
            self.bytes.push(u8::from(hit.effect == Effect::Flag));
            self.blob(Some(hit.detail.as_bytes()));
        }
    }

    /// Takes the last letter, which begins at this byte, into a chunk of its own.
    pub fn split(&mut self, at: usize, offset: Offset) -> Self {
        let mut bytes = vec![VERSION];
        bytes.extend(self.bytes.drain(at..));
        Self { bytes, first: Some(offset) }
    }

    fn count(&mut self, count: usize) {
        self.bytes.extend(u32::try_from(count).expect("a record's headers and hits are far below 2^32").to_le_bytes());
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

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    Sha256::of(bytes).0[..CHECKSUM].try_into().expect("a SHA-256 is longer")
}

/// The letters and the checksum of a chunk; of older ones there is none.
fn split(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), Damaged> {
    match bytes.first() {
        Some(&VERSION) if bytes.len() > CHECKSUM => {
            let (letters, sum) = bytes.split_at(bytes.len() - CHECKSUM);
            Ok((letters, Some(sum)))
        }
        Some(&VERSION) => Err(Damaged { at: bytes.len(), what: "a checksum" }),
        Some(&UNSUMMED) => Ok((bytes, None)),
        _ => Err(Damaged { at: 0, what: "version 3 or 2" }),
    }
}

/// The letters of a chunk, in order. Its checksum is [`check`]ed where it comes from the store, not each time.
pub fn decode(bytes: &[u8]) -> Result<Vec<Letter>, Damaged> {
    let (bytes, _) = split(bytes)?;
    let mut reader = Reader { bytes, at: 1 };
    let mut letters = Vec::new();
    while reader.at < bytes.len() {
        letters.push(reader.letter()?);
    }
    Ok(letters)
}

/// Whether the chunk is as it was written.
pub fn check(bytes: &[u8]) -> Result<(), Damaged> {
    let (letters, sum) = split(bytes)?;
    if sum.is_some_and(|sum| sum != checksum(letters)) {
        return Err(Damaged { at: letters.len(), what: "the checksum of what is before it" });
    }
    decode(bytes).map(|_| ())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
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

    fn blob(&mut self, what: &'static str) -> Result<Option<Vec<u8>>, Damaged> {
        match self.count(what)? {
            u32::MAX => Ok(None),
            length => self.take(length as usize, what).map(|blob| Some(blob.to_vec())),
        }
    }

    fn optional_text(&mut self, what: &'static str) -> Result<Option<String>, Damaged> {
        let at = self.at;
        let text = self.blob(what)?.map(String::from_utf8).transpose();
        text.map_err(|_| Damaged { at, what: "UTF-8 text" })
    }

    fn text(&mut self, what: &'static str) -> Result<String, Damaged> {
        let at = self.at;
        self.optional_text(what)?.ok_or(Damaged { at, what })
    }

    fn letter(&mut self) -> Result<Letter, Damaged> {
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

    fn reason(&mut self) -> Result<Reason, Damaged> {
        let at = self.at;
        let stage = match self.byte("a stage")? {
            0 => Stage::Decode,
            1 => Stage::Rule,
            2 => Stage::Window,
            _ => return Err(Damaged { at, what: "a stage" }),
        };
        let code = self.text("a code")?;
        let message = self.text("a message")?;
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
        Ok(Reason { stage, code, message, rule, revision, hits })
    }
}

#[cfg(test)]
mod tests;
