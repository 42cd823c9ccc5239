//! Decimals against 128-bit arithmetic: no comparison rounds, and nothing that fits is refused.

use std::collections::HashSet;

use proptest::prelude::*;
use weir_sdk::{Decimal, ParseDecimalError};

const MAX: u32 = Decimal::MAX_SCALE as u32;

/// The value as an integer at scale 18: at most 10^37, so it is exact.
fn exact(decimal: Decimal) -> i128 {
    i128::from(decimal.unscaled()) * 10i128.pow(MAX - u32::from(decimal.scale()))
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    let unscaled = prop_oneof![any::<i64>(), -1_000i64..1_000, Just(i64::MIN), Just(i64::MAX)];
    (unscaled, 0..=Decimal::MAX_SCALE).prop_map(|(unscaled, scale)| Decimal::new(unscaled, scale))
}

proptest! {
    #[test]
    fn comparison_is_exact_across_scales(a in any_decimal(), b in any_decimal()) {
        prop_assert_eq!(a.cmp(&b), exact(a).cmp(&exact(b)));
        prop_assert_eq!(a == b, exact(a) == exact(b));
    }

    #[test]
    fn equal_decimals_hash_alike(unscaled in -1_000i64..1_000, scale in 0u8..10, more in 0u8..8) {
        let short = Decimal::new(unscaled, scale);
        let long = short.rescaled(scale + more).expect("small");
        prop_assert_eq!(short, long);
        prop_assert_eq!(HashSet::from([short, long]).len(), 1);
    }

    #[test]
    fn a_sum_is_exact_or_does_not_fit(a in any_decimal(), b in any_decimal()) {
        let scale = a.scale().max(b.scale());
        let unit = 10i128.pow(MAX - u32::from(scale));
        for (result, wanted) in [(a.checked_add(b), exact(a) + exact(b)), (a.checked_sub(b), exact(a) - exact(b))] {
            match result {
                Some(result) => prop_assert_eq!(exact(result), wanted),
                None => prop_assert!(i64::try_from(wanted / unit).is_err()),
            }
        }
    }

    #[test]
    fn a_text_and_its_decimal_are_one(a in any_decimal()) {
        let parsed: Decimal = a.to_string().parse().expect("what is shown is read");
        prop_assert_eq!((parsed.unscaled(), parsed.scale()), (a.unscaled(), a.scale()));
    }

    #[test]
    fn rescaling_keeps_the_value_or_refuses(a in any_decimal(), scale in 0u8..=20) {
        if let Some(rescaled) = a.rescaled(scale) {
            prop_assert_eq!(rescaled, a);
            prop_assert_eq!(rescaled.scale(), scale);
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "[-+.0-9a ]{0,24}") {
        let _ = text.parse::<Decimal>();
    }
}

#[test]
fn a_decimal_is_read_exactly_or_refused_with_a_reason() {
    let good = [("12", 12, 0), ("-0.50", -50, 2), ("+3.", 3, 0), (".25", 25, 2), ("-9223372036854775808", i64::MIN, 0)];
    for (text, unscaled, scale) in good {
        let decimal: Decimal = text.parse().expect(text);
        assert_eq!((decimal.unscaled(), decimal.scale()), (unscaled, scale), "{text}");
    }
    for text in ["", "-", ".", "1,5", "1e3", "1.2.3", " 1", "NaN"] {
        assert_eq!(text.parse::<Decimal>(), Err(ParseDecimalError::NotANumber), "{text}");
    }
    for text in ["9223372036854775808", "0.0000000000000000001"] {
        assert_eq!(text.parse::<Decimal>(), Err(ParseDecimalError::OutOfRange), "{text}");
    }
}

#[test]
fn a_negative_below_one_keeps_its_sign() {
    assert_eq!(Decimal::new(-5, 2).to_string(), "-0.05");
    assert_eq!(Decimal::new(i64::MIN, 18).to_string(), "-9.223372036854775808");
    assert_eq!(Decimal::new(i64::MIN, 0).checked_neg(), None);
    assert_eq!(Decimal::new(5, 1).checked_neg(), Some(Decimal::new(-5, 1)));
}

#[test]
fn every_digit_is_shown_in_its_place() {
    let ends = [
        0,
        7,
        10,
        999_999_999,
        1_000_000_000,
        4_294_967_295,
        4_294_967_296,
        1_000_000_000_000_000_000,
        i64::MAX,
        i64::MIN,
    ];
    for unscaled in ends.into_iter().flat_map(|end: i64| [end, end.wrapping_neg()]) {
        for scale in 0..=Decimal::MAX_SCALE {
            let (sign, digits) = (if unscaled < 0 { "-" } else { "" }, unscaled.unsigned_abs());
            let digits = format!("{digits:0>width$}", width = usize::from(scale) + 1);
            let (whole, behind) = digits.split_at(digits.len() - usize::from(scale));
            let point = if scale > 0 { "." } else { "" };
            assert_eq!(Decimal::new(unscaled, scale).to_string(), format!("{sign}{whole}{point}{behind}"));
        }
    }
}
