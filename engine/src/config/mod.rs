//! `weir.toml`: its keys ([`Config`] and below), how it is read (`load`), what it must hold (`check`). Reads no network
//! and no clock.
//!
//! The doc comments of the keys are the reference that users read, docs/configuration.md: what the key is, its unit and
//! bounds, then why. The last sentence is the default, as "Default: `"5s"`."; a test sets each and sees no difference.

mod address;
mod check;
mod choices;
mod defaults;
mod derive;
mod error;
mod load;
mod misfit;
mod properties;
#[cfg(test)]
mod tests;
pub mod token;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use secrecy::SecretString;
use serde::Deserialize;

use crate::model::aggregate::Aggregate;
use crate::model::catalog::Mode;
use crate::model::record::Kind;
use crate::model::time::Unit;

pub use choices::{Beyond, Late, May, OnFailure, OnUnavailable, Start};
pub use error::{ConfigError, Problem};
pub use properties::{Properties, client_refused};
pub(crate) use words::meant;

/// A configuration, whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What runs.
    pub pipeline: Pipeline,
    /// Where records come from.
    pub source: Source,
    /// Where rejected records go.
    #[serde(default)]
    pub dead_letters: DeadLetters,
    /// Where flagged records are reported, if anywhere: see docs/alerts.md.
    pub alerts: Option<Alerts>,
    /// What a record holds.
    pub record: Record,
    /// Fields that are added to records from Redis, a table for each lookup.
    #[serde(default)]
    pub lookup: BTreeMap<String, Lookup>,
    /// What is summed, and by which time.
    pub window: Window,
    /// Where the sums go, and everything that Weir has to remember.
    pub sink: Sink,
    /// How rules are found, and what they may cost.
    #[serde(default)]
    pub rules: Rules,
    /// What a rule starts with when it is first published, a table for each; from then on the catalog decides.
    #[serde(default)]
    pub rule: BTreeMap<String, RuleStart>,
    /// How often the work is made durable, and how much one checkpoint holds.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// The process.
    #[serde(default)]
    pub engine: Engine,
    /// The HTTP API.
    #[serde(default)]
    pub admin: Admin,
}

/// `[pipeline]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Name of the pipeline, 1 to 64 letters, digits, `-`, `_` or `.`. The database keeps positions and rules under it.
    pub name: String,
}

/// `[source]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Kafka's bootstrap servers, `host:port`, several with commas between them.
    pub brokers: String,
    /// Topic that is judged. Default: `"finance_stream"`.
    #[serde(default = "defaults::topic")]
    pub topic: String,
    /// Consumer group, 1 to 249 bytes. Instances of one pipeline share it, and nothing else may use it: exactly once
    /// rests on its committed offsets.
    pub group: String,
    /// Where a partition starts that the database never saw: `earliest` or `latest`. Default: `"earliest"`.
    #[serde(default)]
    pub start: Start,
    /// Size of a record, key and value together, 1 B to 64 MiB. A larger one is the dead letter `OVERSIZE`. Default:
    /// `"1MiB"`.
    #[serde(default = "defaults::mib::<1>")]
    pub max_record: ByteSize,
    /// Time after which a worker that is no member of the group, while Kafka answers others, gets a new consumer; 5 s
    /// to 1 h. Default: `"60s"`.
    #[serde(default = "defaults::millis::<60_000>", with = "humantime_serde")]
    pub rejoin_after: Duration,
    /// librdkafka properties, passed through. Those that the checkpoint rests on are refused.
    #[serde(default)]
    pub properties: Properties,
}

/// `[dead_letters]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetters {
    /// Topic that dead letters are written to; another one than the source. Default: `"dead_letter_queue"`.
    pub topic: String,
    /// librdkafka properties of the producer, laid over `source.properties`. Dead letters are compressed with lz4
    /// unless `compression.type` is set.
    pub properties: Properties,
}

/// `[alerts]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Topic that alerts are written to; another one than the source and the dead letters. The producer is that of the
    /// dead letters, with `dead_letters.properties`.
    pub topic: String,
    /// Codes of rules, 1 to 256: a valid record that one of them hits gets an alert, whichever live rule has the code.
    pub codes: Vec<String>,
    /// Fields that an alert shows, 64 at most, of the record or of lookups. A text of more than 1,024 bytes is cut.
    /// Default: `[]`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Whether `alerts.fields` may name fields with `sensitive = true`, and `alerts.value` show a record that has some.
    /// Default: `false`.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether an alert holds the record's whole value. Default: `false`.
    #[serde(default)]
    pub value: bool,
    /// Alerts that a checkpoint sends of each partition, 1 to 1,000,000. Default: `1000`.
    #[serde(default = "defaults::alerts")]
    pub budget: u32,
    /// What becomes of flagged records beyond the budget: `count`, in one summary record a checkpoint and partition, or
    /// `wait`: the checkpoint ends before them. Default: `"count"`.
    #[serde(default)]
    pub beyond: Beyond,
}

/// `[record]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Field that windows go by; a required timestamp. Default: `"event_time"`.
    #[serde(default = "defaults::event_time")]
    pub event_time: String,
    /// Field that the records are keyed by, for whoever reads the file. The engine goes by no key, and `weir produce`
    /// by that of its mapping.
    pub key: Option<String>,
    /// Fields by name, 1 to 48 letters, digits or `_`: what rules, windows and lookups may name.
    pub fields: BTreeMap<String, RecordField>,
}

/// `[record.fields]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordField {
    /// Kind of the field: `boolean`, `integer`, `float`, `decimal`, `timestamp` or `text`.
    pub kind: Kind,
    /// Whether a record without the field is a dead letter (`FIELD_MISSING`). Default: `false`.
    #[serde(default)]
    pub required: bool,
    /// JSON pointer (RFC 6901) to the value. Default: /NAME, the field's own name.
    pub path: Option<String>,
    /// Fraction digits of a decimal, 10 at most; more digits in a record, beyond zeros, are `FIELD_RANGE`. Default:
    /// `0`.
    #[serde(default)]
    pub scale: u8,
    /// What a timestamp's numbers count since 1970: `s` (may have a fraction), `ms`, `us` or `ns`. Default: ms.
    pub unit: Option<Unit>,
    /// How a timestamp's texts are written, as chrono's strftime has it: `"%Y-%m-%d %H:%M:%S"`. Numbers are then times
    /// only with a `unit`. Default: RFC 3339.
    pub format: Option<String>,
    /// Time zone of a `format` without an offset, by its IANA name: `"Europe/Berlin"`. A local time that came twice is
    /// taken as the first, one that the clocks skipped is `FIELD_RANGE`.
    pub zone: Option<String>,
    /// Whether its values are for those alone who may see `values`. Others see of a dead letter the code, the rule, the
    /// position and the other fields, and neither its bytes nor its key nor what a rule said of it. Not in `group_by`.
    /// Default: `false`.
    #[serde(default)]
    pub sensitive: bool,
}

/// `[lookup.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Address of Redis, `redis://…`, `rediss://…` (TLS) or `redis+unix://…`; it may hold user and password.
    pub url: SecretString,
    /// PEM file of the authority that signed the certificate of a `rediss://` server. Default: the system's
    /// authorities.
    pub ca: Option<PathBuf>,
    /// Key of the Redis hash, with the record's fields between braces: `"customer:{name_orig}"`.
    pub key: String,
    /// Fields of the hash by name; they become `LOOKUP.NAME` for rules and `group_by`.
    pub fields: BTreeMap<String, LookupField>,
    /// What is kept of answers.
    #[serde(default)]
    pub cache: Cache,
    /// Time to wait for an answer, 1 ms to 10 s. Default: `"200ms"`.
    #[serde(default = "defaults::millis::<200>", with = "humantime_serde")]
    pub timeout: Duration,
    /// What to do while it does not answer: `wait`, or `missing` to go on without its fields. Default: `"wait"`.
    #[serde(default)]
    pub on_unavailable: OnUnavailable,
}

/// A field of a lookup.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupField {
    /// Kind of the field, as in `record.fields`.
    pub kind: Kind,
    /// Fraction digits of a decimal, 10 at most. Default: `0`.
    #[serde(default)]
    pub scale: u8,
    /// As in `record.fields`. Default: ms.
    pub unit: Option<Unit>,
    /// As in `record.fields`. Default: RFC 3339.
    pub format: Option<String>,
    /// As in `record.fields`.
    pub zone: Option<String>,
    /// As in `record.fields`. Default: `false`.
    #[serde(default)]
    pub sensitive: bool,
}

/// What a worker keeps of a lookup's answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Keys that each worker keeps, 1 or more. Default: `100_000`.
    pub entries: usize,
    /// Age at which an answer is asked for anew. Default: `"60s"`.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

/// `[window]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Length of a tumbling window, whole milliseconds, 1 ms to 31 days. Default: `"5s"`.
    #[serde(default = "defaults::millis::<5_000>", with = "humantime_serde")]
    pub size: Duration,
    /// Fields whose values make a group; a row of the table is a window and a group. Floats make no group.
    #[serde(default)]
    pub group_by: Vec<String>,
    /// Fields that are summed, decimals and integers, each with some of `sum`, `min` and `max`: `{ amount = ["sum",
    /// "max"] }`.
    #[serde(default)]
    pub measures: BTreeMap<String, Vec<Aggregate>>,
    /// How far a partition's watermark stays behind its greatest event time. Default: `"2s"`.
    #[serde(default = "defaults::millis::<2_000>", with = "humantime_serde")]
    pub out_of_orderness: Duration,
    /// How far an event time may be ahead of the engine's clock, half of `allowed_lateness` at most; beyond it the
    /// record is the dead letter `EVENT_TIME_AHEAD`. Default: `"5m"`.
    #[serde(default = "defaults::millis::<300_000>", with = "humantime_serde")]
    pub max_ahead: Duration,
    /// How far an event time may be behind the engine's clock, `size` at least; beyond it the record is the dead letter
    /// `EVENT_TIME_BEHIND`: seconds that are taken for milliseconds are in January 1970. Raise it for older data.
    /// Default: `"10years"`.
    #[serde(default = "defaults::years::<10>", with = "humantime_serde")]
    pub max_behind: Duration,
    /// What becomes of a late record: `merge`, or `dead_letter`. Default: `"merge"`.
    #[serde(default)]
    pub late: Late,
    /// Groups of a window that have a row of their own, for each worker, 1 or more. Records of further groups are
    /// summed in the group `__other__`, which is counted and warned of. Default: `10_000`.
    #[serde(default = "defaults::window_groups")]
    pub max_groups: usize,
    /// How late a record may be to be merged; a later one is the dead letter `LATE`. Default: `"1h"`.
    #[serde(default = "defaults::millis::<3_600_000>", with = "humantime_serde")]
    pub allowed_lateness: Duration,
    /// Time without records after which a partition no longer holds `risk_stats_final` back. Default: `"60s"`.
    #[serde(default = "defaults::millis::<60_000>", with = "humantime_serde")]
    pub idle_after: Duration,
}

/// `[sink]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// Address of the database: `mysql://user:password@host:port/database?ssl-mode=…` (`mariadb://` is the same) or
    /// `sqlite://file`.
    pub url: SecretString,
    /// Table of the sums, 1 to 48 letters, digits or `_`, not beginning with `weir_`. Default: `"risk_stats"`.
    #[serde(default = "defaults::table")]
    pub table: String,
    /// Age of a window's end at which its rows are deleted, in small batches by one instance; at least
    /// `window.max_behind`, twice `window.allowed_lateness`, and an hour. Without it all are kept.
    #[serde(default, with = "humantime_serde")]
    pub retention: Option<Duration>,
}

/// `[rules]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Folder whose `.wasm` files are published; it has to exist. Default: `"rules.d"`.
    pub dir: PathBuf,
    /// Processor time of one call, which judges up to 2,000 records; 10 ms to 10 s. Default: `"50ms"`.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Memory of one rule on one worker, 64 KiB at least. Default: `"16MiB"`.
    pub memory: ByteSize,
    /// Processor time that a live rule may take a record, averaged over 10 s. Beyond it the condition
    /// `rules.over_budget` says so, and the rule judges on. Default: `"20us"`.
    #[serde(with = "humantime_serde")]
    pub budget: Duration,
    /// Part of each worker's processor time that all shadow rules together may take, 0.01 to 0.5. Beyond it they judge
    /// samples. Default: `0.1`.
    pub shadow_budget: f64,
    /// Size of a module that is published. Default: `"8MiB"`.
    pub max_module: ByteSize,
    /// What becomes of a record on which a rule failed: `dead_letter`, `skip` or `halt`. Default: `"dead_letter"`.
    pub on_failure: OnFailure,
    /// Rules that have to be live, or the pipeline is not ready.
    pub required: Vec<String>,
    /// Rules of the set, whatever their mode, 1 to 1,000. A publish beyond it is refused. Default: `100`.
    pub max_rules: usize,
    /// Newest revisions of the set that are kept whatever happens, 100 to 1,000,000. Older ones stay while Kafka holds
    /// a record that they judged. Default: `1000`.
    pub history: u64,
    /// Folder of compiled modules, so that a restart compiles nothing. Default: a temporary folder.
    pub cache: Option<PathBuf>,
    /// `weir run --suspend-misfits`: of one start, so no file may say it.
    #[serde(skip)]
    pub suspend_misfits: bool,
}

/// `[rule.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleStart {
    /// Parameters by name, as texts: `{ limit = "200000" }`.
    pub parameters: BTreeMap<String, String>,
    /// Place among the rules, ascending: the first rule that rejects gives the dead letter's reason. Default: 0.
    pub order: Option<i32>,
    /// `live`, `shadow` or `off`. Default: live.
    pub mode: Option<Mode>,
    /// As `rules.on_failure`, for this rule; read at each start. Default: what `rules.on_failure` says.
    pub on_failure: Option<OnFailure>,
}

/// `[checkpoint]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// Time between two checkpoints of a worker, 200 ms at least: a Kafka producer commits some ten transactions a
    /// second. Default: `"1s"`.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Records of a checkpoint, 1 or more; a worker that reaches it stops reading until the one before is through.
    /// Default: `1_000_000`.
    pub max_records: usize,
    /// Rows of `risk_stats` that a checkpoint adds to, 1 or more; it may be overshot by one batch. Default: `200_000`.
    pub max_groups: usize,
    /// Bytes of dead letters and alerts in a checkpoint, `source.max_record` at least; it may be overshot by one batch.
    /// Default: `"32MiB"`.
    pub max_letter_bytes: ByteSize,
    /// Time that a worker which stops or loses its partitions may take for its last checkpoint, 1 ms to 30 s. Default:
    /// `"10s"`.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

/// `[engine]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Workers, each a thread with a consumer of its own, 1 or more. Default: one for each core.
    pub workers: Option<usize>,
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Address that the API and the console listen on. Another one than the loopback takes both tokens, or people. Where there
    /// is no token at all, the condition `admin.open` says so. Default: `"127.0.0.1:8080"`.
    #[serde(deserialize_with = "address::read")]
    pub listen: SocketAddr,
    /// Tokens of two roles without a person's name. All tokens differ.
    pub tokens: Tokens,
    /// People, and programs, by the name that the audit has of them: 1 to 48 lower-case letters, digits, `-` or `_`, a letter
    /// first, and not `viewer`, `publisher`, `anonymous`, `directory` or `engine`. SIGHUP reads them again.
    pub people: BTreeMap<String, Person>,
    /// Address under which people open the console, `"https://weir.example.com"`, as a proxy that ends TLS serves it: without
    /// path, query or user. With https a session's cookie goes over TLS only.
    pub public_url: Option<String>,
    /// Names by which callers may ask for the service (`Host`), without a port, beside `localhost`, addresses and that of
    /// `public_url`; others are refused (403). Empty: any name, where a token is asked for. A page of a stranger's whose name
    /// was bound to this address (DNS rebinding) has neither token nor cookie, and without tokens only this machine's names
    /// are taken anyway.
    pub hosts: Vec<String>,
}

/// `[admin.people.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's token, 16 characters or more, another one than everybody else's.
    pub token: SecretString,
    /// What the person may do, some of `read`, `values` (of sensitive fields, too) and `publish` (change rules): `["read",
    /// "values"]`.
    pub may: Vec<May>,
}

/// Each has 16 characters or more, and they differ. SIGHUP reads them again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// Token that may read, sensitive fields included, 16 characters or more.
    pub viewer: Option<SecretString>,
    /// Token that may also change things, 16 characters or more, another one than the viewer's.
    pub publisher: Option<SecretString>,
}
