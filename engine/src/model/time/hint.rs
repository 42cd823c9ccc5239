//! What somebody most likely meant by a time that does not fit: another unit, or a local time that lacks its format.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::format::TimeFormat;
use super::{Unit, to_rfc3339};

/// 2000 to 2100: where times are looked for without a clock.
pub const LIKELY: RangeInclusive<i64> = 946_684_800_000..=4_102_444_800_000;

/// How times without a zone, or with an offset that RFC 3339 does not have, are often written. Day and month of the same
/// length are left out where nobody could tell which is which.
const FORMATS: [&str; 9] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
];

/// The unit by which a number that counts `unit` would be a time within these, and what to set. `name` is the field's.
pub fn likely_unit(number: i128, unit: Unit, within: &RangeInclusive<i64>, name: &str) -> Option<String> {
    let (other, ms) = Unit::ALL
        .into_iter()
        .filter(|other| *other != unit)
        .filter_map(|other| Some((other, other.to_ms(number)?)))
        .find(|(_, ms)| within.contains(ms))?;
    let (as_other, key, time) = (other.name(), other.key(), to_rfc3339(ms));
    Some(format!("{number} as {as_other} is {time}: set unit = \"{key}\" of the field {name}"))
}

/// What to set for a text that is a time, but not RFC 3339.
pub fn likely_format(text: &str) -> Option<String> {
    /// Made once: a topic may be full of such texts.
    static READERS: LazyLock<Vec<(&str, bool, TimeFormat)>> = LazyLock::new(|| {
        let reader = |format: &'static str| {
            let local = TimeFormat::new(None, Some(format), Some("UTC")).map(|reads| (format, true, reads));
            local.or_else(|_| TimeFormat::new(None, Some(format), None).map(|reads| (format, false, reads))).ok()
        };
        FORMATS.into_iter().filter_map(reader).collect()
    });
    let (format, is_local, _) = READERS.iter().find(|(_, _, reads)| reads.text(text).is_ok())?;
    if !is_local {
        return Some(format!("set format = {format:?} of the field"));
    }
    let format = if text.contains('.') { format } else { format.trim_end_matches("%.f") };
    Some(format!("it has no zone: set format = {format:?} and zone = \"Europe/Berlin\" (or what it is) of the field"))
}
