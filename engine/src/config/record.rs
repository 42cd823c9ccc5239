//! The keys that say what a record holds: its own fields, and those that lookups add. Their doc comments are the users' reference, as
//! in the module above.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::{OnUnavailable, defaults};
use crate::model::record::Kind;
use crate::model::time::Unit;

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
    /// A second field with the same `path` is refused unless it is sensitive, too. Default: `false`.
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

impl Default for Cache {
    fn default() -> Self {
        Self { entries: 100_000, ttl: Duration::from_secs(60) }
    }
}
