//! Where a field comes from, and how its text becomes JSON. Amounts stay text from end to end; nothing here is ever a float.

use serde::Deserialize;

use super::mapping::Decimal;
use super::text;

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

impl Field {
    /// The field's JSON for this text.
    pub(super) fn json(&self, source: &str, decimal: Decimal) -> Result<String, String> {
        let number = decimal.point(source);
        let made = match self.kind {
            Kind::Text => return Ok(text::quoted(source)),
            Kind::Decimal => number.and_then(|number| text::number(&number, self.shift)),
            Kind::Timestamp => number.and_then(|number| self.time(&number)).map(|time| time.to_string()),
        };
        match (made, self.otherwise) {
            (Some(json), _) => Ok(json),
            (None, Otherwise::Text) => Ok(text::quoted(source)),
            (None, Otherwise::Error) => Err(format!("{} is no {}", text::shown(source), self.wanted(decimal))),
        }
    }

    /// What a text should have been.
    fn wanted(&self, decimal: Decimal) -> String {
        match (self.kind, decimal) {
            (Kind::Text, _) => "text".to_owned(),
            (Kind::Decimal, Decimal::Point) => "decimal number, as 1234.56 is (`decimal = \",\"` if it has a comma)".to_owned(),
            (Kind::Decimal, Decimal::Comma) => "decimal number, as 1234,56 is".to_owned(),
            (Kind::Timestamp, _) => "timestamp".to_owned(),
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
