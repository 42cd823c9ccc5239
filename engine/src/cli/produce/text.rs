//! Numbers as text: exact, whatever their size.

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text of a file in a message: as a literal, and not longer than a message should be.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Sign, integer digits, fraction digits and exponent of a decimal number; None if the text is none.
fn parts(text: &str) -> Option<(bool, &str, &str, i32)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let some = !(whole.is_empty() && fraction.is_empty());
    (some && all_digits(whole) && all_digits(fraction)).then_some((negative, whole, fraction, exponent))
}

/// A JSON number with the point moved; the digits stay as they are, trailing zeros included.
pub(super) fn number(text: &str, shift: i8) -> Option<String> {
    let (negative, whole, fraction, exponent) = parts(text)?;
    let exponent = exponent.checked_add(i32::from(shift))?;
    if exponent.unsigned_abs() > 400 {
        return None; // no amount, and padding it would take memory without a bound
    }
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    let (whole, fraction) = if point <= 0 {
        (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        (digits[..point as usize].to_owned(), digits[point as usize..].to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// The number times 10^shift as an integer; None if that is not whole or too great.
pub(super) fn scaled(text: &str, shift: i8) -> Option<i64> {
    let text = number(text, shift)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    fraction.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok()).flatten()
}
