//! A letter as a Kafka message: the source's key, value and headers as they were, and the reason behind them. A header of the
//! source whose name is one of ours is there as `source.NAME`: no record can say why it was rejected.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

use rdkafka::message::{Header, OwnedHeaders};

use crate::model::finding::Stage;
use crate::model::ids::{Partition, Sha256};
use crate::model::letter::{Hit, Letter};
use crate::outbox::outgoing::{Origin, Outgoing, RECORD_OVERHEAD};

const HITS: &str = "weir.hits";
/// Set where hits are not listed: how many.
const MORE: &str = "weir.hits.more";
/// Set where something was cut or left out to fit; each holds its whole length in bytes.
const VALUE_CUT: &str = "weir.value.cut";
const HITS_CUT: &str = "weir.hits.cut";
const HEADERS_CUT: &str = "weir.headers.cut";
const KEY_CUT: &str = "weir.key.cut";
/// How the names of our headers begin.
const OURS: [&str; 2] = ["weir.", "__dlq."];
/// Prefix of a source's header that has a name of the engine's.
const THEIRS: &str = "source.";
/// What a header takes beyond name and value, and what one of the marks above takes whole.
const HEADER_OVERHEAD: usize = 16;
const MARK: usize = 64;

/// Makes messages of the letters of one partition, without a text of its own for each value.
pub(super) struct Writer<'o> {
    origin: &'o Origin,
    partition: String,
    limit: usize,
    text: Text,
    /// The module that decided last and its digest in hex: as a rule the next letter's too.
    digest: Option<(Sha256, String)>,
}

/// Numbers and lists of one letter, one behind the other.
#[derive(Default)]
struct Text(Vec<u8>);

/// A header's value: as it is, or where in the text it is.
#[derive(Clone)]
enum Value<'a> {
    Is(&'a str),
    At(Range<usize>),
}

/// Our own headers, in order.
type Own<'a> = Vec<(&'static str, Value<'a>)>;

/// Twelve, and five marks.
const OWN: usize = 17;

impl<'o> Writer<'o> {
    /// Messages are of at most `limit` bytes.
    pub(super) fn new(origin: &'o Origin, partition: Partition, limit: usize) -> Self {
        Self { origin, partition: partition.to_string(), limit, text: Text::default(), digest: None }
    }

    /// The message of a letter: what is too long is cut and marked (docs/protocol.md#transactions-and-producers), in
    /// this order: the list of hits, the source's headers, the key, the value. Without that one letter could hold its
    /// partition up for ever.
    pub(super) fn outgoing<'l>(&mut self, letter: &Letter<'l>) -> Outgoing<'l> {
        let Letter { mut key, mut value, cut, .. } = *letter;
        let (mut headers, limit) = (&letter.headers[..], self.limit);
        let (mut own, text) = self.reason(letter);
        let size_of = |(name, value): &(&str, Option<&[u8]>)| header_size(&theirs(name), value.map_or(0, <[u8]>::len));
        let theirs_size: usize = headers.iter().map(size_of).sum();
        own.extend(cut.headers.map(|length| (HEADERS_CUT, text.number(length))));
        let ours: usize = own.iter().map(|(name, value)| header_size(name, value.len())).sum();
        // The outbox may have cut them already: the mark tells what the source had.
        let (mut key_cut, mut value_cut) = (cut.key, cut.value);
        let mut size = RECORD_OVERHEAD + key.map_or(0, <[u8]>::len) + theirs_size + ours;
        if size > limit {
            let hits = own.iter_mut().find(|(name, _)| *name == HITS).expect("every letter lists its hits");
            let length = std::mem::replace(&mut hits.1, Value::Is("[]")).len();
            own.push((HITS_CUT, text.number(length)));
            size = size - length + 2 + MARK;
        }
        if size > limit && theirs_size > 0 {
            headers = &[];
            own.push((HEADERS_CUT, text.number(theirs_size)));
            size = size - theirs_size + MARK;
        }
        if let Some(key) = key.as_mut().filter(|_| size > limit) {
            key_cut.get_or_insert(key.len());
            let kept = key.len().saturating_sub(size - limit + 2 * MARK); // and the value's mark
            size = size - key.len() + kept;
            *key = &key[..kept];
        }
        if let Some(length) = key_cut {
            own.push((KEY_CUT, text.number(length)));
            size += MARK;
        }
        let room = limit.saturating_sub(size);
        if let Some(value) = value.as_mut().filter(|value| value.len() > room) {
            value_cut.get_or_insert(value.len());
            *value = &value[..room.saturating_sub(MARK)];
        }
        own.extend(value_cut.map(|length| (VALUE_CUT, text.number(length))));
        let mut all = OwnedHeaders::new_with_capacity(own.len() + headers.len());
        for (name, value) in headers {
            all = all.insert(Header { key: &theirs(name), value: *value });
        }
        for (name, value) in &own {
            all = all.insert(Header { key: name, value: Some(text.of(value)) });
        }
        let size = size + value.map_or(0, <[u8]>::len);
        Outgoing { key, value: value.map(Cow::Borrowed), headers: all, size }
    }

    fn reason<'a>(&'a mut self, letter: &'a Letter<'_>) -> (Own<'a>, &'a mut Text) {
        let Self { origin, partition, text, digest, .. } = self;
        let reason = &letter.reason;
        let stage = match reason.stage {
            Stage::Decode => "decode",
            Stage::Rule => "rule",
            Stage::Window => "window",
        };
        text.0.clear();
        let mut own = Vec::with_capacity(OWN);
        own.extend([
            ("__dlq.errors.topic", Value::Is(&origin.topic)),
            ("__dlq.errors.partition", Value::Is(partition)),
            ("__dlq.errors.offset", text.number(letter.offset.0)),
            ("__dlq.errors.group", Value::Is(&origin.group)),
            ("__dlq.errors.message", Value::Is(&reason.message)),
            ("weir.stage", Value::Is(stage)),
            ("weir.code", Value::Is(reason.code)),
            ("weir.revision", text.number(reason.revision.0)),
            (HITS, text.json(&reason.hits)),
            ("weir.source.timestamp", text.number(letter.timestamp)),
        ]);
        if reason.more > 0 {
            own.push((MORE, text.number(reason.more)));
        }
        if let Some((rule, sha256)) = reason.rule {
            own.push(("weir.rule", Value::Is(rule)));
            if digest.as_ref().is_none_or(|(known, _)| *known != sha256) {
                *digest = None;
            }
            let (_, hex) = digest.get_or_insert_with(|| (sha256, sha256.to_string()));
            own.push(("weir.rule.sha256", Value::Is(hex)));
        }
        (own, text)
    }
}

impl Text {
    fn of<'a>(&'a self, value: &Value<'a>) -> &'a [u8] {
        match value {
            Value::Is(text) => text.as_bytes(),
            Value::At(at) => &self.0[at.clone()],
        }
    }

    fn json(&mut self, hits: &[Hit<'_>]) -> Value<'static> {
        let from = self.0.len();
        serde_json::to_writer(&mut self.0, hits).expect("hits are plain data");
        Value::At(from..self.0.len())
    }

    fn number(&mut self, number: impl Display) -> Value<'static> {
        let from = self.0.len();
        write!(self.0, "{number}").expect("a Vec takes everything");
        Value::At(from..self.0.len())
    }
}

impl Value<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Is(text) => text.len(),
            Self::At(at) => at.len(),
        }
    }
}

/// The name under which a header of the source is in a letter.
fn theirs(name: &str) -> Cow<'_, str> {
    match OURS.iter().any(|ours| name.starts_with(ours)) {
        true => format!("{THEIRS}{name}").into(),
        false => name.into(),
    }
}

fn header_size(name: &str, value: usize) -> usize {
    name.len() + value + HEADER_OVERHEAD
}

#[cfg(test)]
mod tests;
