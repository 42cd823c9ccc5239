//! Decimals and times as the text that both databases take and give exactly. Pure.

use chrono::{DateTime, NaiveDateTime};

const TIME: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// The unscaled integer of what `push_decimal` wrote; None if it is not a decimal of this scale.
pub(crate) fn unscaled(text: &str, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() != usize::from(scale) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{fraction}").parse().ok()
}

/// Epoch milliseconds as `2026-01-31 12:00:00.000` in UTC; None past what a DATETIME holds.
pub(crate) fn time(ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(ms)?;
    let text = time.format(TIME).to_string();
    (text.len() == "2026-01-31 12:00:00.000".len()).then_some(text)
}

/// Epoch milliseconds of such a text; None if it is no time.
pub(crate) fn epoch_ms(text: &str) -> Option<i64> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok().map(|time| time.and_utc().timestamp_millis())
}

/// The first 255 characters, which is what a group's column holds.
pub(crate) fn cut(text: &str) -> &str {
    if text.len() <= 255 {
        return text;
    }
    text.char_indices().nth(255).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::push_decimal;

    #[test]
    fn decimals_read_back_as_they_were() {
        for (value, scale, wanted) in
            [(-5, 2, "-0.05"), (0, 2, "0.00"), (12345, 2, "123.45"), (7, 0, "7"), (-120, 1, "-12.0"), (-1, 3, "-0.001")]
        {
            let mut text = String::new();
            push_decimal(&mut text, value, scale);
            assert_eq!(text, wanted);
            assert_eq!(unscaled(wanted, scale), Some(value));
        }
        assert_eq!(unscaled("1.5", 2), None);
    }

    #[test]
    fn times_before_1970_read_back_as_they_were() {
        for ms in [0, -1, 1_700_000_000_123] {
            assert_eq!(epoch_ms(&time(ms).unwrap()), Some(ms));
        }
        assert_eq!(time(i64::MAX), None);
    }

    #[test]
    fn text_is_cut_at_characters() {
        assert_eq!(cut(&"é".repeat(300)).chars().count(), 255);
        assert_eq!(cut("ab"), "ab");
    }
}
