use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

#[derive(Record)]
struct Payment {
    amount: Decimal,
}

/// Amounts above the limit.
#[rule(code(HIGH_AMOUNT, reject, "the amount is high"))]
fn high_amount(tx: &Payment) -> Verdict {
    let _ = tx.amount;
    PASS
}

fn main() {}
