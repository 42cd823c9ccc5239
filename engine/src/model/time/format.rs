//! How the times of one field are written: `unit`, `format` and `zone` of a timestamp field, in the configuration as in a
//! mapping. Without any of them numbers are epoch milliseconds and texts RFC 3339.

use std::fmt;
use std::sync::Arc;

use super::pattern::{Pattern, Refused};
use super::{NotATime, Unit, from_ms, from_rfc3339};
use crate::model::number::{self, NotANumber};

/// Fraction digits that a number of seconds may have.
const SECOND_DIGITS: u8 = 9;

/// How a timestamp field is written. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat {
    /// What numbers count; None: texts only.
    unit: Option<Unit>,
    /// How texts are written; None: RFC 3339.
    pattern: Option<Arc<Pattern>>,
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self { unit: Some(Unit::default()), pattern: None }
    }
}

impl TimeFormat {
    /// The format that the three keys describe. With a `format` alone, numbers are no times: `20260102` is no count of
    /// milliseconds.
    ///
    /// # Errors
    /// [`Refused`]: which key can't be used, and what to write.
    pub fn new(unit: Option<Unit>, format: Option<&str>, zone: Option<&str>) -> Result<Self, Refused> {
        match (format, zone) {
            (None, None) => Ok(Self { unit: Some(unit.unwrap_or_default()), pattern: None }),
            (None, Some(_)) => {
                let why = "is of no use without format: RFC 3339 has an offset, and a number counts from 1970 in UTC";
                Err(Refused { key: "zone", why: why.to_owned() })
            }
            (Some(format), zone) => Ok(Self { unit, pattern: Some(Arc::new(Pattern::new(format, zone)?)) }),
        }
    }

    /// What numbers count; None: they are no times.
    pub fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Whether texts are RFC 3339.
    pub fn is_rfc3339(&self) -> bool {
        self.pattern.is_none()
    }

    /// Epoch milliseconds of a number's `unscaled` digits, of which `fraction` are behind the point. None: [`Self::number`]
    /// decides.
    #[inline]
    pub fn scaled(&self, unscaled: i64, fraction: usize) -> Option<i64> {
        match self.unit? {
            Unit::Ms if fraction == 0 => from_ms(unscaled).ok(),
            unit if fraction == 0 => from_ms(unit.to_ms(i128::from(unscaled))?).ok(),
            Unit::S => {
                let zeros = u32::from(SECOND_DIGITS).checked_sub(u32::try_from(fraction).ok()?)?;
                from_ms(nanos_to_ms(unscaled.checked_mul(10_i64.pow(zeros))?)).ok()
            }
            _ => None,
        }
    }

    /// Epoch milliseconds of a number as JSON writes it. Seconds may have a fraction; below a millisecond it is cut off.
    ///
    /// # Errors
    /// [`NotATime`]: the format takes no numbers, or the time is beyond the calendar.
    pub fn number(&self, text: &str) -> Result<i64, NotATime> {
        let unit = self.unit.ok_or(NotATime::Form)?;
        let ms = match number::integer(text) {
            Ok(count) => unit.to_ms(i128::from(count)).ok_or(NotATime::Calendar)?,
            Err(NotANumber::Fraction) if unit == Unit::S => {
                nanos_to_ms(number::decimal(text, SECOND_DIGITS).map_err(NotATime::Number)?)
            }
            Err(e) => return Err(NotATime::Number(e)),
        };
        from_ms(ms)
    }

    /// Epoch milliseconds of a text.
    ///
    /// # Errors
    /// [`NotATime`]: the text does not fit the format, or the time is beyond the calendar.
    pub fn text(&self, text: &str) -> Result<i64, NotATime> {
        match &self.pattern {
            None => from_rfc3339(text),
            Some(pattern) => pattern.read(text),
        }
    }

    /// Epoch milliseconds of a text from where there are only texts (Redis, a cell of a CSV file): a number or a time.
    ///
    /// # Errors
    /// [`NotATime`]: the text is neither.
    pub fn cell(&self, text: &str) -> Result<i64, NotATime> {
        let (first, second): (Read, Read) = match &self.pattern {
            // A text may be all digits: `format` says what they are.
            Some(_) => (Self::text, Self::number),
            None => (Self::number, Self::text),
        };
        match first(self, text) {
            Err(NotATime::Form | NotATime::Number(NotANumber::Grammar)) => match second(self, text) {
                Err(NotATime::Number(NotANumber::Grammar)) => Err(NotATime::Form),
                read => read,
            },
            read => read,
        }
    }
}

type Read = fn(&TimeFormat, &str) -> Result<i64, NotATime>;

fn nanos_to_ms(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

/// What it wants: `epoch milliseconds or RFC 3339`.
impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(unit) = self.unit {
            write!(f, "epoch {} or ", unit.name())?;
        }
        match &self.pattern {
            None => f.write_str("RFC 3339"),
            Some(pattern) => pattern.fmt(f),
        }
    }
}
