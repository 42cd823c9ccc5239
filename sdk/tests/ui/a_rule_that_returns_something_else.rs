use weir_sdk::{Decimal, Record, rule};

#[derive(Record)]
struct Payment {
    amount: Decimal,
}

/// Amounts above the limit.
#[rule(code(HIGH_AMOUNT, flag, "the amount is high"))]
fn high_amount(tx: &Payment) -> bool {
    tx.amount.is_negative()
}

fn main() {}
