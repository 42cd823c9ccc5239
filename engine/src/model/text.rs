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
    let (sign, digits) = (if unscaled < 0 { "-" } else { "" }, unscaled.unsigned_abs());
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let unit = 10_u64.pow(u32::from(scale));
    format!("{sign}{}.{:0width$}", digits / unit, digits % unit, width = usize::from(scale))
}
