use weir_sdk::{Decimal, Record};

#[derive(Record)]
struct Payment {
    amount: Decimal,
    step: u32,
}

fn main() {}
