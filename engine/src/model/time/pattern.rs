//! A `format` (chrono's strftime) with the `zone` that it lacks, checked once, so that reading can only fail for the text.

use std::fmt::{self, Write};

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, FixedOffset, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::{NotATime, from_ms};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    format: String,
    items: Vec<Item<'static>>,
    /// None: the text says its offset.
    zone: Option<Tz>,
    /// False: a date, whose day begins at midnight.
    has_time: bool,
}

/// A key that can't be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `format` or `zone`.
    pub key: &'static str,
    /// What is wrong with it and what to write.
    pub why: String,
}

impl Pattern {
    pub(super) fn new(format: &str, zone: Option<&str>) -> Result<Self, Refused> {
        let refused = |key, why: String| Refused { key, why };
        let items = items(format).map_err(|why| refused("format", why))?;
        let seen = probe(format, &items).map_err(|why| refused("format", why))?;
        let zone = match (seen.has_offset, zone) {
            (true, None) => None,
            (true, Some(_)) => {
                return Err(refused("zone", "should be left out: the format has an offset itself".into()));
            }
            (false, Some(name)) => Some(name.parse().map_err(|_| refused("zone", unknown(name)))?),
            (false, None) => {
                let why = "is missing: the format has no offset. Write zone = \"Europe/Berlin\", or \"UTC\"";
                return Err(refused("zone", why.to_owned()));
            }
        };
        Ok(Self { format: format.to_owned(), items, zone, has_time: seen.has_time })
    }

    /// Epoch milliseconds. Of a local time that was twice, as the clocks were put back, the first.
    pub(super) fn read(&self, text: &str) -> Result<i64, NotATime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter())?;
        let Some(zone) = self.zone else {
            return from_ms(parsed.to_datetime()?.timestamp_millis());
        };
        let time = if self.has_time { parsed.to_naive_time()? } else { NaiveTime::MIN };
        let local = parsed.to_naive_date()?.and_time(time);
        let time = zone.from_local_datetime(&local).earliest().ok_or(NotATime::Skipped)?;
        from_ms(time.timestamp_millis())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.format)?;
        match self.zone {
            None => Ok(()),
            Some(zone) => write!(f, " in {zone}"),
        }
    }
}

fn items(format: &str) -> Result<Vec<Item<'static>>, String> {
    let items = StrftimeItems::new(format).parse_to_owned().map_err(|_| {
        "holds a % that means nothing; write for example \"%Y-%m-%d %H:%M:%S\", and %% for a percent sign".to_owned()
    })?;
    if items.contains(&Item::Fixed(Fixed::TimezoneName)) {
        return Err("holds %Z, a zone's name, which can't be read; use %z, an offset, or zone".into());
    }
    Ok(items)
}

struct Seen {
    has_offset: bool,
    has_time: bool,
}

/// Writes a time in the format and reads it again: what does not come back no record could say either.
fn probe(format: &str, items: &[Item<'static>]) -> Result<Seen, String> {
    let sample = DateTime::parse_from_rfc3339("2026-11-30T13:45:56.789+05:30").expect("a time");
    let lacks = |what: &str| format!("does not say {what}; write for example \"%Y-%m-%d %H:%M:%S\"");
    let mut parsed = Parsed::new();
    parse(&mut parsed, &written(sample, format)?, items.iter())
        .map_err(|_| lacks("what it writes so that it can be read"))?;
    let has_offset = parsed.offset().is_some() || parsed.timestamp().is_some();
    let has_time = parsed.to_naive_time().is_ok();
    if has_offset {
        let same = parsed.to_datetime().is_ok_and(|time| time.timestamp() / 60 == sample.timestamp() / 60);
        return if same { Ok(Seen { has_offset, has_time }) } else { Err(lacks("year, month, day, hour and minute")) };
    }
    if parsed.to_naive_date() != Ok(sample.date_naive()) {
        return Err(lacks("year, month and day"));
    }
    let half = parsed.hour_mod_12().is_some() || parsed.hour_div_12().is_some() || parsed.minute().is_some();
    if half && !has_time { Err(lacks("hour and minute")) } else { Ok(Seen { has_offset, has_time }) }
}

fn written(sample: DateTime<FixedOffset>, format: &str) -> Result<String, String> {
    // chrono reads %#z, an offset with or without minutes, and panics if it is to write one.
    let format = format.replace("%#z", "%z");
    let mut text = String::new();
    write!(text, "{}", sample.format(&format)).map_err(|_| "can't be written".to_owned())?;
    Ok(text)
}

/// Shows the name only if it is nearly one: it may be anything that was put into the wrong place.
fn unknown(name: &str) -> String {
    let lower = name.to_lowercase();
    let distance = |zone: &Tz| strsim::damerau_levenshtein(&zone.name().to_lowercase(), &lower);
    let nearest = chrono_tz::TZ_VARIANTS.iter().filter(|zone| distance(zone) <= (lower.len() / 3).max(2));
    match nearest.min_by_key(|zone| distance(zone)) {
        Some(near) => format!("{name:?} is no time zone; did you mean {:?}?", near.name()),
        None => "is no time zone; write one as IANA names it, \"Europe/Berlin\" or \"UTC\"".into(),
    }
}
