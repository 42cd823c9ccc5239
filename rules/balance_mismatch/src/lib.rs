//! PaySim's arithmetic: what the origin's balance should be after a payment. PaySim never lets a balance fall below
//! zero, so a payment of more than the balance leaves zero. In PaySim's data many rows do not add up, which is why this
//! is a flag.

use weir_sdk::{Decimal, PASS, Record, Text, Verdict, flag, rule};

/// What the rule reads; a source without balances leaves it silent.
#[derive(Debug, Record)]
pub struct Payment<'a> {
    #[field("type")]
    kind: Text<'a>,
    amount: Decimal,
    old_balance_org: Option<Decimal>,
    new_balance_orig: Option<Decimal>,
}

/// The origin's balance does not move by the amount.
#[rule(code(BALANCE_MISMATCH, flag, "the origin's new balance is not the old one moved by the amount"))]
pub fn balance_mismatch(tx: &Payment) -> Verdict {
    let (Some(old), Some(new)) = (tx.old_balance_org, tx.new_balance_orig) else {
        return PASS;
    };
    let expected = match tx.kind {
        "CASH_IN" => old.checked_add(tx.amount),
        "TRANSFER" | "CASH_OUT" | "PAYMENT" | "DEBIT" if tx.amount >= old => Some(Decimal::ZERO),
        "TRANSFER" | "CASH_OUT" | "PAYMENT" | "DEBIT" => old.checked_sub(tx.amount),
        _ => return PASS,
    };
    if expected == Some(new) {
        return PASS;
    }
    flag(BALANCE_MISMATCH, || match expected {
        Some(expected) => format!("{} of {} from {old} leaves {new}, not {expected}", tx.kind, tx.amount),
        None => format!("{} of {} from {old} leaves {new}; the sum is beyond 64 bits", tx.kind, tx.amount),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    fn payment(kind: &str, amount: i64, old: i64, new: i64) -> Payment<'_> {
        Payment {
            kind,
            amount: Decimal::new(amount, 2),
            old_balance_org: Some(Decimal::new(old, 2)),
            new_balance_orig: Some(Decimal::new(new, 2)),
        }
    }

    #[test]
    fn balances_that_move_by_the_amount_pass() {
        let right = [
            payment("TRANSFER", 100, 250, 150),
            payment("CASH_OUT", 250, 250, 0),
            payment("PAYMENT", 1, 1_00, 99),
            payment("DEBIT", 0, 5, 5),
            payment("CASH_IN", 100, 250, 350),
        ];
        assert!(Harness::<balance_mismatch>::new().judge(&right).is_empty());
    }

    #[test]
    fn a_payment_beyond_the_balance_leaves_zero() {
        let payments = [payment("TRANSFER", 500, 250, 0), payment("TRANSFER", 500, 250, -250)];
        let detail = "TRANSFER of 5.00 from 2.50 leaves -2.50, not 0";
        assert_eq!(Harness::<balance_mismatch>::new().judge(&payments), [(1, "BALANCE_MISMATCH", detail)]);
    }

    #[test]
    fn a_balance_that_did_not_move_is_flagged() {
        let payments = [payment("CASH_OUT", 100, 250, 250), payment("CASH_IN", 100, 250, 150)];
        let hits = Harness::<balance_mismatch>::new().judge(&payments);
        assert_eq!(hits[0].detail, "CASH_OUT of 1.00 from 2.50 leaves 2.50, not 1.50");
        assert_eq!(hits[1].detail, "CASH_IN of 1.00 from 2.50 leaves 1.50, not 3.50");
    }

    #[test]
    fn missing_balances_and_other_types_say_nothing() {
        let missing = Payment { new_balance_orig: None, ..payment("TRANSFER", 1, 0, 7) };
        let payments = [missing, payment("REFUND", 1, 0, 7)];
        assert!(Harness::<balance_mismatch>::new().judge(&payments).is_empty());
    }

    #[test]
    fn a_sum_beyond_64_bits_is_a_mismatch_and_no_panic() {
        let hits = Harness::<balance_mismatch>::new().judge(&[payment("CASH_IN", i64::MAX, i64::MAX, 0)]);
        assert_eq!(hits.len(), 1);
    }
}
