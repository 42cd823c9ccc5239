//! A decimal as text: what people write in parameters and read in details. Nothing passes through a float.

use std::fmt;
use std::str::FromStr;

use super::Decimal;

/// Why a text is not a [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseDecimalError {
    /// Something else than digits with at most one sign and one point.
    NotANumber,
    /// It needs more than a 64-bit integer or more than 18 fraction digits.
    OutOfRange,
}

/// A sign, a point and 19 digits, which are as many as an i64 has and one more than the greatest scale.
const LONGEST: usize = 21;
const BILLION: u64 = 1_000_000_000;

impl fmt::Display for Decimal {
    /// Written into one piece: the detail of a hit has several of them, and each piece that `write!` is given costs more
    /// than the digits do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; LONGEST];
        let mut left = self.unscaled.unsigned_abs();
        let mut at = LONGEST;
        while left > u64::from(u32::MAX) {
            let above = left / BILLION;
            digits(&mut text[at - 9..at], (left - above * BILLION) as u32);
            (left, at) = (above, at - 9);
        }
        at = digits(&mut text[..at], left as u32);
        let behind = usize::from(self.scale);
        at = at.min(LONGEST - 1 - behind);
        if behind > 0 {
            let point = LONGEST - behind;
            text.copy_within(at..point, at - 1);
            text[point - 1] = b'.';
            at -= 1;
        }
        if self.unscaled < 0 {
            at -= 1;
            text[at] = b'-';
        }
        f.write_str(str::from_utf8(&text[at..]).expect("only digits, a point and a sign"))
    }
}

/// Writes a number to the end of the text, and says where it begins. A tenth by a multiplication: WebAssembly knows no
/// other division than the processor's, which takes ten times as long.
fn digits(text: &mut [u8], mut left: u32) -> usize {
    let mut at = text.len();
    while left > 0 {
        let tenth = ((u64::from(left) * 0xcccc_cccd) >> 35) as u32;
        at -= 1;
        text[at] = b'0' + (left - tenth * 10) as u8;
        left = tenth;
    }
    at
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Takes `12`, `-0.5`, `+3.`, `.25`; the scale is the number of digits behind the point.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let (mut unscaled, mut scale, mut seen, mut point) = (0i64, 0u8, false, false);
        for &byte in digits {
            match byte {
                b'.' if !point => point = true,
                b'0'..=b'9' => {
                    seen = true;
                    let digit = i64::from(byte - b'0');
                    let signed = if negative { -digit } else { digit };
                    unscaled = unscaled
                        .checked_mul(10)
                        .and_then(|shifted| shifted.checked_add(signed))
                        .ok_or(ParseDecimalError::OutOfRange)?;
                    scale += u8::from(point);
                    if scale > Self::MAX_SCALE {
                        return Err(ParseDecimalError::OutOfRange);
                    }
                }
                _ => return Err(ParseDecimalError::NotANumber),
            }
        }
        if seen { Ok(Self { unscaled, scale }) } else { Err(ParseDecimalError::NotANumber) }
    }
}

impl fmt::Display for ParseDecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a decimal number; write one like -12.50",
            Self::OutOfRange => "more digits than a decimal holds (64 bits, 18 fraction digits)",
        })
    }
}

impl std::error::Error for ParseDecimalError {}
