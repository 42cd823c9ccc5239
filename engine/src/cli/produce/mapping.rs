//! The mapping file of `weir produce`: which JSON field comes from which column, and how its text becomes JSON.
//! Amounts stay text from end to end; nothing here is ever a float.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::text;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Default: by the input's extension.
    pub format: Option<Format>,
    /// Names of the columns of an input without a header (always for `whitespace`).
    #[serde(default)]
    pub columns: Vec<String>,
    /// The JSON field whose text is the Kafka key.
    pub key: String,
    /// A column that, where not empty, holds the very bytes to send instead.
    pub raw: Option<String>,
    /// By JSON field.
    pub fields: BTreeMap<String, Field>,
}

/// How the input is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    Jsonl,
    Whitespace,
}

/// Where a field comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The source column. An empty cell leaves the field out.
    pub column: Option<String>,
    /// The same text in every record.
    pub constant: Option<String>,
    pub kind: Kind,
    /// Moves the decimal point of a number to the right (left if negative), exactly.
    #[serde(default)]
    pub shift: i8,
    /// What a timestamp's number counts.
    #[serde(default)]
    pub unit: Unit,
    /// Added to a timestamp that counts from a time of its own; RFC 3339 in the file, epoch milliseconds here.
    #[serde(default, deserialize_with = "base_ms")]
    pub base: i64,
    /// What to do with a text that is not of the kind.
    #[serde(default)]
    pub otherwise: Otherwise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Decimal,
    Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    #[default]
    Ms,
    S,
    H,
    /// YYYYMMDD
    Date,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The line is bad.
    #[default]
    Error,
    /// Sent as a JSON string, for the engine to reject.
    Text,
}

impl Mapping {
    /// Reads and checks a mapping file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read mapping {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("mapping {}", path.display()))
    }

    /// Parses and checks a mapping.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mapping: Self = toml::from_str(text)?;
        anyhow::ensure!(
            mapping.fields.contains_key(&mapping.key),
            "key = {:?} is not one of [fields]; name one of them",
            mapping.key
        );
        for (name, field) in &mapping.fields {
            anyhow::ensure!(
                field.column.is_some() != field.constant.is_some(),
                "field {name}: give either `column` or `constant`"
            );
        }
        Ok(mapping)
    }

    /// Takes the format from the file's name where the mapping gives none.
    pub fn for_input(mut self, path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        self.format = match (self.format, extension) {
            (Some(format), _) => Some(format),
            (None, Some("csv")) => Some(Format::Csv),
            (None, Some("jsonl" | "ndjson" | "json")) => Some(Format::Jsonl),
            (None, _) => anyhow::bail!("{}: neither .csv nor .jsonl; set `format` in the mapping", path.display()),
        };
        Ok(self)
    }
}

impl Field {
    /// The field's JSON for this text.
    pub(super) fn json(&self, source: &str) -> Result<String, String> {
        let made = match self.kind {
            Kind::Text => return Ok(text::quoted(source)),
            Kind::Decimal => text::number(source, self.shift),
            Kind::Timestamp => self.time(source).map(|time| time.to_string()),
        };
        match (made, self.otherwise) {
            (Some(json), _) => Ok(json),
            (None, Otherwise::Text) => Ok(text::quoted(source)),
            (None, Otherwise::Error) => Err(format!("{source:?} is no {:?}", self.kind).to_lowercase()),
        }
    }

    fn time(&self, source: &str) -> Option<i64> {
        let milliseconds = match self.unit {
            Unit::Ms => text::scaled(source, 0)?,
            Unit::S => text::scaled(source, 3)?,
            Unit::H => text::scaled(source, 0)?.checked_mul(3_600_000)?,
            Unit::Date => {
                let date = chrono::NaiveDate::parse_from_str(source, "%Y%m%d").ok()?;
                date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()
            }
        };
        milliseconds.checked_add(self.base)
    }
}

fn base_ms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    chrono::DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_millis()).map_err(serde::de::Error::custom)
}
