//! Dirty data: an amount below the least that is valid. The check that the Flink job had in its code, as a module.

use weir_sdk::{Decimal, Parameters, Record, Verdict, dead_letter_if, rule};

/// What the rule reads.
#[derive(Debug, Record)]
pub struct Payment {
    amount: Decimal,
}

/// What can be set.
#[derive(Debug, Parameters)]
pub struct Limits {
    #[parameter(default = "0", summary = "least amount that is valid")]
    least: Decimal,
}

/// Amounts below the least are dirty data.
#[rule(code(AMOUNT_NEGATIVE, dead_letter, "the amount is below the least that is valid"))]
pub fn negative_amount(tx: &Payment, limits: &Limits) -> Verdict {
    dead_letter_if(tx.amount < limits.least, AMOUNT_NEGATIVE, || format!("amount {} < {}", tx.amount, limits.least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    fn payments(cents: &[i64]) -> Vec<Payment> {
        cents.iter().map(|cents| Payment { amount: Decimal::new(*cents, 2) }).collect()
    }

    #[test]
    fn zero_is_valid_and_a_cent_below_it_is_not() {
        let hits = Harness::<negative_amount>::new().judge(&payments(&[0, -1, 1, i64::MIN, i64::MAX]));
        let least = "amount -92233720368547758.08 < 0";
        assert_eq!(hits, [(1, "AMOUNT_NEGATIVE", "amount -0.01 < 0"), (3, "AMOUNT_NEGATIVE", least)]);
    }

    #[test]
    fn the_least_is_compared_exactly_whatever_its_scale() {
        let harness = Harness::<negative_amount>::new().set("least", "0.015");
        assert_eq!(harness.judge(&payments(&[1, 2])), [(0, "AMOUNT_NEGATIVE", "amount 0.01 < 0.015")]);
    }

    #[test]
    fn a_least_that_is_no_number_is_refused_by_name() {
        let refused = Harness::<negative_amount>::new().set("least", "a few").configure();
        let why = "parameter `least` = \"a few\": not a decimal number; write one like -12.50";
        assert_eq!(refused, Err(why.to_owned()));
    }

    #[test]
    fn an_empty_batch_has_no_hits() {
        assert!(Harness::<negative_amount>::new().judge(&payments(&[])).is_empty());
    }

    // The next two as the console makes them of a record (page Try).

    #[test]
    fn record_3_18234771_is_amount_negative() {
        let harness = weir_sdk::testing::Harness::<negative_amount>::new();
        let hits = harness.judge_texts(&[("amount", Some("-1.50"))]);
        assert_eq!(hits, [(0, "AMOUNT_NEGATIVE", "amount -1.50 < 0")]);
    }

    #[test]
    fn this_record_passes() {
        let harness = weir_sdk::testing::Harness::<negative_amount>::new().set("least", "-2.5");
        let hits = harness.judge_texts(&[("amount", Some("-1.50"))]);
        assert!(hits.is_empty(), "{hits:?}");
    }
}
