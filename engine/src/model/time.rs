//! Event times: epoch milliseconds, in and out of text, within what a DATETIME column holds. [`TimeFormat`] is how a field's
//! times are written. Knows no clock.

mod format;
mod hint;
mod pattern;
#[cfg(test)]
mod tests;
mod unit;

use chrono::DateTime;
use chrono::format::{ParseError, ParseErrorKind};

use super::number::NotANumber;

pub use format::TimeFormat;
pub use hint::{LIKELY, likely_format, likely_unit};
pub use pattern::Refused;
pub use unit::Unit;

/// 1000-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
const CALENDAR: std::ops::RangeInclusive<i64> = -30_610_224_000_000..=253_402_300_799_999;

/// Why something is no event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotATime {
    /// It is not written as the field's times are.
    Form,
    /// It is a number, but not one that counts.
    Number(NotANumber),
    /// A month 13, a year 12,000.
    Calendar,
    /// A local time that the zone's clocks went past, as they were put forward.
    Skipped,
}

impl From<ParseError> for NotATime {
    fn from(e: ParseError) -> Self {
        match e.kind() {
            ParseErrorKind::Impossible | ParseErrorKind::OutOfRange => Self::Calendar,
            _ => Self::Form,
        }
    }
}

/// Epoch milliseconds, if they are in the calendar.
///
/// # Errors
/// [`NotATime`]: beyond the calendar.
pub fn from_ms(ms: i64) -> Result<i64, NotATime> {
    if CALENDAR.contains(&ms) { Ok(ms) } else { Err(NotATime::Calendar) }
}

/// Epoch milliseconds of an RFC 3339 text.
///
/// # Errors
/// [`NotATime`]: no time as RFC 3339 has it, or beyond the calendar.
pub fn from_rfc3339(text: &str) -> Result<i64, NotATime> {
    from_ms(DateTime::parse_from_rfc3339(text)?.timestamp_millis())
}

/// RFC 3339 in UTC with milliseconds.
pub fn to_rfc3339(ms: i64) -> String {
    match DateTime::from_timestamp_millis(ms) {
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        None => format!("{ms} ms"),
    }
}
