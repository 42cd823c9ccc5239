//! A dead letter: the source record as it was and why it was rejected. Letters are encoded at once into the buffer that
//! becomes the outbox row, so a stream of nothing but dirt costs no allocation a letter, and decoded when published.

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
    /// Why it is here.
    pub reason: Reason,
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
const VERSION: u8 = 1;

/// Letters of one partition, encoded one after the other. Numbers are little-endian; a text or blob is its length as
/// u32 and its bytes, `u32::MAX` standing for "none".
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
    pub fn into_bytes(self) -> Vec<u8> {
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
        self.blob(source.key);
        self.blob(source.value);
        self.count(source.headers.len());
        for (name, value) in source.headers {
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

/// The letters of a chunk, in order.
pub fn decode(bytes: &[u8]) -> Result<Vec<Letter>, Damaged> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.byte("a version byte")? != VERSION {
        return Err(Damaged { at: 0, what: "version 1" });
    }
    let mut letters = Vec::new();
    while reader.at < bytes.len() {
        letters.push(reader.letter()?);
    }
    Ok(letters)
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
        let key = self.blob("a key")?;
        let value = self.blob("a value")?;
        let mut headers = Vec::new();
        for _ in 0..self.count("a number of headers")? {
            headers.push((self.text("a header's name")?, self.blob("a header's value")?));
        }
        Ok(Letter { offset, timestamp, key, value, headers, reason: self.reason()? })
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
            let effect = if self.byte("an effect")? == 1 { Effect::Flag } else { Effect::DeadLetter };
            hits.push(Hit { rule, code, effect, detail: self.text("a detail")? });
        }
        Ok(Reason { stage, code, message, rule, revision, hits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason() -> Reason {
        Reason {
            stage: Stage::Rule,
            code: "AMOUNT_NEGATIVE".into(),
            message: "amount -1 < 0".into(),
            rule: Some(("negative_amount".into(), Sha256([9; 32]))),
            revision: Revision(3),
            hits: vec![Hit { rule: "r".into(), code: "C".into(), effect: Effect::Flag, detail: "ü".into() }],
        }
    }

    fn two_letters() -> Vec<u8> {
        let mut letters = Letters::default();
        let headers: &[(&str, Option<&[u8]>)] = &[("trace", Some(b"\xff\x00")), ("empty", None)];
        let full = Source { offset: Offset(7), timestamp: 5, key: Some(b""), value: Some(b"{\"a\":1}"), headers };
        letters.push(&full, &reason());
        let tombstone = Source { offset: Offset(8), timestamp: -1, key: None, value: None, headers: &[] };
        letters.push(&tombstone, &Reason { rule: None, stage: Stage::Decode, hits: vec![], ..reason() });
        assert_eq!(letters.first_offset(), Some(Offset(7)));
        letters.into_bytes()
    }

    #[test]
    fn a_letter_comes_back_as_it_was() {
        let letters = decode(&two_letters()).unwrap();
        assert_eq!(letters[0].key.as_deref(), Some(&b""[..]), "an empty key is not a missing one");
        assert_eq!(letters[0].headers[1], ("empty".to_owned(), None));
        assert_eq!(letters[0].reason, reason());
        assert_eq!((letters[1].offset, &letters[1].value), (Offset(8), &None));
    }

    #[test]
    fn a_chunk_cut_anywhere_but_between_letters_is_damaged() {
        let whole = two_letters();
        let mut first_alone = 0;
        for end in 0..whole.len() {
            if decode(&whole[..end]).is_ok() {
                first_alone += 1;
            }
        }
        assert_eq!(first_alone, 2, "only after the version byte and after the first letter");
    }
}
