//! Where a field comes from, and how its text becomes JSON. Amounts stay text from end to end; nothing here is ever a float.

use std::borrow::Cow;

use serde::Deserialize;

use super::text;
use crate::model::time::{NotATime, TimeFormat, from_rfc3339, likely_format};

/// Where a field comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The source column. An empty cell leaves the field out.
    pub column: Option<String>,
    /// The same text in every record.
    pub constant: Option<String>,
    /// Kind of the field.
    pub kind: Kind,
    /// Moves the decimal point of a number to the right (left if negative), exactly.
    #[serde(default)]
    pub shift: i8,
    /// What a timestamp's number counts. Default: milliseconds; with a `format`, numbers are no times unless it is set.
    unit: Option<Unit>,
    /// How a timestamp's text is written (chrono's strftime). Default: RFC 3339.
    format: Option<String>,
    /// The zone of such texts, by its name in the IANA database. Needed where they have no offset.
    zone: Option<String>,
    /// Added to a timestamp that counts from a time of its own; RFC 3339 in the file, epoch milliseconds here.
    #[serde(default, deserialize_with = "base_ms")]
    base: Option<i64>,
    /// `format` and `zone`, checked.
    #[serde(skip)]
    texts: Option<TimeFormat>,
    /// What to do with a text that is not of the kind.
    #[serde(default)]
    pub otherwise: Otherwise,
}

/// The mark before the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

impl Decimal {
    /// A number's text with a point; None: it has a mark that is not of this kind.
    pub(super) fn point(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Point => Some(Cow::Borrowed(text)),
            Self::Comma => (!text.contains('.')).then(|| Cow::Owned(text.replace(',', "."))),
        }
    }
}

/// Kind of a field in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text as it is.
    Text,
    /// A number, written exactly.
    Decimal,
    /// A time, written as epoch milliseconds.
    Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    #[default]
    Ms,
    S,
    Us,
    Ns,
    H,
    /// YYYYMMDD
    Date,
}

/// What becomes of a value that is not of its kind.
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
    /// Checks the keys against each other.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        if self.column.is_some() == self.constant.is_some() {
            return Err("give either `column` or `constant`".to_owned());
        }
        let times = self.unit.is_some() || self.base.is_some() || self.format.is_some() || self.zone.is_some();
        if times && self.kind != Kind::Timestamp {
            return Err("`unit`, `base`, `format` and `zone` are of a timestamp; take them out".to_owned());
        }
        if self.format.is_some() || self.zone.is_some() {
            let made = TimeFormat::new(None, self.format.as_deref(), self.zone.as_deref());
            self.texts = Some(made.map_err(|refused| format!("`{}` {}", refused.key, refused.why))?);
        }
        Ok(())
    }

    /// The field's JSON for this text.
    pub(super) fn json(&self, source: &str, decimal: Decimal) -> Result<String, String> {
        let made = match self.kind {
            Kind::Text => return Ok(text::quoted(source)),
            Kind::Decimal => {
                decimal.point(source).and_then(|number| text::number(&number, self.shift)).ok_or(NotATime::Form)
            }
            Kind::Timestamp => self.time(source, decimal).map(|time| time.to_string()),
        };
        match (made, self.otherwise) {
            (Ok(json), _) => Ok(json),
            (Err(_), Otherwise::Text) => Ok(text::quoted(source)),
            (Err(why), Otherwise::Error) => {
                Err(format!("{} is {}", text::shown(source), self.wanted(source, why, decimal)))
            }
        }
    }

    /// What a text is not, and should have been.
    fn wanted(&self, source: &str, why: NotATime, decimal: Decimal) -> String {
        match (self.kind, why, decimal) {
            (Kind::Decimal, _, Decimal::Comma) => "no decimal number with a comma, as 1234,56 is".to_owned(),
            (Kind::Decimal, ..) => {
                "no decimal number, as 1234.56 is (set `decimal = \",\"` in the mapping if it has a comma)".to_owned()
            }
            (_, NotATime::Calendar, _) => "no time: the calendar does not have it".to_owned(),
            (_, NotATime::Skipped, _) => {
                "no time: the clocks of its zone went past it, as they were put forward".to_owned()
            }
            _ => {
                let hint = likely_format(source).filter(|_| self.texts.is_none());
                format!(
                    "no timestamp; wanted {}{}",
                    self.times(),
                    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
                )
            }
        }
    }

    /// How the field's times are written.
    fn times(&self) -> String {
        let unit = match self.unit.unwrap_or_default() {
            Unit::Ms => "milliseconds",
            Unit::S => "seconds",
            Unit::Us => "microseconds",
            Unit::Ns => "nanoseconds",
            Unit::H => "hours",
            Unit::Date => return "YYYYMMDD".to_owned(),
        };
        match (&self.texts, self.unit, self.base) {
            (Some(texts), None, _) => texts.to_string(),
            (Some(texts), Some(_), _) => format!("{unit} or {texts}"),
            (None, _, Some(_)) => format!("{unit} from `base` on"),
            (None, _, None) => format!("epoch {unit} or RFC 3339"),
        }
    }

    /// Epoch milliseconds of a text.
    fn time(&self, source: &str, decimal: Decimal) -> Result<i64, NotATime> {
        if let Some(texts) = &self.texts {
            return match texts.text(source) {
                Err(NotATime::Form) if self.unit.is_some() => self.count(source, decimal).ok_or(NotATime::Form),
                read => read,
            };
        }
        match self.count(source, decimal) {
            Some(time) => Ok(time),
            // Where numbers count from a time of the file's own, a text would be another kind of time.
            None if self.base.is_some() || self.unit == Some(Unit::Date) => Err(NotATime::Form),
            None => from_rfc3339(source),
        }
    }

    fn count(&self, source: &str, decimal: Decimal) -> Option<i64> {
        let number = decimal.point(source)?;
        let parts = |digits: i8, a_millisecond| Some(text::scaled(&number, digits)?.div_euclid(a_millisecond));
        let milliseconds = match self.unit.unwrap_or_default() {
            Unit::Ms => text::scaled(&number, 0)?,
            // What is below a millisecond is cut off.
            Unit::S => text::scaled(&number, 3).or_else(|| parts(9, 1_000_000))?,
            Unit::Us => parts(0, 1_000)?,
            Unit::Ns => parts(0, 1_000_000)?,
            Unit::H => text::scaled(&number, 0)?.checked_mul(3_600_000)?,
            Unit::Date => {
                let date = chrono::NaiveDate::parse_from_str(source, "%Y%m%d").ok()?;
                date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()
            }
        };
        milliseconds.checked_add(self.base.unwrap_or(0))
    }
}

fn base_ms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = chrono::DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
    Ok(Some(time.timestamp_millis()))
}
