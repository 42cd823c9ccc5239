//! A point in time as records carry it. There is no clock here: a rule knows only the times that it is handed.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

impl Timestamp {
    /// The time of epoch milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Epoch milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The time that `Display` writes so: RFC 3339 in UTC with milliseconds, `2026-11-24T13:05:00.250Z`. None: it is written in
    /// another way.
    pub(crate) fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        if (date.len(), time.len()) != (10, 12) {
            return None;
        }
        let numbers = |text: &str, between: char| {
            let mut parts = text.split(between).map(|part| part.parse::<i64>().ok());
            Some([parts.next()??, parts.next()??, parts.next()??])
        };
        let [year, month, day] = numbers(date, '-')?;
        let (time, milli) = time.split_once('.')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let in_day = hour * HOUR + minute * 60_000 + second * 1_000 + milli.parse::<i64>().ok()?;
        let found = Self(day_number(year, month, day) * DAY + in_day);
        // Whatever is no date or no time of a day is written otherwise.
        (found.to_string() == text).then_some(found)
    }

    /// Hour of the day in UTC, 0 to 23.
    pub const fn hour(self) -> u8 {
        (self.0.rem_euclid(DAY) / HOUR) as u8
    }
}

/// Year, month and day of a day number since 1970-01-01 (Howard Hinnant's algorithm, in 400-year eras).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The opposite of [`civil`].
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9).rem_euclid(12);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC: `2026-11-24T13:05:00.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let in_day = self.0.rem_euclid(DAY);
        let (hour, minute) = (in_day / HOUR, in_day / 60_000 % 60);
        let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_time_is_shown_in_utc_before_and_after_1970() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_525_500_250, "2026-11-24T13:05:00.250Z"),
        ];
        for (millis, shown) in cases {
            assert_eq!(Timestamp::from_millis(millis).to_string(), shown);
            assert_eq!(Timestamp::from_rfc3339(shown), Some(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn a_text_that_is_no_such_time_is_none() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T13:05:00Z",
            "2026-11-24T13:05:00.250",
            "2026-11-24T13:05:00.250+01:00",
            "2026-02-30T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-11-24T24:00:00.000Z",
            "2026-11-24T13:05:00.25Z",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_hour_never_is_negative() {
        assert_eq!(Timestamp::from_millis(-1).hour(), 23);
        assert_eq!(Timestamp::from_millis(3_600_000).hour(), 1);
    }
}
