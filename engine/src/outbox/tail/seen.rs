//! A message of the alert topic, read as docs/formats.md#alerts has it. Whatever else stands there is [`Says::Other`]: the topic may
//! have other writers. Lists and texts are bounded, whoever wrote them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::model::ids::{Offset, Partition, RecordPosition};
use crate::model::seen_alert::{Flagged, NotSentSeen, Says, SeenHit};

/// Entries of a list: an alert has 64 hits and fields, and 256 codes at most.
const LIST: usize = 256;
/// Bytes of a text: the engine cuts fields at 1,024.
const TEXT: usize = 1_024;
/// Bytes of the record's value that are kept.
const VALUE: usize = 4_096;

#[derive(Deserialize)]
struct Message {
    kind: String,
    source: Source,
    #[serde(default)]
    revision: u64,
    #[serde(default)]
    hits: Vec<Hit>,
    #[serde(default)]
    hits_more: u64,
    #[serde(default)]
    fields: Pairs<Box<RawValue>>,
    value: Option<String>,
    value_hex: Option<String>,
    cut: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    records: u64,
    #[serde(default)]
    codes: Pairs<u64>,
}

#[derive(Deserialize)]
struct Source {
    partition: i32,
    #[serde(default)]
    offset: i64,
    timestamp: Option<i64>,
    #[serde(default)]
    from: i64,
    #[serde(default)]
    to: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hit {
    rule: String,
    version: String,
    sha256: String,
    code: String,
    detail: String,
}

/// Members of an object, in their order.
struct Pairs<V>(Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Members<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// What a message's value says. None: it has no value.
pub(super) fn says(value: Option<&[u8]>) -> Says {
    let value = value.unwrap_or_default();
    let message = serde_json::from_slice(value).ok();
    message.and_then(of_kind).unwrap_or(Says::Other(value.len()))
}

/// None: a kind that this version does not know.
fn of_kind(message: Message) -> Option<Says> {
    match message.kind.as_str() {
        "alert" => Some(Says::Flagged(flagged(message))),
        "not_sent" => {
            let Source { partition, from, to, .. } = message.source;
            let mut cutter = Cutter::default();
            let codes = message.codes.0.into_iter().take(LIST);
            let codes = codes.map(|(code, records)| (cutter.short(code, TEXT), records)).collect();
            Some(Says::NotSent(NotSentSeen { partition, from, to, records: message.records, codes }))
        }
        _ => None,
    }
}

fn flagged(message: Message) -> Flagged {
    let Message { source, revision, hits, hits_more: more, fields, value, value_hex, cut, .. } = message;
    let mut cutter = Cutter { has_cut: cut.is_some() || hits.len() > LIST || fields.0.len() > LIST };
    let hit = |Hit { rule, version, sha256, code, detail }: Hit| {
        let [rule, version, sha256, code, detail] =
            [rule, version, sha256, code, detail].map(|text| cutter.short(text, TEXT));
        SeenHit { rule, version, sha256, code, detail }
    };
    let hits = hits.into_iter().take(LIST).map(hit).collect();
    let text = |json: &RawValue| match json.get() {
        "null" => None,
        // A text without its quotes; anything else as it is written.
        json => Some(serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())),
    };
    let field = |(name, json): (String, Box<RawValue>)| {
        (cutter.short(name, TEXT), text(&json).map(|text| cutter.short(text, TEXT)))
    };
    let fields = fields.0.into_iter().take(LIST).map(field).collect();
    let value = value.or_else(|| value_hex.map(|hex| format!("hex {hex}"))).map(|value| cutter.short(value, VALUE));
    let record = RecordPosition { partition: Partition(source.partition), offset: Offset(source.offset) };
    let timestamp = source.timestamp.unwrap_or(-1);
    Flagged { record, timestamp, revision, hits, more, fields, value, is_cut: cutter.has_cut }
}

/// Shortens texts.
#[derive(Default)]
struct Cutter {
    /// Whether one had to be.
    has_cut: bool,
}

impl Cutter {
    /// The text, or its first `most` bytes, without the beginning of a character.
    fn short(&mut self, mut text: String, most: usize) -> String {
        if text.len() > most {
            self.has_cut = true;
            text.truncate(text.floor_char_boundary(most));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: &str = include_str!("../../../../docs/formats.md");

    /// The JSON behind this text of docs/formats.md.
    fn documented(before: &str) -> &'static [u8] {
        let (_, after) = FORMATS.split_once(before).expect("the section");
        let (json, _) = after.split_once("```json\n").expect("an example").1.split_once("```").expect("its end");
        json.as_bytes()
    }

    #[test]
    fn what_the_document_shows_is_read_member_by_member() {
        let Says::Flagged(alert) = says(Some(documented("\n## Alerts\n"))) else { panic!("an alert") };
        assert_eq!(alert.record, RecordPosition { partition: Partition(3), offset: Offset(18_234_771) });
        assert_eq!((alert.timestamp, alert.revision, alert.more, alert.is_cut), (1_700_000_000_000, 7, 0, false));
        let hits: Vec<_> = alert.hits.iter().map(|hit| (hit.code.as_str(), hit.detail.as_str())).collect();
        assert_eq!(hits, [("HIGH_AMOUNT", "amount 250000.00 > 200000"), ("SELF_TRANSFER", "")]);
        let fields: Vec<_> = alert.fields.iter().map(|(name, text)| (name.as_str(), text.as_deref())).collect();
        let wanted = [
            ("name_orig", Some("C1")),
            ("amount", Some("250000.00")),
            ("tries", Some("3")),
            ("customer.segment", None),
        ];
        assert_eq!(fields, wanted, "in the order of the configuration");
        let Says::NotSent(not_sent) = says(Some(documented("What is not sent"))) else { panic!("a summary") };
        assert_eq!(
            (not_sent.partition, not_sent.from, not_sent.to, not_sent.records),
            (3, 18_240_000, 18_249_999, 812)
        );
        assert_eq!(not_sent.codes, [("HIGH_AMOUNT".to_owned(), 800), ("SELF_TRANSFER".to_owned(), 30)]);
    }

    #[test]
    fn what_is_long_is_cut_and_marked() {
        let long = "ü".repeat(3_000);
        let json = format!(
            r#"{{"kind":"alert","source":{{"partition":0,"offset":1}},"hits":[{{"code":"A","detail":"{long}"}}],"value":"{long}"}}"#
        );
        let Says::Flagged(alert) = says(Some(json.as_bytes())) else { panic!("an alert") };
        assert!(alert.is_cut && alert.hits[0].detail.len() == TEXT);
        assert_eq!(alert.value.map(|value| value.len()), Some(VALUE));
        let cut = br#"{"kind":"alert","source":{"partition":0,"offset":1},"cut":{"key":9},"value_hex":"ff"}"#;
        let Says::Flagged(alert) = says(Some(cut)) else { panic!("an alert") };
        assert!(alert.is_cut && alert.value.as_deref() == Some("hex ff"));
    }

    #[test]
    fn what_others_write_is_said_to_be_something_else() {
        for value in [
            &b""[..],
            b"{",
            b"[]",
            b"no JSON",
            b"{\"kind\":\"alert\"}",
            b"{\"kind\":\"next\",\"source\":{\"partition\":1}}",
        ] {
            assert_eq!(says(Some(value)), Says::Other(value.len()), "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(says(None), Says::Other(0));
    }
}
