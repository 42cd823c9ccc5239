//! Event times: epoch milliseconds, in and out of text, within what a DATETIME column holds.

use chrono::DateTime;
use chrono::format::ParseErrorKind::{Impossible, OutOfRange};

/// 1000-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
const CALENDAR: std::ops::RangeInclusive<i64> = -30_610_224_000_000..=253_402_300_799_999;

/// Why something is no event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotATime {
    /// It is no RFC 3339 at all.
    Form,
    /// A month 13, a year 12,000.
    Calendar,
}

/// Epoch milliseconds, if they are in the calendar.
pub fn from_ms(ms: i64) -> Result<i64, NotATime> {
    if CALENDAR.contains(&ms) { Ok(ms) } else { Err(NotATime::Calendar) }
}

/// Epoch milliseconds of an RFC 3339 text.
pub fn from_rfc3339(text: &str) -> Result<i64, NotATime> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => from_ms(time.timestamp_millis()),
        Err(e) if matches!(e.kind(), Impossible | OutOfRange) => Err(NotATime::Calendar),
        Err(_) => Err(NotATime::Form),
    }
}

/// RFC 3339 in UTC with milliseconds.
pub fn to_rfc3339(ms: i64) -> String {
    match DateTime::from_timestamp_millis(ms) {
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        None => format!("{ms} ms"),
    }
}
