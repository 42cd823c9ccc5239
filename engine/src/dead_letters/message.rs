//! A letter as a Kafka message: the source's key, value and headers as they were, and the reason behind them.

use rdkafka::message::{Header, OwnedHeaders};

use crate::model::finding::Stage;
use crate::model::ids::Partition;
use crate::model::letter::Letter;

/// Set where the value was cut to fit; holds its whole length in bytes.
const CUT: &str = "weir.value.cut";
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

/// The message of a letter, within `limit` bytes: a value that is too long is cut and marked (FACTS C12).
pub(super) fn outgoing(letter: Letter, partition: Partition, origin: &Origin, limit: usize) -> Outgoing {
    let reason = &letter.reason;
    let stage = match reason.stage {
        Stage::Decode => "decode",
        Stage::Rule => "rule",
        Stage::Window => "window",
    };
    let mut own: Vec<(&str, String)> = vec![
        ("__dlq.errors.topic", origin.topic.clone()),
        ("__dlq.errors.partition", partition.to_string()),
        ("__dlq.errors.offset", letter.offset.to_string()),
        ("__dlq.errors.group", origin.group.clone()),
        ("__dlq.errors.message", reason.message.clone()),
        ("weir.stage", stage.to_owned()),
        ("weir.code", reason.code.clone()),
        ("weir.revision", reason.revision.to_string()),
        ("weir.hits", serde_json::to_string(&reason.hits).expect("hits are plain data")),
        ("weir.source.timestamp", letter.timestamp.to_string()),
    ];
    if let Some((rule, sha256)) = &reason.rule {
        own.push(("weir.rule", rule.clone()));
        own.push(("weir.rule.sha256", sha256.to_string()));
    }
    let mut size = RECORD_OVERHEAD + letter.key.as_ref().map_or(0, Vec::len);
    size += own.iter().map(|(name, value)| name.len() + value.len() + 16).sum::<usize>();
    size +=
        letter.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + 16).sum::<usize>();
    let room = limit.saturating_sub(size);
    let value = letter.value.map(|mut value| {
        if value.len() > room {
            own.push((CUT, value.len().to_string()));
            value.truncate(room.saturating_sub(CUT.len() + 36));
        }
        value
    });
    let mut headers = OwnedHeaders::new_with_capacity(own.len() + letter.headers.len());
    for (name, value) in &letter.headers {
        headers = headers.insert(Header { key: name, value: value.as_deref() });
    }
    for (name, value) in &own {
        headers = headers.insert(Header { key: name, value: Some(value.as_bytes()) });
    }
    Outgoing { key: letter.key, value, headers }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;
    use crate::model::ids::{Offset, Revision};
    use crate::model::letter::Reason;

    fn letter(value: usize) -> Letter {
        let reason = Reason {
            stage: Stage::Decode,
            code: "PARSE_JSON".into(),
            message: "not JSON".into(),
            rule: None,
            revision: Revision(2),
            hits: vec![],
        };
        let value = Some(vec![b'x'; value]);
        Letter { offset: Offset(5), timestamp: 9, key: None, value, headers: vec![("trace".into(), None)], reason }
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
        assert_eq!(header(&message, CUT), None);
        assert_eq!(header(&message, "__dlq.errors.partition").as_deref(), Some("3"));
        assert_eq!(message.headers.get(0).key, "trace", "the source's own headers come first");
    }

    #[test]
    fn a_value_that_does_not_fit_is_cut_and_says_how_long_it_was() {
        let message = outgoing(letter(10_000), Partition(3), &origin(), 5_000);
        assert!(message.value.as_ref().is_some_and(|value| value.len() < 5_000));
        assert_eq!(header(&message, CUT).as_deref(), Some("10000"));
        assert_eq!(header(&message, "weir.code").as_deref(), Some("PARSE_JSON"));
    }
}
