//! An alert as a Kafka message: the source's key, and a JSON object that says which record it is and what was found in it
//! (docs/formats.md#alerts). It has no headers. What is too long for the topic is cut or left out, and marked.

mod view;

use std::borrow::Cow;

use rdkafka::message::OwnedHeaders;
use serde::Serialize;

use self::view::{AlertView, CutView, Fields, Lengths, NotSentView, RangeView, SourceView};
use crate::model::alert::{Alert, AlertField, AlertHit, AlertMessage, NotSent};
use crate::model::ids::Partition;
use crate::outbox::outgoing::{Origin, Outgoing, RECORD_OVERHEAD};

/// What the name of the value's member, its quotes and its mark take.
const MARKS: usize = 128;

/// Makes messages of the alerts of one partition.
pub(super) struct Writer<'o> {
    origin: &'o Origin,
    partition: Partition,
    limit: usize,
}

/// What of an alert is sent.
struct Parts<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    hits: &'a [AlertHit<'a>],
    fields: &'a [AlertField<'a>],
    cut: CutView<'a>,
}

impl<'o> Writer<'o> {
    /// Messages are of at most `limit` bytes.
    pub(super) fn new(origin: &'o Origin, partition: Partition, limit: usize) -> Self {
        Self { origin, partition, limit }
    }

    pub(super) fn outgoing<'l>(&self, message: &AlertMessage<'l>) -> Outgoing<'l> {
        match message {
            AlertMessage::Alert(alert) => self.alert(alert),
            AlertMessage::NotSent(not_sent) => self.not_sent(not_sent),
        }
    }

    fn alert<'l>(&self, alert: &Alert<'l>) -> Outgoing<'l> {
        let cut_fields = alert.fields.iter().filter_map(|field| Some((field.name, field.cut?))).collect();
        let mut parts = Parts {
            key: alert.key,
            value: alert.value.map(|value| if alert.cut.value.is_some() { whole_characters(value) } else { value }),
            hits: &alert.hits,
            fields: &alert.fields,
            cut: CutView { key: alert.cut.key, value: alert.cut.value, hits: None, fields: Lengths(cut_fields) },
        };
        let mut body = self.body(alert, &parts);
        if RECORD_OVERHEAD + parts.key.map_or(0, <[u8]>::len) + body.len() > self.limit {
            body = self.fitted(alert, &mut parts);
        }
        let (key, size) = (alert.key, parts.key.map_or(0, <[u8]>::len));
        let key = key.map(|key| &key[..size]);
        Outgoing {
            size: RECORD_OVERHEAD + size + body.len(),
            key,
            value: Some(Cow::Owned(body)),
            headers: OwnedHeaders::new(),
        }
    }

    /// What is too long gives way in this order: the value, the fields, the list of hits, the key. Without that one alert could
    /// hold its partition up for ever.
    fn fitted(&self, alert: &Alert<'_>, parts: &mut Parts<'_>) -> Vec<u8> {
        let (value, before) = (parts.value.take(), parts.cut.value);
        parts.cut.value = before.or(value.map(<[u8]>::len));
        let mut body = self.body(alert, parts);
        let over = |parts: &Parts<'_>, body: &[u8]| {
            (RECORD_OVERHEAD + parts.key.map_or(0, <[u8]>::len) + body.len()).checked_sub(self.limit + 1)
        };
        if over(parts, &body).is_some() && !parts.fields.is_empty() {
            parts.cut.fields = Lengths(vec![("*", parts.fields.iter().map(|field| field.json.len()).sum())]);
            parts.fields = &[];
            body = self.body(alert, parts);
        }
        if over(parts, &body).is_some() && !parts.hits.is_empty() {
            parts.cut.hits = Some(parts.hits.len());
            parts.hits = &[];
            body = self.body(alert, parts);
        }
        if let (Some(over), Some(key)) = (over(parts, &body), parts.key) {
            parts.cut.key.get_or_insert(key.len());
            parts.key = Some(&key[..key.len().saturating_sub(over + 1 + MARKS)]);
            body = self.body(alert, parts);
        }
        // The value takes what room is left.
        let taken = RECORD_OVERHEAD + parts.key.map_or(0, <[u8]>::len) + body.len() + MARKS;
        let room = self.limit.saturating_sub(taken);
        parts.value = value.map(|value| beginning(value, room)).filter(|kept| !kept.is_empty());
        if parts.value.is_some() && parts.value == value {
            // What else gave way left room for all of it.
            parts.cut.value = before;
        }
        if parts.value.is_some() { self.body(alert, parts) } else { body }
    }

    fn body(&self, alert: &Alert<'_>, parts: &Parts<'_>) -> Vec<u8> {
        let text = parts.value.map(std::str::from_utf8);
        let source = SourceView {
            topic: &self.origin.topic,
            partition: self.partition,
            offset: alert.offset,
            timestamp: alert.timestamp,
        };
        to_json(&AlertView {
            kind: "alert",
            source,
            revision: alert.revision,
            hits: parts.hits,
            hits_more: Some(alert.more).filter(|more| *more > 0),
            fields: Fields(parts.fields),
            value: text.and_then(Result::ok),
            value_hex: parts.value.filter(|_| text.is_some_and(|text| text.is_err())).map(hex::encode),
            cut: Some(&parts.cut).filter(|cut| !cut.is_empty()),
        })
    }

    fn not_sent<'l>(&self, not_sent: &NotSent<'l>) -> Outgoing<'l> {
        let NotSent { from, to, records, codes } = not_sent;
        let source = RangeView { topic: &self.origin.topic, partition: self.partition, from: *from, to: *to };
        let body = to_json(&NotSentView { kind: "not_sent", source, records: *records, codes: Lengths(codes.clone()) });
        Outgoing {
            size: RECORD_OVERHEAD + body.len(),
            key: None,
            value: Some(Cow::Owned(body)),
            headers: OwnedHeaders::new(),
        }
    }
}

/// A text that the outbox has cut within a character, without the beginning of that one.
fn whole_characters(value: &[u8]) -> &[u8] {
    match std::str::from_utf8(value) {
        Err(why) if why.error_len().is_none() => &value[..why.valid_up_to()],
        _ => value,
    }
}

/// The longest beginning that takes so many bytes of JSON at most.
fn beginning(value: &[u8], room: usize) -> &[u8] {
    let Ok(text) = std::str::from_utf8(value) else { return &value[..value.len().min(room / 2)] };
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += match c {
            '"' | '\\' => 2,
            '\0'..='\u{1f}' => 6,
            c => c.len_utf8(),
        };
        if taken > room {
            return &value[..at];
        }
    }
    value
}

fn to_json(view: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(view).expect("an alert is plain data")
}

#[cfg(test)]
mod tests;
