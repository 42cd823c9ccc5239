//! JSON numbers to integers, exactly: from their text, never through a float; and what decimals and integers may hold.

/// Why a text is not the wanted number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANumber {
    /// It does not follow RFC 8259's grammar of a number.
    Grammar,
    /// It has more fraction digits than the scale, zeros apart.
    Fraction,
    /// It has more integer digits than allowed, or is beyond 64 bits.
    Overflow,
}

/// A number's text taken apart.
struct Parts<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    /// Saturates at 10^12: no record has so many digits, so it decides alone.
    exponent: i64,
}

/// Integer digits that a decimal may have: 10^19 of them still sum up in DECIMAL(38) (a limit of the store's sums).
const DECIMAL_DIGITS: i64 = 18;
/// Digits of i64::MAX.
const INTEGER_DIGITS: i64 = 19;

/// The unscaled value of a decimal.
///
/// # Errors
/// [`NotANumber`]: no number, more fraction digits than the scale, or beyond 64 bits.
pub fn decimal(text: &str, scale: u8) -> Result<i64, NotANumber> {
    unscaled(text, scale, DECIMAL_DIGITS)
}

/// The greatest decimal of this scale, as text: with a scale, what 64 bits hold comes before the limit on digits.
pub fn greatest_decimal(scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = i64::MAX.to_string();
    match digits.len().checked_sub(scale) {
        Some(point) if (point as i64) <= DECIMAL_DIGITS && scale > 0 => {
            format!("{}.{}", &digits[..point], &digits[point..])
        }
        _ => "9".repeat(DECIMAL_DIGITS as usize),
    }
}

/// An integer; `1.0` and `1e3` are some.
///
/// # Errors
/// [`NotANumber`]: no whole number, or beyond 64 bits.
pub fn integer(text: &str) -> Result<i64, NotANumber> {
    unscaled(text, 0, INTEGER_DIGITS)
}

/// The nearest float, if it is finite.
///
/// # Errors
/// [`NotANumber`]: no number, or beyond the greatest float.
pub fn float(text: &str) -> Result<f64, NotANumber> {
    take_apart(text.as_bytes()).ok_or(NotANumber::Grammar)?;
    text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or(NotANumber::Overflow)
}

/// The unscaled value of a number at this scale, with at most `max_integer` digits before the point.
fn unscaled(text: &str, scale: u8, max_integer: i64) -> Result<i64, NotANumber> {
    let parts = take_apart(text.as_bytes()).ok_or(NotANumber::Grammar)?;
    let digit = |at: usize| match at.checked_sub(parts.integer.len()) {
        None => parts.integer[at],
        Some(at) => parts.fraction[at],
    };
    let count = parts.integer.len() + parts.fraction.len();
    let Some(first) = (0..count).find(|at| digit(*at) != b'0') else {
        return Ok(0);
    };
    let last = (first..count).rfind(|at| digit(*at) != b'0').expect("the first is one");
    let point = (parts.integer.len() as i64).saturating_add(parts.exponent);
    let fraction_digits = (last as i64 + 1).saturating_sub(point);
    let zeros = i64::from(scale).saturating_sub(fraction_digits);
    if zeros < 0 {
        return Err(NotANumber::Fraction);
    }
    if point.saturating_sub(first as i64) > max_integer {
        return Err(NotANumber::Overflow);
    }
    // At most 19 integer and 10 fraction digits are left: far below i128's 38.
    let digits = (first..=last).fold(0_i128, |sum, at| sum * 10 + i128::from(digit(at) - b'0'));
    let value = digits * 10_i128.pow(zeros as u32);
    i64::try_from(if parts.negative { -value } else { value }).map_err(|_| NotANumber::Overflow)
}

fn take_apart(text: &[u8]) -> Option<Parts<'_>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (integer, rest) = digits(rest)?;
    if integer.len() > 1 && integer[0] == b'0' {
        return None;
    }
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest)?,
        _ => (&[][..], rest),
    };
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', b'-', rest @ ..] => -whole(rest)?,
        [b'e' | b'E', b'+', rest @ ..] | [b'e' | b'E', rest @ ..] => whole(rest)?,
        _ => return None,
    };
    Some(Parts { negative, integer, fraction, exponent })
}

/// The digits in front, one or more, and what follows.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn whole(text: &[u8]) -> Option<i64> {
    match digits(text)? {
        (digits, []) => {
            Some(digits.iter().fold(0_i64, |sum, d| (sum * 10 + i64::from(d - b'0')).min(1_000_000_000_000)))
        }
        _ => None,
    }
}
