//! Dead letters and records that are not there: every one of them holds [`IBAN`], in key, value, reason, detail and a header.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use weir::admin::ports::{Bytes, Found, LetterFilter, ReadError, RecordReader};
use weir::admin::views::*;
use weir::model::finding::Effect;
use weir::model::ids::{RecordPosition, Sha256};

use super::{IBAN, SECRET, WASM, filled, url};

/// The topics in the fakes' place.
pub(super) struct Records {
    /// Every read of Kafka, in order; what comes out of memory is none.
    pub(super) seen: Arc<Mutex<Vec<String>>>,
    /// Letters that there are.
    pub(super) letters: usize,
    pub(super) filled: bool,
}

impl Records {
    fn see(&self, what: String) {
        self.seen.lock().unwrap().push(what);
    }

    /// One by itself.
    fn shown(&self, at: RecordPosition, text: usize) -> LetterView {
        let letter = letter(at, None, text);
        if self.filled { filled::long(letter, text) } else { letter }
    }

    /// The newest have the highest offsets.
    fn newest(&self, most: usize, code: Option<&str>, text: usize) -> Vec<LetterView> {
        let offsets = (0..self.letters as i64).rev().take(most);
        let letter =
            |offset| letter(RecordPosition { offset: weir::model::ids::Offset(offset), ..at(0, 0) }, code, text);
        offsets.map(|offset| if self.filled { filled::letter(letter(offset)) } else { letter(offset) }).collect()
    }
}

#[async_trait]
impl RecordReader for Records {
    async fn groups(&self, letters: usize) -> LetterGroupsView {
        let group = |number: usize| LetterGroupView {
            code: Some("IBAN_BLOCKED".into()),
            rule: Some(if number == 0 { "blocked".into() } else { format!("blocked_{number}") }),
            sha256: Some(Sha256::of(WASM).to_string()),
            letters: 3_912,
            first: rfc3339(0),
            last: rfc3339(60_000),
            by_minute: (0..15).collect(),
            sample: letter(at(0, 1), None, 1_024),
        };
        LetterGroupsView {
            groups: (0..self.letters.min(200))
                .map(|number| if self.filled { filled::group(number as u64, group(number)) } else { group(number) })
                .collect(),
            others: 5,
            letters: self.newest(letters, None, 1_024),
            read: self.letters as u64,
            passed_over: 1_234,
            since: Some(rfc3339(0)),
            as_of: Some(rfc3339(61_000)),
            problem: Some(url()),
            hidden: None,
        }
    }

    async fn tail(&self, filter: LetterFilter, limit: usize, text: usize) -> Result<LettersView, ReadError> {
        let code = filter.code.as_deref();
        assert_ne!(code, Some("PANIC"), "{SECRET}");
        match code {
            Some("AWAY") => return Err(ReadError::Away(format!("the dead-letter topic: {}", url()))),
            Some("BUSY") => return Err(ReadError::Busy(2)),
            Some("SLOW") => tokio::time::sleep(Duration::from_secs(60)).await,
            _ => {}
        }
        self.see(format!("tail {filter:?} limit {limit}"));
        let letters = if code == Some("NOBODY") { Vec::new() } else { self.newest(limit, code, text) };
        Ok(LettersView { complete: code != Some("CUT"), letters, hidden: None })
    }

    async fn letter(&self, at: RecordPosition, text: usize) -> Result<Found<LetterView>, ReadError> {
        there(at, "dead_letter_queue")?;
        self.see(format!("letter {at}"));
        Ok(Found { view: self.shown(at, text), value: bytes(at) })
    }

    async fn record(&self, at: RecordPosition, text: usize) -> Result<Found<RecordView>, ReadError> {
        there(at, "finance_stream")?;
        self.see(format!("record {at}"));
        let LetterView { fields, key, value, value_bytes, truncated, .. } = self.shown(at, text);
        let headers = vec![HeaderView { name: "trace".into(), value: Some(IBAN.into()) }];
        let (partition, offset) = (at.partition.0, at.offset.0);
        let view = RecordView {
            partition,
            offset,
            at: Some(rfc3339(0)),
            fields,
            key,
            value,
            value_bytes,
            headers,
            truncated,
            hidden: None,
        };
        Ok(Found { view, value: bytes(at) })
    }
}

fn at(partition: i32, offset: i64) -> RecordPosition {
    format!("{partition}@{offset}").parse().unwrap()
}

/// Partition 4 is not there, partition 5 is busy, partition 6 is away.
fn there(at: RecordPosition, topic: &str) -> Result<(), ReadError> {
    match at.partition.0 {
        4 => Err(ReadError::NotFound(format!("{topic} has no partition 4: it has 4, counted from 0"))),
        5 => Err(ReadError::Busy(2)),
        6 => Err(ReadError::Away(url())),
        _ => Ok(()),
    }
}

/// Offset 8 is a tombstone, offset 9 is long, offset 10 is no text.
fn bytes(at: RecordPosition) -> Bytes {
    match at.offset.0 {
        8 => Bytes::None,
        9 => Bytes::TooMany { bytes: 20 << 20, most: 8 << 20 },
        10 => Bytes::Whole(vec![0xff, 0xfe]),
        _ => Bytes::Whole(value().into_bytes()),
    }
}

fn value() -> String {
    format!("{{\"iban\":\"{IBAN}\",\"type\":\"DEBIT\"}}")
}

fn letter(at: RecordPosition, code: Option<&str>, text: usize) -> LetterView {
    let header = |name: &str, value: &str| HeaderView { name: name.into(), value: Some(value.into()) };
    let (value, message) = (value(), format!("{IBAN} is blocked"));
    let most = text.min(value.len());
    let code = code.unwrap_or("IBAN_BLOCKED");
    let hits = format!(r#"[{{"rule":"blocked","code":"IBAN_BLOCKED","effect":"dead-letter","detail":"{message}"}}]"#);
    let headers = vec![
        header("trace", IBAN),
        header("weir.code", code),
        header("weir.rule", "high_amount"),
        header("weir.hits", &hits),
        header("__dlq.errors.message", &message),
    ];
    let cut = (at.offset.0 == 11).then(|| header("weir.value.cut", "9000000"));
    let hit = |rule: &str, code: &str, effect| LetterHitView {
        rule: rule.into(),
        code: code.into(),
        effect,
        detail: message.clone(),
    };
    LetterView {
        partition: at.partition.0,
        offset: at.offset.0,
        at: Some(rfc3339(60_000)),
        code: Some(code.into()),
        stage: Some("rule".into()),
        message: Some(message.clone()),
        rule: Some("high_amount".into()),
        sha256: Some(Sha256::of(WASM).to_string()),
        revision: Some(41),
        hits: vec![hit("blocked", "IBAN_BLOCKED", Effect::DeadLetter), hit("watched", "IBAN_SEEN", Effect::Flag)],
        more_hits: 3,
        source_partition: Some(3),
        source_offset: Some(18_234_771),
        source_at: Some(rfc3339(0)),
        fields: BTreeMap::from([("iban".into(), Some(IBAN.into())), ("type".into(), Some("DEBIT".into()))]),
        key: Some(IBAN.into()),
        value: (at.offset.0 != 8).then(|| value[..most].into()),
        value_bytes: (at.offset.0 != 8).then_some(value.len() as u64),
        truncated: most < value.len(),
        headers: headers.into_iter().chain(cut).collect(),
    }
}
