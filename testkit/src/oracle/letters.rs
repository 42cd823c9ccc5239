//! The dead-letter topic, letter by letter against the source topic, the store's history and what should be there.

use std::collections::{BTreeMap, BTreeSet};

use crate::broker::{Place, Record};
use crate::oracle::history::History;
use crate::pipeline::TestPipeline;

/// Set by the engine where the value was cut to the topic's limit; holds the whole length.
const CUT: &str = "weir.value.cut";

impl TestPipeline {
    /// Each of `want` (place in the source and code) is there once, whole, with headers that are true; nothing else is.
    /// Returns the modules, name and sha256, that the letters name.
    pub fn letters_are(
        &self,
        source: &BTreeMap<Place, Record>,
        want: &BTreeMap<Place, String>,
    ) -> BTreeSet<(String, String)> {
        assert!(!want.is_empty());
        let history = History::of(self);
        let letters = self.read(&self.queue());
        let (mut got, mut modules) = (BTreeMap::new(), BTreeSet::new());
        // The records of one partition stay in their order; several may share a partition of the letters.
        let (partitions, mut last) = (self.partitions(&self.queue()), BTreeMap::new());
        for ((partition, _), letter) in &letters {
            let place = self.place(letter);
            assert_eq!(*partition, place.0 % partitions, "the partition of the letter for {place:?}");
            let order = last.entry(place.0).or_insert(-1);
            assert!(*order < place.1, "{place:?} is there twice, or behind offset {order}");
            *order = place.1;
            let original = source.get(&place).unwrap_or_else(|| panic!("no record at {place:?}"));
            let own = is_as_it_was(letter, original, place);
            self.headers_are_true(&own, original, place, &history);
            got.insert(place, header(&own, "weir.code").to_owned());
            if let (Some(rule), Some(sha256)) = (own.header("weir.rule"), own.header("weir.rule.sha256")) {
                modules.insert((rule.to_owned(), sha256.to_owned()));
            }
        }
        assert_eq!(got.len(), letters.len(), "a letter a place");
        crate::oracle::windows::same(&got, want);
        modules
    }

    /// Where the letter's record is, as its headers say.
    pub fn place(&self, letter: &Record) -> Place {
        assert_eq!(header(letter, "__dlq.errors.topic"), self.topic());
        let number = |name| header(letter, name).parse::<i64>().expect("a number");
        (number("__dlq.errors.partition") as i32, number("__dlq.errors.offset"))
    }

    fn headers_are_true(&self, letter: &Record, original: &Record, place: Place, history: &History) {
        assert_eq!(header(letter, "__dlq.errors.group"), self.group(), "{place:?}");
        assert_ne!(header(letter, "__dlq.errors.message"), "", "{place:?}");
        let stage = header(letter, "weir.stage");
        assert!(["decode", "rule", "window"].contains(&stage), "stage {stage} of {place:?}");
        let time = header(letter, "weir.source.timestamp").parse().ok();
        assert_eq!(time, original.timestamp, "Kafka's timestamp of {place:?}");
        assert_eq!(header(letter, "weir.revision"), history.revision(place).to_string(), "the revision of {place:?}");
        let hits: serde_json::Value = serde_json::from_str(header(letter, "weir.hits")).expect("JSON");
        let hits = hits.as_array().expect("a list");
        for flag in hits.iter().filter(|hit| hit["effect"] == "flag") {
            assert!(flag["detail"].is_string(), "{place:?} does not tell what was flagged: {hits:?}");
        }
        let rule = (letter.header("weir.rule"), letter.header("weir.rule.sha256"));
        if stage == "rule" {
            let (Some(name), Some(sha256)) = rule else { panic!("no rule for {place:?}: {letter:?}") };
            let in_force = history.rule(place, name).map(|rule| rule.sha256.as_str());
            assert_eq!(in_force, Some(sha256), "what was in force of {name} for {place:?}");
            let code = header(letter, "weir.code");
            assert!(hits.iter().any(|hit| hit["rule"] == name && hit["code"] == code), "{place:?}: {hits:?}");
        } else {
            assert_eq!(rule, (None, None), "no rule decided {place:?}");
        }
    }
}

fn header<'a>(letter: &'a Record, name: &str) -> &'a str {
    letter.header(name).unwrap_or_else(|| panic!("no header {name}: {letter:?}"))
}

/// Key and value byte for byte, and the source's headers in their order before the engine's; those of our names are told from
/// ours by theirs, for the source may have been a letter itself. Returns the letter with the engine's headers alone.
fn is_as_it_was(letter: &Record, original: &Record, place: Place) -> Record {
    assert_eq!(letter.key, original.key, "the key of {place:?}");
    let own = original.headers.len();
    assert!(letter.headers.len() > own, "{place:?}: {:?}", letter.headers);
    let theirs = |name: &String| match name.starts_with("weir.") || name.starts_with("__dlq.") {
        true => format!("source.{name}"),
        false => name.clone(),
    };
    let renamed: Vec<_> = original.headers.iter().map(|(name, value)| (theirs(name), value.clone())).collect();
    assert_eq!(letter.headers[..own], renamed, "the headers of {place:?}");
    let own = Record { headers: letter.headers[own..].to_vec(), ..letter.clone() };
    let (Some(length), Some(whole)) = (own.header(CUT), &original.value) else {
        assert_eq!(letter.value, original.value, "the value of {place:?}");
        return own;
    };
    assert_eq!(length, whole.len().to_string(), "the length of {place:?}");
    let kept = letter.value.as_deref().expect("a cut value is no tombstone");
    assert!(whole.starts_with(kept), "the cut value of {place:?} is the beginning of the whole");
    assert!(kept.len() < whole.len() && kept.len() > 100_000, "cut no more than needed: {} bytes", kept.len());
    own
}
