//! What the pipeline wrote, compared with what `weir generate` said is true.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::way::{ASK, PARTITIONS, Way};

/// A letter as a reader of the queue sees it.
pub(crate) struct Letter {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) row: Option<i64>,
}

impl Way {
    pub(crate) fn windows_equal_the_truth(&self) {
        self.columns_equal_the_truth(&["records", "flagged", "amount_sum", "amount_min", "amount_max"]);
    }

    /// For a test that changes what is flagged.
    pub(crate) fn records_and_sums_equal_the_truth(&self) {
        self.columns_equal_the_truth(&["records", "amount_sum", "amount_min", "amount_max"]);
    }

    fn columns_equal_the_truth(&self, columns: &[&str]) {
        let rows = self.sql(
            &format!("weir_{}", self.name),
            &format!(
                "SELECT ROUND(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) / 1000), type, {} FROM risk_stats",
                columns.join(", ")
            ),
        );
        let got: BTreeSet<String> = rows.lines().map(str::to_owned).collect();
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let windows = self.truth["windows"].as_array().expect("windows");
        let line = |w: &Value| {
            let fields = ["window_start", "type"].iter().chain(columns);
            fields.map(|field| text(&w[*field])).collect::<Vec<_>>().join("\t")
        };
        let want: BTreeSet<String> = windows.iter().map(line).collect();
        let (missing, wrong): (Vec<_>, Vec<_>) = (want.difference(&got).collect(), got.difference(&want).collect());
        assert!(missing.is_empty() && wrong.is_empty(), "missing: {missing:#?}\nnot in the truth: {wrong:#?}");
        assert_eq!(rows.lines().count(), windows.len());
    }

    /// How many revisions the letters name; each must be the one that `weir_activation` gives for its offset.
    pub(crate) fn every_letter_names_the_revision_of_its_offset(&self) -> usize {
        let statement = "SELECT `partition`, first_offset, revision FROM weir_activation";
        let mut activations: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for row in self.sql(&format!("weir_{}", self.name), statement).lines() {
            let row: Vec<i64> = row.split('\t').map(|cell| cell.parse().expect("a number")).collect();
            activations.insert((row[0], row[1]), row[2]);
        }
        let mut revisions = BTreeSet::new();
        for letter in self.letters() {
            let number = |name: &str| letter.headers[name].parse::<i64>().expect("a number");
            let (partition, offset) = (number("__dlq.errors.partition"), number("__dlq.errors.offset"));
            let judged = activations.range((partition, 0)..=(partition, offset)).next_back().map(|(_, r)| *r);
            assert_eq!(judged, Some(number("weir.revision")), "partition {partition}, offset {offset}");
            revisions.insert(judged);
        }
        revisions.len()
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        let consumer: BaseConsumer = self.kafka().set("enable.partition.eof", "true").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(&self.queue(), partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&list).expect("partitions that exist");
        let (mut letters, mut ended) = (Vec::new(), 0);
        while ended < PARTITIONS {
            match consumer.poll(ASK).expect("the queue answers") {
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
                Err(why) => panic!("{why}"),
                Ok(message) => letters.push(letter(&message)),
            }
        }
        letters
    }

    pub(crate) fn dead_letters_equal_the_truth(&self) {
        let letters = self.letters();
        let mut want: BTreeMap<i64, String> = BTreeMap::new();
        for row in self.truth["dead_letters"]["rows"].as_array().expect("rows") {
            want.insert(row[0].as_i64().expect("a row"), row[1].as_str().expect("a code").to_owned());
        }
        let (mut places, mut unparsed) = (BTreeSet::new(), 0);
        assert_eq!(letters.len(), want.len(), "as many letters as dirty records");
        for letter in &letters {
            let header = |name: &str| {
                letter.headers.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", letter.headers)).as_str()
            };
            assert_eq!(header("__dlq.errors.topic"), self.topic());
            assert_eq!(header("__dlq.errors.group"), format!("group-{}", self.name));
            let place = (header("__dlq.errors.partition").to_owned(), header("__dlq.errors.offset").to_owned());
            assert!(places.insert(place.clone()), "{place:?} is there twice");
            for name in ["__dlq.errors.message", "weir.revision", "weir.hits", "weir.source.timestamp"] {
                assert!(!header(name).is_empty(), "{name} of {place:?}");
            }
            assert!(["decode", "rule", "window"].contains(&header("weir.stage")));
            if header("weir.stage") == "rule" && header("weir.code") != "FIELD_MISSING" {
                assert_eq!(header("weir.rule.sha256").len(), 64);
                assert!(!header("weir.rule").is_empty());
            }
            match letter.row {
                Some(row) => assert_eq!(want.remove(&row).as_deref(), Some(header("weir.code")), "row {row}"),
                None => {
                    assert_eq!(header("weir.code"), "PARSE_JSON", "{place:?}");
                    unparsed += 1;
                }
            }
        }
        assert!(want.values().all(|code| code == "PARSE_JSON"), "no letter: {want:?}");
        assert_eq!(want.len(), unparsed, "letters without a row");
    }
}

fn letter(message: &impl Message) -> Letter {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map_or_else(String::new, text))).collect()
    });
    let value: Option<Value> = message.payload().and_then(|value| serde_json::from_slice(value).ok());
    Letter { headers: headers.unwrap_or_default(), row: value.and_then(|value| value["tx_id"].as_i64()) }
}
