//! Alerts of one partition as a chunk of the outbox. The chunk names its topic: what is in the outbox goes to the topic that it was
//! made for, whatever `[alerts]` says by the time it is published, or if that is gone.

use super::bytes::{Cursor, Damaged, put_blob, put_count, put_length, put_text};
use super::write::{KEY, VALUE};
use super::{VERSION, checksum};
use crate::model::alert::{Alert, AlertField, AlertHit, AlertMessage, NotSent};
use crate::model::ids::{Offset, Revision, Sha256};
use crate::model::letter::Cut;
use crate::outbox::destination::Destination;

const ALERT: u8 = 0;
const NOT_SENT: u8 = 1;

/// Alerts of one partition, encoded one after the other behind the name of their topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    bytes: Vec<u8>,
    /// Bytes before the first message.
    header: usize,
    first: Option<Offset>,
}

impl Alerts {
    /// No alerts yet, for this topic.
    pub fn to(topic: &str) -> Self {
        let mut bytes = vec![VERSION, Destination::ALERTS.0];
        put_text(&mut bytes, topic);
        Self { header: bytes.len(), bytes, first: None }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Source offset of the first message.
    pub fn first_offset(&self) -> Option<Offset> {
        self.first
    }

    /// The chunk as the outbox keeps it.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.extend(checksum(&self.bytes));
        self.bytes
    }

    /// Appends an alert. What of key and value no row could hold is cut here, and its length kept.
    pub fn push(&mut self, alert: &Alert<'_>) {
        self.first.get_or_insert(alert.offset);
        let bytes = &mut self.bytes;
        bytes.push(ALERT);
        bytes.extend(alert.offset.0.to_le_bytes());
        bytes.extend(alert.timestamp.to_le_bytes());
        for (blob, most) in [(alert.key, KEY), (alert.value, VALUE)] {
            put_length(bytes, blob.map(<[u8]>::len).filter(|length| *length > most));
            put_blob(bytes, blob.map(|blob| &blob[..blob.len().min(most)]));
        }
        bytes.extend(alert.revision.0.to_le_bytes());
        put_count(bytes, alert.hits.len());
        for hit in &alert.hits {
            put_text(bytes, hit.rule);
            put_text(bytes, hit.version);
            bytes.extend(hit.sha256.0);
            put_text(bytes, hit.code);
            put_text(bytes, hit.detail);
        }
        bytes.extend(alert.more.to_le_bytes());
        put_count(bytes, alert.fields.len());
        for field in &alert.fields {
            put_text(bytes, field.name);
            put_text(bytes, field.json);
            put_length(bytes, field.cut);
        }
    }

    /// Appends the summary of what is not sent.
    pub fn push_not_sent(&mut self, not_sent: &NotSent<'_>) {
        self.first.get_or_insert(not_sent.from);
        let bytes = &mut self.bytes;
        bytes.push(NOT_SENT);
        bytes.extend(not_sent.from.0.to_le_bytes());
        bytes.extend(not_sent.to.0.to_le_bytes());
        bytes.extend(not_sent.records.to_le_bytes());
        put_count(bytes, not_sent.codes.len());
        for (code, records) in &not_sent.codes {
            put_text(bytes, code);
            bytes.extend(records.to_le_bytes());
        }
    }

    /// Takes the last message, which begins at this byte, into a chunk of its own.
    pub fn split(&mut self, at: usize, offset: Offset) -> Self {
        let mut bytes = self.bytes[..self.header].to_vec();
        bytes.extend(self.bytes.drain(at.max(self.header)..));
        Self { bytes, header: self.header, first: Some(offset) }
    }
}

/// The messages of a chunk of alerts, in order; ends with the first that is damaged.
#[derive(Debug)]
pub struct ReadingAlerts<'a> {
    topic: &'a str,
    cursor: Cursor<'a>,
}

impl<'a> ReadingAlerts<'a> {
    pub(super) fn begin(mut cursor: Cursor<'a>) -> Result<Self, Damaged> {
        Ok(Self { topic: cursor.text("a topic")?, cursor })
    }

    /// Where all of them go.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    fn message(&mut self) -> Result<AlertMessage<'a>, Damaged> {
        let at = self.cursor.at;
        match self.cursor.byte("a kind of message")? {
            ALERT => self.alert().map(AlertMessage::Alert),
            NOT_SENT => self.not_sent().map(AlertMessage::NotSent),
            _ => Err(Damaged { at, what: "a kind of message" }),
        }
    }

    fn alert(&mut self) -> Result<Alert<'a>, Damaged> {
        let from = &mut self.cursor;
        let (offset, timestamp) = (Offset(from.signed("an offset")?), from.signed("a timestamp")?);
        let (key_cut, key) = (from.length()?, from.blob("a key")?);
        let (value_cut, value) = (from.length()?, from.blob("a value")?);
        let cut = Cut { key: key_cut, value: value_cut, headers: None };
        let revision = Revision(from.number("a revision")?);
        let mut hits = Vec::new();
        for _ in 0..from.count("a number of hits")? {
            hits.push(AlertHit {
                rule: from.text("a hit's rule")?,
                version: from.text("a rule's version")?,
                sha256: Sha256(from.array("a sha256")?),
                code: from.text("a hit's code")?,
                detail: from.text("a detail")?,
            });
        }
        let more = from.count("a number of hits left out")?;
        let mut fields = Vec::new();
        for _ in 0..from.count("a number of fields")? {
            let (name, json) = (from.text("a field's name")?, from.text("a field's value")?);
            fields.push(AlertField { name, json, cut: from.length()? });
        }
        Ok(Alert { offset, timestamp, key, value, cut, revision, hits, more, fields })
    }

    fn not_sent(&mut self) -> Result<NotSent<'a>, Damaged> {
        let cursor = &mut self.cursor;
        let (from, to) = (Offset(cursor.signed("an offset")?), Offset(cursor.signed("an offset")?));
        let records = cursor.number("a number of records")?;
        let mut codes = Vec::new();
        for _ in 0..cursor.count("a number of codes")? {
            codes.push((cursor.text("a code")?, cursor.number("a number of records")?));
        }
        Ok(NotSent { from, to, records, codes })
    }
}

impl<'a> Iterator for ReadingAlerts<'a> {
    type Item = Result<AlertMessage<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.is_at_end() {
            return None;
        }
        let message = self.message();
        if message.is_err() {
            self.cursor.end();
        }
        Some(message)
    }
}
