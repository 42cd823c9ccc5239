use weir_sdk::{Decimal, Record};

#[derive(Record)]
struct Payment {
    amount: Decimal,
    #[field("amount")]
    value: Decimal,
}

fn main() {}
