//! What should be there, computed from the source topic and the tables of revisions alone, and what is.

pub mod aggregates;
pub mod alerts;
pub mod history;
pub mod letters;
pub mod reference_model;
pub mod windows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::broker::{Place, Record};
use crate::oracle::alerts::{ComparedAlerts, Wanted};
use crate::oracle::history::{History, InForce};
use crate::oracle::windows::{Windows, cents};
use crate::pipeline::TestPipeline;
use crate::pipeline::generated::payment;

/// 2100-01-01, an event time beyond any `max_ahead`: a letter.
pub const FAR_AHEAD: i64 = 4_102_444_800_000;

/// How much was compared; that nothing differs is asserted on the way.
pub struct Compared {
    /// Records of the source topic.
    pub records: u64,
    /// Letters.
    pub letters: usize,
    /// Letters by code.
    pub codes: BTreeMap<String, u64>,
    /// Rows of `risk_stats`.
    pub windows: usize,
    /// Revisions of the rule set that judged anything.
    pub revisions: usize,
    /// None: the pipeline has no `[alerts]`.
    pub alerts: Option<ComparedAlerts>,
}

/// The faults that a decoder finds.
#[derive(Deserialize)]
struct Raw {
    event_time: i64,
    #[serde(rename = "type")]
    kind: Option<String>,
    amount: Box<RawValue>,
    name_orig: String,
}

/// `traps`: the modules, by sha256, that trap on every record. `is_blocked`: whether the flow has blocked this customer.
pub fn all_is_exact(pipeline: &TestPipeline, traps: &BTreeSet<String>, is_blocked: fn(&str) -> bool) -> Compared {
    let history = History::of(pipeline);
    let mut rules: HashMap<u64, Vec<(&str, &InForce)>> = HashMap::new();
    let (mut windows, mut want, mut rejected) = (Windows::new(), BTreeMap::new(), BTreeMap::new());
    let (beyond, mut flagged) = (pipeline.beyond(), Wanted::default());
    let mut records = 0;
    pipeline.each(&pipeline.topic(), |place, record| {
        records += 1;
        let revision = history.revision(place);
        let rules = rules.entry(revision).or_insert_with(|| history.in_order(revision));
        if let Some(code) = code(&record, rules, traps, is_blocked) {
            want.insert(place, code.to_owned());
            rejected.insert(place, record);
        } else {
            let payment = payment(&record).unwrap_or_else(|| panic!("no payment at {place:?}: {record:?}"));
            if beyond.is_some() {
                let hits = reference_model::flags(&payment, place, &history);
                flagged.add(place, (&record, &payment), &hits, &history);
            }
            reference_model::sum(&mut windows, payment, place, &history);
        }
    });
    every_record_is_counted_once(pipeline, &windows, &want, records);
    pipeline.windows_are("type", &windows);
    letters_stand_where_they_should(pipeline, &rejected);
    pipeline.letters_are(&rejected, &want);
    let alerts = beyond.map(|beyond| pipeline.alerts_are(&flagged, beyond == "count"));
    let mut codes = BTreeMap::new();
    for code in want.values() {
        *codes.entry(code.clone()).or_default() += 1;
    }
    let (letters, revisions) = (want.len(), history.revisions().len());
    Compared { records, letters, codes, windows: windows.len(), revisions, alerts }
}

/// The records that should have an alert, where no module traps.
pub fn flagged(pipeline: &TestPipeline, is_blocked: fn(&str) -> bool) -> Wanted {
    let (history, mut flagged) = (History::of(pipeline), Wanted::default());
    pipeline.each(&pipeline.topic(), |place, record| {
        let rules = history.in_order(history.revision(place));
        if code(&record, &rules, &BTreeSet::new(), is_blocked).is_none() {
            let payment = payment(&record).unwrap_or_else(|| panic!("no payment at {place:?}: {record:?}"));
            flagged.add(place, (&record, &payment), &reference_model::flags(&payment, place, &history), &history);
        }
    });
    flagged
}

/// The first figure to look at when something is wrong: how many were lost or counted twice.
fn every_record_is_counted_once(
    pipeline: &TestPipeline,
    windows: &Windows,
    letters: &BTreeMap<Place, String>,
    records: u64,
) {
    let counted: u64 = pipeline.windows("type").values().map(|sums| sums.records).sum();
    let should: u64 = windows.values().map(|sums| sums.records).sum();
    assert_eq!(should + letters.len() as u64, records, "the oracle itself");
    assert_eq!(counted, should, "records in risk_stats, of {records} in the topic with {} letters", letters.len());
}

/// Letters of records that are none, and records twice: by name, before each letter is looked into.
fn letters_stand_where_they_should(pipeline: &TestPipeline, rejected: &BTreeMap<Place, Record>) {
    let (mut seen, mut twice, mut wrong) = (BTreeSet::new(), Vec::new(), Vec::new());
    pipeline.each(&pipeline.queue(), |at, letter| {
        let place = pipeline.place(&letter);
        if !seen.insert(place) {
            twice.push((place, at));
        }
        if !rejected.contains_key(&place) {
            wrong.push((place, at, letter.header("weir.code").map(str::to_owned)));
        }
    });
    let missing: Vec<&Place> = rejected.keys().filter(|place| !seen.contains(place)).collect();
    let few = |all: usize| all.min(20);
    assert!(
        twice.is_empty() && wrong.is_empty() && missing.is_empty(),
        "letters: {} twice {:?}; {} of records that are none {:?}; {} missing {:?}",
        twice.len(),
        &twice[..few(twice.len())],
        wrong.len(),
        &wrong[..few(wrong.len())],
        missing.len(),
        &missing[..few(missing.len())]
    );
}

/// The code of the record's letter: what the decoder finds, then the rules in their order, then the window.
fn code(
    record: &Record,
    rules: &[(&str, &InForce)],
    traps: &BTreeSet<String>,
    is_blocked: fn(&str) -> bool,
) -> Option<&'static str> {
    let value = record.value.as_deref().expect("the flow sends no tombstones");
    let Ok(raw) = serde_json::from_slice::<Raw>(value) else { return Some("PARSE_JSON") };
    let amount = raw.amount.get();
    if raw.kind.is_none() {
        return Some("FIELD_MISSING");
    }
    if amount.starts_with('"') {
        return Some("FIELD_KIND");
    }
    if amount.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 2) {
        return Some("FIELD_RANGE");
    }
    let negative = cents(amount) < 0;
    let by_rule = rules.iter().find_map(|(name, rule)| match *name {
        "blocked_segment" => is_blocked(&raw.name_orig).then_some("BLOCKED_SEGMENT"),
        "negative_amount" => negative.then_some("AMOUNT_NEGATIVE"),
        "fickle" if traps.contains(&rule.sha256) => Some("RULE_TRAP"),
        "fickle" => negative.then_some("BAD"),
        _ => None,
    });
    by_rule.or_else(|| (raw.event_time >= FAR_AHEAD).then_some("EVENT_TIME_AHEAD"))
}
