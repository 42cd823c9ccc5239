//! A payment above a limit that is set while the pipeline runs. A flag.

use weir_sdk::{Decimal, Parameters, Record, Verdict, flag_if, rule};

/// What the rule reads.
#[derive(Debug, Record)]
pub struct Payment {
    amount: Decimal,
}

/// What can be set.
#[derive(Debug, Parameters)]
pub struct Limits {
    #[cfg_attr(feature = "strict", parameter(default = "5000", summary = "greatest amount that is not flagged"))]
    #[cfg_attr(
        not(feature = "strict"),
        parameter(default = "200000", summary = "greatest amount that is not flagged")
    )]
    limit: Decimal,
}

/// Amounts above the limit.
#[rule(code(HIGH_AMOUNT, flag, "the amount is above the limit"))]
pub fn high_amount(tx: &Payment, limits: &Limits) -> Verdict {
    flag_if(tx.amount > limits.limit, HIGH_AMOUNT, || format!("amount {} > {}", tx.amount, limits.limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    fn payments() -> [Payment; 3] {
        ["199999.99", "200000.00", "200000.01"].map(|text| Payment { amount: text.parse().expect("a decimal") })
    }

    #[test]
    fn the_limit_itself_is_not_flagged() {
        let hits = Harness::<high_amount>::new().judge(&payments());
        assert_eq!(hits, [(2, "HIGH_AMOUNT", "amount 200000.01 > 200000")]);
    }

    #[test]
    fn a_stricter_limit_flags_more() {
        assert_eq!(Harness::<high_amount>::new().set("limit", "1000.5").judge(&payments()).len(), 3);
    }

    #[test]
    fn the_manifest_tells_the_default() {
        let manifest = Harness::<high_amount>::new().manifest();
        assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("high_amount", env!("CARGO_PKG_VERSION")));
        assert_eq!(manifest.summary, "Amounts above the limit.");
        assert_eq!(
            (manifest.parameters[0].name.as_str(), manifest.parameters[0].default.as_str()),
            ("limit", "200000")
        );
    }
}
