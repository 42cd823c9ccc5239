//! What a window should keep of a field, computed from all of its values at once, and the text that the database should hold.

/// What an aggregate keeps of these unscaled values: its own unscaled value and its fraction digits, where the field has `scale` of
/// them; None: there is no value.
///
/// # Panics
/// If the aggregate is not known here: a new one is written here too, in another way than the engine's.
pub fn kept(aggregate: &str, values: &[i64], scale: u8) -> Option<(i128, u8)> {
    let all = values.iter().map(|value| i128::from(*value));
    let unscaled = match aggregate {
        "sum" => (!values.is_empty()).then(|| all.sum()),
        "min" => all.min(),
        "max" => all.max(),
        other => panic!("the oracle does not know the aggregate {other:?}"),
    };
    unscaled.map(|unscaled| (unscaled, scale))
}

/// An unscaled integer with its point put in: (-5, 2) is `-0.05`.
pub fn decimal(unscaled: i128, scale: u8) -> String {
    let (sign, one) = (if unscaled < 0 { "-" } else { "" }, 10_u128.pow(scale.into()));
    let (whole, fraction) = (unscaled.unsigned_abs() / one, unscaled.unsigned_abs() % one);
    match usize::from(scale) {
        0 => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{fraction:0digits$}"),
    }
}
