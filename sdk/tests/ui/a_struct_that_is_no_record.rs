use weir_sdk::{Decimal, PASS, Verdict, rule};

struct Payment {
    amount: Decimal,
}

/// Amounts above the limit.
#[rule(code(HIGH_AMOUNT, flag, "the amount is high"))]
fn high_amount(tx: &Payment) -> Verdict {
    let _ = tx.amount;
    PASS
}

fn main() {}
