//! The alert topic, message by message against the flagged records that the reference model finds: each of them has one alert, or is
//! counted by one summary; and each alert is true.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use crate::broker::{Place, Record};
use crate::oracle::history::History;
use crate::oracle::windows::cents;
use crate::pipeline::TestPipeline;
use crate::pipeline::generated::Payment;

/// `alerts.codes` of [`TestPipeline::with_alerts`]; a record that another code alone flags gets no alert.
pub const CODES: [&str; 2] = ["HIGH_AMOUNT", "SELF_TRANSFER"];

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComparedAlerts {
    /// Alerts that are there.
    pub sent: u64,
    /// Flagged records that a summary counts.
    pub not_sent: u64,
    /// Summaries.
    pub summaries: u64,
}

/// The flagged records that should have an alert, in the order of each partition. Of each only what tells it apart is kept: there
/// may be millions.
#[derive(Default)]
pub struct Wanted(BTreeMap<i32, Vec<Flagged>>);

struct Flagged {
    offset: i64,
    /// Of what its alert should say.
    hash: u64,
    /// Which of [`CODES`] hit it.
    codes: [bool; 2],
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Message {
    Alert(Alert),
    NotSent(NotSent),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    source: Source,
    revision: u64,
    hits: Vec<Hit>,
    fields: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Source {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: i64,
}

#[derive(Deserialize)]
struct Hit {
    rule: String,
    version: String,
    sha256: String,
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct NotSent {
    source: Range,
    records: u64,
    codes: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Range {
    topic: String,
    partition: i32,
    from: i64,
    to: i64,
}

impl Wanted {
    /// Takes in a valid record with what flags it: rule and code of each hit, in rule order. Records come in the order of their
    /// partitions.
    pub fn add(
        &mut self,
        place: Place,
        (record, payment): (&Record, &Payment),
        hits: &[(&'static str, &'static str)],
        history: &History,
    ) {
        let codes = CODES.map(|code| hits.iter().any(|(_, hit)| *hit == code));
        if codes == [false, false] {
            return;
        }
        let sha256 = |rule| &history.rule(place, rule).expect("it flagged the record").sha256;
        let hits: Vec<_> = hits.iter().map(|(rule, code)| (*rule, *code, sha256(rule).as_str())).collect();
        let amount = cents(payment.amount.get()).to_string();
        let fields = [&amount, &payment.name_orig, &payment.name_dest].map(String::as_str);
        let hash = hash(record.key.as_deref(), record.timestamp, history.revision(place), &hits, fields);
        self.0.entry(place.0).or_default().push(Flagged { offset: place.1, hash, codes });
    }

    fn at(&self, partition: i32, offset: i64) -> Option<&Flagged> {
        let all = self.0.get(&partition)?;
        all.binary_search_by_key(&offset, |flagged| flagged.offset).ok().map(|at| &all[at])
    }

    /// Those from one offset to another, both included.
    fn between(&self, partition: i32, from: i64, to: i64) -> &[Flagged] {
        let all = self.0.get(&partition).map_or(&[][..], Vec::as_slice);
        let [from, to] = [from, to + 1].map(|offset| all.partition_point(|flagged| flagged.offset < offset));
        &all[from..to]
    }

    fn len(&self) -> u64 {
        self.0.values().map(|all| all.len() as u64).sum()
    }
}

fn hash(
    key: Option<&[u8]>,
    timestamp: Option<i64>,
    revision: u64,
    hits: &[(&str, &str, &str)],
    fields: [&str; 3],
) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, timestamp, revision, hits, fields).hash(&mut hasher);
    hasher.finish()
}

impl TestPipeline {
    /// Each flagged record has its alert, true and once, or is in one summary, whose figures are exact; nothing else is there.
    /// `may_count`: whether there may be summaries.
    pub fn alerts_are(&self, wanted: &Wanted, may_count: bool) -> ComparedAlerts {
        let partitions = self.partitions(&self.alerts());
        let mut check = Check::new(wanted, self.topic(), may_count);
        self.each(&self.alerts(), |(partition, _), message| {
            let of = check.see(&message);
            assert_eq!(partition, of % partitions, "the partition of an alert of partition {of}");
        });
        check.end()
    }
}

/// Goes through the messages of an alert topic, those of each partition of the source in their order.
pub struct Check<'w> {
    wanted: &'w Wanted,
    topic: String,
    may_count: bool,
    /// Behind the last record of each partition of the source that a message was of.
    next: BTreeMap<i32, i64>,
    compared: ComparedAlerts,
}

impl<'w> Check<'w> {
    /// `topic`: the source.
    pub fn new(wanted: &'w Wanted, topic: String, may_count: bool) -> Self {
        Self { wanted, topic, may_count, next: BTreeMap::new(), compared: ComparedAlerts::default() }
    }

    /// Fails if the message should not be there, or not now. Returns the partition of its source.
    pub fn see(&mut self, message: &Record) -> i32 {
        let value = message.value.as_deref().expect("an alert is no tombstone");
        let shown = String::from_utf8_lossy(value);
        let parsed: Message = serde_json::from_slice(value).unwrap_or_else(|why| panic!("no alert: {why}: {shown}"));
        let (partition, from, to) = match parsed {
            Message::Alert(alert) => {
                let Source { partition, offset, .. } = alert.source;
                assert_eq!(alert.source.topic, self.topic);
                let flagged = self.wanted.at(partition, offset);
                let flagged = flagged.unwrap_or_else(|| panic!("an alert of a record that is not flagged: {shown}"));
                assert!(flagged.hash == is(&alert, message), "what the alert says is not so: {shown}");
                self.compared.sent += 1;
                (partition, offset, offset)
            }
            Message::NotSent(not_sent) => self.not_sent(not_sent, message, &shown),
        };
        let next = self.next.entry(partition).or_insert(0);
        assert!(*next <= from, "twice, or behind what comes later: {shown}");
        let missing = self.wanted.between(partition, *next, from - 1);
        assert!(missing.is_empty(), "{} flagged records are missing before {shown}", missing.len());
        *next = to + 1;
        partition
    }

    fn not_sent(&mut self, not_sent: NotSent, message: &Record, shown: &str) -> (i32, i64, i64) {
        assert!(self.may_count, "nothing should be only counted: {shown}");
        let Range { topic, partition, from, to } = not_sent.source;
        assert!(topic == self.topic && message.key.is_none(), "{shown}");
        let all = self.wanted.between(partition, from, to);
        let ends = (all.first().map(|first| first.offset), all.last().map(|last| last.offset));
        assert!(ends == (Some(from), Some(to)), "a summary is from flagged record to flagged record: {shown}");
        let of = |at: usize| all.iter().filter(|flagged| flagged.codes[at]).count() as u64;
        let codes = CODES.iter().enumerate().map(|(at, code)| ((*code).to_owned(), of(at)));
        let codes: BTreeMap<_, _> = codes.filter(|(_, records)| *records > 0).collect();
        let right = not_sent.records == all.len() as u64 && not_sent.codes == codes;
        assert!(right, "a summary of {} records, {codes:?}, says {shown}", all.len());
        self.compared.not_sent += not_sent.records;
        self.compared.summaries += 1;
        (partition, from, to)
    }

    /// Fails if something is missing.
    pub fn end(self) -> ComparedAlerts {
        let Self { compared, wanted, .. } = self;
        let (told, all) = (compared.sent + compared.not_sent, wanted.len());
        assert!(told == all, "{} flagged records are missing at the ends: {compared:?}", all.abs_diff(told));
        compared
    }
}

/// What the alert says, as [`Wanted::add`] has it.
fn is(alert: &Alert, message: &Record) -> u64 {
    let hits: Vec<_> =
        alert.hits.iter().map(|hit| (hit.rule.as_str(), hit.code.as_str(), hit.sha256.as_str())).collect();
    assert!(alert.hits.iter().all(|hit| !hit.version.is_empty() && !hit.detail.is_empty()), "a hit without its words");
    let field = |name: &str| alert.fields[name].as_deref().unwrap_or_else(|| panic!("{name} is missing"));
    let amount = field("amount");
    let exact = cents(amount).to_string();
    assert!(amount.rsplit_once('.').is_some_and(|(_, fraction)| fraction.len() == 2), "{amount} has its scale");
    let timestamp = Some(alert.source.timestamp).filter(|timestamp| *timestamp >= 0);
    let fields = [exact.as_str(), field("name_orig"), field("name_dest")];
    hash(message.key.as_deref(), timestamp, alert.revision, &hits, fields)
}
