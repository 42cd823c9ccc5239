//! `weir.toml`: its keys ([`Config`] and below; of records, rules and the API in `record`, `rules` and `admin`), how it is read
//! (`load`), what it must hold (`check`). Reads no network and no clock.
//!
//! The doc comments of the keys are the reference that users read, docs/configuration.md: what the key is, its unit and
//! bounds, then why. The last sentence is the default, as "Default: `"5s"`."; a test sets each and sees no difference.

mod address;
mod admin;
mod check;
mod choices;
mod defaults;
mod derive;
mod error;
mod load;
mod misfit;
mod properties;
mod record;
mod rules;
#[cfg(test)]
mod tests;
pub mod token;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use secrecy::SecretString;
use serde::Deserialize;

use crate::model::aggregate::Aggregate;

pub use admin::{Admin, Person, Tokens};
pub use choices::{Beyond, Late, May, OnFailure, OnUnavailable, Start};
pub use error::{ConfigError, Problem};
pub use properties::{Properties, client_refused};
pub use record::{Cache, Lookup, LookupField, Record, RecordField};
pub use rules::{RuleStart, Rules};
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
