//! Numbers and texts as pages show them: digits in groups of three, exactly as they are, and texts of a bounded length.

/// What a cell shows of something that is not known.
pub(super) const NOT_KNOWN: &str = "–";

/// `1,234,567`
pub(super) fn grouped(number: i64) -> String {
    decimal(&number.to_string())
}

/// `1,234,567`, of what is counted.
pub(super) fn count(number: u64) -> String {
    decimal(&number.to_string())
}

/// The text of a decimal with its whole digits in groups, every digit as it is: `-1,234.50`. Another text stays as it is.
pub(super) fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut out = String::from(sign);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// The text, or its first `most` characters with a sign that there are more.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_groups_of_three() {
        let texts = [0, 7, 999, 1_000, 12_345, 1_234_567, -1_000, i64::MIN].map(grouped);
        let wanted = ["0", "7", "999", "1,000", "12,345", "1,234,567", "-1,000", "-9,223,372,036,854,775,808"];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn every_digit_of_a_decimal_stays() {
        for (text, wanted) in [
            ("1234567.89", "1,234,567.89"),
            ("-1000.00", "-1,000.00"),
            ("0.0001234", "0.0001234"),
            ("123456789012345678901234567890.5", "123,456,789,012,345,678,901,234,567,890.5"),
            ("NaN", "NaN"),
            ("", ""),
            ("-", "-"),
            ("1e30", "1e30"),
        ] {
            assert_eq!(decimal(text), wanted);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!([cut("Grüße", 5), cut("Grüße", 4), cut("", 0)], ["Grüße", "Grüß…", ""]);
    }
}
