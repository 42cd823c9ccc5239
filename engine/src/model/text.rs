//! Values as text: what groups and lookup keys are made of.

use super::record::Value;
use super::time;

impl Value<'_> {
    /// One text a value: decimals with all digits of their scale, times as RFC 3339 in UTC.
    pub fn to_text(self, scale: u8) -> String {
        match self {
            Self::Boolean(v) => v.to_string(),
            Self::Integer(v) => v.to_string(),
            Self::Float(v) => v.to_string(),
            Self::Decimal(v) => decimal(v, scale),
            Self::Timestamp(v) => time::to_rfc3339(v),
            Self::Text(v) => v.to_owned(),
        }
    }
}

fn decimal(unscaled: i64, scale: u8) -> String {
    let mut text = String::new();
    push_decimal(&mut text, unscaled.into(), scale);
    text
}

/// An unscaled integer with its point put in: (-5, 2) is `-0.05`.
pub(crate) fn push_decimal(text: &mut String, unscaled: i128, scale: u8) {
    let (scale, mut digits) = (usize::from(scale), itoa::Buffer::new());
    let digits = digits.format(unscaled.unsigned_abs());
    if unscaled < 0 {
        text.push('-');
    }
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        text.push('.');
        text.extend(std::iter::repeat_n('0', scale - fraction.len()));
        text.push_str(fraction);
    }
}
