//! The newest letters seen so far, bounded in number and in bytes over all partitions: what does not fit goes, the oldest
//! first, so that what is left has no gap.

use std::collections::BTreeMap;

use rdkafka::message::{Headers, Message};

use super::Wanted;
use crate::kafka::StoredRecord;

/// Texts that are kept for the headers of one letter: a source may have sent thousands.
const HEADERS: usize = 16;
/// What a letter takes beside its texts, about.
const LETTER: usize = 200;

/// A letter as it is in the queue.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Shown {
    /// Partition of the queue.
    pub partition: i32,
    /// Offset in the queue.
    pub offset: i64,
    /// When it was written there, epoch milliseconds.
    pub timestamp: i64,
    /// Key of the source record, as text; bytes that are no UTF-8 are replaced.
    pub key: Option<String>,
    /// Value of the source record, as text; bytes that are no UTF-8 are replaced.
    pub value: Option<String>,
    /// Bytes of the whole value.
    pub value_bytes: Option<usize>,
    /// In order, the source's own first; a name may come twice.
    pub headers: Vec<(String, Option<String>)>,
    /// Whether a text was cut or a header of the source left out.
    pub truncated: bool,
}

impl Shown {
    /// A header's text; empty if it has none. Of two with one name the later, which is the engine's own.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().rfind(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    }

    /// Of a record as its topic has it; a text is cut after `most` bytes.
    pub fn of_stored(record: &StoredRecord, most: usize) -> Self {
        let StoredRecord { partition, offset, timestamp, key, value, headers } = record;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        Self::cut((*partition, *offset, *timestamp), (key.as_deref(), value.as_deref()), headers, most)
    }

    pub(super) fn of(message: &impl Message, most: usize) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        let headers = headers.map(|header| (header.key, header.value)).collect();
        let place = (message.partition(), message.offset(), time(message));
        Self::cut(place, (message.key(), message.payload()), headers, most)
    }

    fn cut(
        (partition, offset, timestamp): (i32, i64, i64),
        (key, value): (Option<&[u8]>, Option<&[u8]>),
        headers: Vec<(&str, Option<&[u8]>)>,
        most: usize,
    ) -> Self {
        let mut cut = Cut { most, truncated: false };
        let mut shown = Self {
            partition,
            offset,
            timestamp,
            key: key.map(|key| cut.text(key)),
            value: value.map(|value| cut.text(value)),
            value_bytes: value.map(<[u8]>::len),
            headers: Vec::new(),
            truncated: false,
        };
        let mut room = most.saturating_mul(HEADERS);
        // From the end: the engine's own are there.
        for (name, value) in headers.into_iter().rev() {
            let (name, value) = (cut.text(name.as_bytes()), value.map(|value| cut.text(value)));
            let bytes = name.len() + value.as_ref().map_or(0, String::len);
            if bytes > room {
                cut.truncated = true;
                break;
            }
            room -= bytes;
            shown.headers.push((name, value));
        }
        shown.headers.reverse();
        shown.truncated = cut.truncated;
        shown
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + length(value) + 2).sum();
        LETTER + length(&self.key) + length(&self.value) + headers
    }
}

/// Bytes to texts of a bounded length.
struct Cut {
    most: usize,
    truncated: bool,
}

impl Cut {
    fn text(&mut self, bytes: &[u8]) -> String {
        if bytes.len() <= self.most {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        self.truncated = true;
        // Not in the midst of a character, where there are characters.
        let starts = |at: &usize| bytes[*at] & 0xC0 != 0x80;
        let end = (self.most.saturating_sub(3)..=self.most).rev().find(starts).unwrap_or(self.most);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

/// Order of letters: the time at which each was written, then its partition and offset.
pub(super) type Age = (i64, i32, i64);

pub(super) fn age(message: &impl Message) -> Age {
    (time(message), message.partition(), message.offset())
}

fn time(message: &impl Message) -> i64 {
    message.timestamp().to_millis().unwrap_or(-1)
}

#[derive(Default)]
pub(super) struct Newest {
    letters: BTreeMap<Age, Shown>,
    bytes: usize,
    /// The newest that had to go for the bytes; what is older is not kept either.
    floor: Option<Age>,
}

impl Newest {
    pub(super) fn add(&mut self, message: &impl Message, wanted: &Wanted) {
        let age = age(message);
        let oldest = self.letters.first_key_value().map(|(age, _)| *age);
        // Asked before anything is copied.
        if self.is_beyond(age) || self.letters.len() >= wanted.limit && oldest.is_none_or(|oldest| age < oldest) {
            return;
        }
        let shown = Shown::of(message, wanted.text);
        self.bytes += shown.bytes();
        self.letters.insert(age, shown);
        while self.letters.len() > wanted.limit || self.bytes > wanted.bytes {
            let is_many = self.letters.len() > wanted.limit;
            let Some((age, gone)) = self.letters.pop_first() else { break };
            self.bytes -= gone.bytes();
            if !is_many {
                self.floor = Some(age);
            }
        }
    }

    /// The letters, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Shown> {
        self.letters.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Whether a letter of this age would not be kept for the bytes that newer ones take.
    pub(super) fn is_beyond(&self, age: Age) -> bool {
        self.floor.is_some_and(|floor| age <= floor)
    }

    /// The letters, oldest first, and whether none is missing among the newest `limit`.
    pub(super) fn end(self, limit: usize) -> (Vec<Shown>, bool) {
        let whole = self.floor.is_none() || self.letters.len() == limit;
        (self.letters.into_values().collect(), whole)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    use super::*;

    fn letter(time: i64, value: &[u8], headers: OwnedHeaders) -> OwnedMessage {
        let stamp = Timestamp::CreateTime(time);
        OwnedMessage::new(Some(value.to_vec()), None, "letters".into(), stamp, 0, time, Some(headers))
    }

    fn wanted(limit: usize, text: usize, bytes: usize) -> Wanted<'static> {
        Wanted { topic: "letters", limit, code: None, within: std::time::Duration::ZERO, text, bytes }
    }

    fn kept(times: &[i64], size: usize, wanted: &Wanted) -> (Vec<i64>, bool) {
        let mut newest = Newest::default();
        for time in times {
            newest.add(&letter(*time, &vec![b'x'; size], OwnedHeaders::new()), wanted);
        }
        let (letters, whole) = newest.end(wanted.limit);
        (letters.iter().map(|letter| letter.timestamp).collect(), whole)
    }

    #[test]
    fn the_newest_that_fit_are_kept_without_a_gap_and_what_is_missing_is_told() {
        let times = [5, 6, 7, 8, 9, 1, 2, 3, 4];
        assert_eq!(kept(&times, 800, &wanted(3, 9_999, 1_000_000)), (vec![7, 8, 9], true));
        assert_eq!(kept(&times, 800, &wanted(99, 9_999, 1_000_000)), ((1..10).collect(), true));
        // 1,000 bytes each.
        assert_eq!(kept(&times, 800, &wanted(99, 9_999, 4_000)), (vec![6, 7, 8, 9], false));
        assert_eq!(kept(&times, 800, &wanted(4, 9_999, 4_000)), (vec![6, 7, 8, 9], true));
        assert_eq!(kept(&times, 800, &wanted(99, 9_999, 999)), (vec![], false), "not one fits");
        assert_eq!(kept(&times, 800, &wanted(0, 9_999, 4_000)), (vec![], true));
    }

    #[test]
    fn a_letter_older_than_one_that_did_not_fit_is_not_slipped_in() {
        let (mut newest, wanted) = (Newest::default(), wanted(9, 9_999, 2_500));
        for (time, size) in [(5, 1_500), (6, 1_500), (4, 1)] {
            newest.add(&letter(time, &vec![b'x'; size], OwnedHeaders::new()), &wanted);
        }
        let (letters, whole) = newest.end(9);
        assert_eq!((letters.len(), letters[0].timestamp, whole), (1, 6, false));
    }

    #[test]
    fn a_text_is_cut_between_characters_and_whatever_is_cut_is_marked() {
        let of = |value: &str, most| Shown::of(&letter(1, value.as_bytes(), OwnedHeaders::new()), most);
        let whole = of("häß", 5);
        assert_eq!((whole.value.as_deref(), whole.value_bytes, whole.truncated), (Some("häß"), Some(5), false));
        let cut = of("häß", 4);
        assert_eq!((cut.value.as_deref(), cut.value_bytes, cut.truncated), (Some("hä"), Some(5), true));
        let broken = Shown::of(&letter(1, &[0x80; 99], OwnedHeaders::new()), 10);
        assert!(broken.truncated && broken.value.unwrap().len() <= 30, "bytes that are no text are cut too");
    }

    #[test]
    fn of_too_many_headers_the_engines_own_are_kept() {
        let mut headers = OwnedHeaders::new();
        for _ in 0..1_000 {
            headers = headers.insert(Header { key: "noise", value: Some(&vec![b'x'; 200]) });
        }
        headers = headers.insert(Header { key: "weir.code", value: Some("LATE") });
        let shown = Shown::of(&letter(1, b"{}", headers), 100);
        assert!(shown.truncated && shown.headers.len() < 20, "{}", shown.headers.len());
        assert_eq!((shown.header("weir.code"), shown.header("noise").len()), ("LATE", 100));
    }
}
