//! A letter as a Kafka message: the source's key, value and headers as they were, and the reason behind them.

use rdkafka::message::{Header, OwnedHeaders};

use crate::model::finding::Stage;
use crate::model::ids::Partition;
use crate::model::letter::Letter;

const HITS: &str = "weir.hits";
/// Set where something was cut or left out to fit; each holds its whole length in bytes.
const VALUE_CUT: &str = "weir.value.cut";
const HITS_CUT: &str = "weir.hits.cut";
const HEADERS_CUT: &str = "weir.headers.cut";
const KEY_CUT: &str = "weir.key.cut";
/// What a header takes beyond name and value, and what one of the marks above takes whole.
const HEADER_OVERHEAD: usize = 16;
const MARK: usize = 64;
/// What Kafka adds to a record beyond key, value and headers, generously.
const RECORD_OVERHEAD: usize = 512;

/// Where the letters of a pipeline come from.
pub(super) struct Origin {
    pub(super) topic: String,
    pub(super) group: String,
}

/// What is sent.
pub(super) struct Outgoing {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: OwnedHeaders,
}

/// The message of a letter, within `limit` bytes: what is too long is cut and marked (FACTS C12), in this order: the
/// list of hits, the source's headers, the key, the value. Without that one letter could hold its partition up for ever.
pub(super) fn outgoing(letter: Letter, partition: Partition, origin: &Origin, limit: usize) -> Outgoing {
    let mut own = reason_headers(&letter, partition, origin);
    let Letter { mut key, mut value, mut headers, cut, .. } = letter;
    let theirs: usize = headers.iter().map(|(name, value)| header_size(name, value.as_deref())).sum();
    own.extend(cut.headers.map(|length| (HEADERS_CUT, length.to_string())));
    let ours: usize = own.iter().map(|(name, value)| header_size(name, Some(value.as_bytes()))).sum();
    // The outbox may have cut them already: the mark tells what the source had.
    let (mut key_cut, mut value_cut) = (cut.key, cut.value);
    let mut size = RECORD_OVERHEAD + key.as_ref().map_or(0, Vec::len) + theirs + ours;
    if size > limit {
        let hits = own.iter_mut().find(|(name, _)| *name == HITS).expect("every letter lists its hits");
        let length = std::mem::replace(&mut hits.1, "[]".to_owned()).len();
        own.push((HITS_CUT, length.to_string()));
        size = size - length + 2 + MARK;
    }
    if size > limit && theirs > 0 {
        headers.clear();
        own.push((HEADERS_CUT, theirs.to_string()));
        size = size - theirs + MARK;
    }
    if let Some(key) = key.as_mut().filter(|_| size > limit) {
        key_cut.get_or_insert(key.len());
        let length = key.len();
        key.truncate(length.saturating_sub(size - limit + 2 * MARK)); // and the value's mark
        size = size - length + key.len();
    }
    if let Some(length) = key_cut {
        own.push((KEY_CUT, length.to_string()));
        size += MARK;
    }
    let room = limit.saturating_sub(size);
    if let Some(value) = value.as_mut().filter(|value| value.len() > room) {
        value_cut.get_or_insert(value.len());
        value.truncate(room.saturating_sub(MARK));
    }
    own.extend(value_cut.map(|length| (VALUE_CUT, length.to_string())));
    let mut all = OwnedHeaders::new_with_capacity(own.len() + headers.len());
    for (name, value) in &headers {
        all = all.insert(Header { key: name, value: value.as_deref() });
    }
    for (name, value) in &own {
        all = all.insert(Header { key: name, value: Some(value.as_bytes()) });
    }
    Outgoing { key, value, headers: all }
}

fn reason_headers(letter: &Letter, partition: Partition, origin: &Origin) -> Vec<(&'static str, String)> {
    let reason = &letter.reason;
    let stage = match reason.stage {
        Stage::Decode => "decode",
        Stage::Rule => "rule",
        Stage::Window => "window",
    };
    let mut own = vec![
        ("__dlq.errors.topic", origin.topic.clone()),
        ("__dlq.errors.partition", partition.to_string()),
        ("__dlq.errors.offset", letter.offset.to_string()),
        ("__dlq.errors.group", origin.group.clone()),
        ("__dlq.errors.message", reason.message.clone()),
        ("weir.stage", stage.to_owned()),
        ("weir.code", reason.code.clone()),
        ("weir.revision", reason.revision.to_string()),
        (HITS, serde_json::to_string(&reason.hits).expect("hits are plain data")),
        ("weir.source.timestamp", letter.timestamp.to_string()),
    ];
    if let Some((rule, sha256)) = &reason.rule {
        own.push(("weir.rule", rule.clone()));
        own.push(("weir.rule.sha256", sha256.to_string()));
    }
    own
}

fn header_size(name: &str, value: Option<&[u8]>) -> usize {
    name.len() + value.map_or(0, <[u8]>::len) + HEADER_OVERHEAD
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;
    use crate::model::ids::{Offset, Revision};
    use crate::model::letter::{Cut, Reason};

    fn letter(value: usize) -> Letter {
        let reason = Reason {
            stage: Stage::Decode,
            code: "PARSE_JSON".into(),
            message: "not JSON".into(),
            rule: None,
            revision: Revision(2),
            hits: vec![],
        };
        let (value, headers) = (Some(vec![b'x'; value]), vec![("trace".into(), None)]);
        Letter { offset: Offset(5), timestamp: 9, key: None, value, headers, cut: Cut::default(), reason }
    }

    fn header(message: &Outgoing, name: &str) -> Option<String> {
        let found = message.headers.iter().find(|header| header.key == name)?;
        Some(String::from_utf8_lossy(found.value?).into_owned())
    }

    fn origin() -> Origin {
        Origin { topic: "finance_stream".into(), group: "weir".into() }
    }

    #[test]
    fn a_value_that_fits_is_sent_as_it_was() {
        let message = outgoing(letter(10_000), Partition(3), &origin(), 100_000);
        assert_eq!(message.value.as_ref().map(Vec::len), Some(10_000));
        assert_eq!(header(&message, VALUE_CUT), None);
        assert_eq!(header(&message, "__dlq.errors.partition").as_deref(), Some("3"));
        assert_eq!(message.headers.get(0).key, "trace", "the source's own headers come first");
    }

    #[test]
    fn a_value_that_does_not_fit_is_cut_and_says_how_long_it_was() {
        let message = outgoing(letter(10_000), Partition(3), &origin(), 5_000);
        assert!(message.value.as_ref().is_some_and(|value| value.len() < 5_000));
        assert_eq!(header(&message, VALUE_CUT).as_deref(), Some("10000"));
        assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
    }

    fn size(message: &Outgoing) -> usize {
        let headers: usize = message.headers.iter().map(|header| header_size(header.key, header.value)).sum();
        headers + message.key.as_ref().map_or(0, Vec::len) + message.value.as_ref().map_or(0, Vec::len)
    }

    #[test]
    fn what_the_outbox_cut_is_marked_with_the_length_that_the_source_had() {
        let cut = Cut { key: Some(3_000_000), value: Some(20_000_000), headers: Some(4_000_000) };
        for limit in [5_000, 100_000] {
            let message =
                outgoing(Letter { cut, key: Some(vec![1]), ..letter(10_000) }, Partition(3), &origin(), limit);
            let marks = [KEY_CUT, VALUE_CUT, HEADERS_CUT].map(|mark| header(&message, mark).unwrap());
            assert_eq!(marks, ["3000000", "20000000", "4000000"]);
            assert!(size(&message) <= limit, "{} bytes", size(&message));
        }
    }

    /// A kibibyte of value, and so much of the rest.
    fn large(hits: usize, headers: usize, key: usize) -> Letter {
        let mut letter = letter(1_024);
        letter.reason.message = "m".repeat(100);
        let hit = crate::model::letter::Hit {
            code: "C".into(),
            rule: "r".into(),
            effect: crate::model::finding::Effect::DeadLetter,
            detail: "d".repeat(hits),
        };
        letter.reason.hits = vec![hit];
        letter.headers.push(("big".into(), Some(vec![b'h'; headers])));
        letter.key = Some(vec![b'k'; key]);
        letter
    }

    #[test]
    fn whatever_is_too_long_gives_way_until_the_letter_fits() {
        let limit = 5_000;
        let cases = [
            (large(9_000, 10, 10), vec![HITS_CUT]),
            (large(10, 9_000, 10), vec![HITS_CUT, HEADERS_CUT]),
            (large(10, 10, 9_000), vec![HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT]),
            (large(900_000, 900_000, 900_000), vec![HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT]),
            (large(10, 10, 10), vec![]),
        ];
        for (letter, wanted) in cases {
            let message = outgoing(letter, Partition(3), &origin(), limit);
            assert!(size(&message) <= limit, "{} bytes", size(&message));
            let marks = [HITS_CUT, HEADERS_CUT, KEY_CUT, VALUE_CUT];
            let cut: Vec<_> = marks.into_iter().filter(|mark| header(&message, mark).is_some()).collect();
            assert_eq!(cut, wanted);
            assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
            assert_eq!(header(&message, "__dlq.errors.offset").as_deref(), Some("5"));
        }
    }
}
