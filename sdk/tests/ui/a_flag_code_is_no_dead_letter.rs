use weir_sdk::{Decimal, Record, Verdict, dead_letter, rule};

#[derive(Record)]
struct Payment {
    amount: Decimal,
}

/// Amounts above the limit.
#[rule(code(HIGH_AMOUNT, flag, "the amount is high"))]
fn high_amount(tx: &Payment) -> Verdict {
    dead_letter(HIGH_AMOUNT, || tx.amount.to_string())
}

fn main() {}
