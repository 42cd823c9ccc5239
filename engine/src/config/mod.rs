//! `weir.toml`: its keys ([`Config`] and below), how it is read (`load`), what it must hold (`check`). Reads no network
//! and no clock.

mod address;
mod check;
mod defaults;
mod derive;
mod load;
mod misfit;
mod properties;
mod redacted;
#[cfg(test)]
mod tests;
pub mod token;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::model::catalog::Mode;
use crate::model::record::Kind;
use crate::model::time::Unit;

pub use load::{ConfigError, Problem};
pub use properties::client_refused;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub pipeline: Pipeline,
    pub source: Source,
    #[serde(default)]
    pub dead_letters: DeadLetters,
    pub record: Record,
    #[serde(default)]
    pub lookup: BTreeMap<String, Lookup>,
    pub window: Window,
    pub sink: Sink,
    #[serde(default)]
    pub rules: Rules,
    /// What a rule starts with; from then on the catalog stands.
    #[serde(default)]
    pub rule: BTreeMap<String, RuleStart>,
    #[serde(default)]
    pub checkpoint: Checkpoint,
    #[serde(default)]
    pub engine: Engine,
    #[serde(default)]
    pub admin: Admin,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    pub name: String,
}

/// Where a partition starts that the store never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub brokers: String,
    #[serde(default = "defaults::topic")]
    pub topic: String,
    pub group: String,
    #[serde(default)]
    pub start: Start,
    /// A record (key + value) beyond it is a dead letter, OVERSIZE.
    #[serde(default = "defaults::mib::<1>")]
    pub max_record: ByteSize,
    /// A worker that is no member of its group for so long, while Kafka answers others, gets a new consumer.
    #[serde(default = "defaults::millis::<60_000>", with = "humantime_serde")]
    pub rejoin_after: Duration,
    /// librdkafka properties, passed through; those that the checkpoint rests on are refused.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetters {
    pub topic: String,
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(default = "defaults::event_time")]
    pub event_time: String,
    /// Field that the records are keyed by, for whoever reads the file: the engine goes by no key, and `weir produce` by
    /// that of its mapping.
    pub key: Option<String>,
    pub fields: BTreeMap<String, RecordField>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordField {
    pub kind: Kind,
    #[serde(default)]
    pub required: bool,
    /// JSON pointer (RFC 6901); `/NAME` unless given.
    pub path: Option<String>,
    #[serde(default)]
    pub scale: u8,
    /// What a timestamp's numbers count; milliseconds unless given.
    pub unit: Option<Unit>,
    /// How a timestamp's texts are written, as chrono's strftime has it; RFC 3339 unless given.
    pub format: Option<String>,
    /// Time zone of a `format` without an offset, as the IANA names it.
    pub zone: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnavailable {
    /// Stop judging until it answers.
    #[default]
    Wait,
    /// Its fields are missing meanwhile.
    Missing,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    pub url: String,
    /// PEM file of the authority that signed the certificate of a `rediss://` server; the system's authorities unless given.
    pub ca: Option<PathBuf>,
    /// Key of the hash, with `{field}` placeholders.
    pub key: String,
    pub fields: BTreeMap<String, LookupField>,
    #[serde(default)]
    pub cache: Cache,
    #[serde(default = "defaults::millis::<200>", with = "humantime_serde")]
    pub timeout: Duration,
    #[serde(default)]
    pub on_unavailable: OnUnavailable,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupField {
    pub kind: Kind,
    #[serde(default)]
    pub scale: u8,
    /// These three as of a record's field.
    pub unit: Option<Unit>,
    pub format: Option<String>,
    pub zone: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    pub entries: usize,
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    Sum,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    #[default]
    Merge,
    DeadLetter,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    #[serde(default = "defaults::millis::<5_000>", with = "humantime_serde")]
    pub size: Duration,
    #[serde(default)]
    pub group_by: Vec<String>,
    #[serde(default)]
    pub measures: BTreeMap<String, Vec<Aggregate>>,
    #[serde(default = "defaults::millis::<2_000>", with = "humantime_serde")]
    pub out_of_orderness: Duration,
    /// An event time that is further ahead of the clock is a dead letter, EVENT_TIME_AHEAD.
    #[serde(default = "defaults::millis::<300_000>", with = "humantime_serde")]
    pub max_ahead: Duration,
    /// One that is further behind it is a dead letter, EVENT_TIME_BEHIND: mostly a number of another unit.
    #[serde(default = "defaults::years::<10>", with = "humantime_serde")]
    pub max_behind: Duration,
    #[serde(default)]
    pub late: Late,
    /// Groups of a window that have a row of their own, for each worker; records of further ones are summed in one more.
    #[serde(default = "defaults::window_groups")]
    pub max_groups: usize,
    #[serde(default = "defaults::millis::<3_600_000>", with = "humantime_serde")]
    pub allowed_lateness: Duration,
    /// A partition without records for so long no longer holds `risk_stats_final` back.
    #[serde(default = "defaults::millis::<60_000>", with = "humantime_serde")]
    pub idle_after: Duration,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// `mysql://user:password@host:port/database` or `sqlite://file`.
    pub url: String,
    #[serde(default = "defaults::table")]
    pub table: String,
    /// Windows that ended earlier are deleted; none are unless given.
    #[serde(default, with = "humantime_serde")]
    pub retention: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    #[default]
    DeadLetter,
    Skip,
    Halt,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    pub dir: PathBuf,
    /// Of one call, which judges one batch.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub memory: ByteSize,
    /// Processor time that a live rule may take a record, averaged over 10 s; beyond it a warning stands.
    #[serde(with = "humantime_serde")]
    pub budget: Duration,
    /// Of a worker's processor time, what all shadow rules together may take: beyond it they judge samples.
    pub shadow_budget: f64,
    pub max_module: ByteSize,
    pub on_failure: OnFailure,
    /// Rules that have to be live, or the pipeline is not ready.
    pub required: Vec<String>,
    /// Rules of the set, whatever their mode: a publish beyond it is refused.
    pub max_rules: usize,
    /// Newest revisions of the set that are kept even if Kafka holds no record that they judged.
    pub history: u64,
    /// Compiled modules; the system's temporary folder unless given.
    pub cache: Option<PathBuf>,
    /// `weir run --suspend-misfits`: of one start, so no file may say it.
    #[serde(skip)]
    pub suspend_misfits: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleStart {
    pub parameters: BTreeMap<String, String>,
    pub order: Option<i32>,
    pub mode: Option<Mode>,
    pub on_failure: Option<OnFailure>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    pub max_records: usize,
    pub max_groups: usize,
    pub max_letter_bytes: ByteSize,
    /// How long a revoked or stopping worker may take to finish a checkpoint.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// One a core unless given.
    pub workers: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    #[serde(deserialize_with = "address::read")]
    pub listen: SocketAddr,
    pub tokens: Tokens,
}

/// Each has 16 characters or more, and they differ.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    pub viewer: Option<String>,
    pub publisher: Option<String>,
}
