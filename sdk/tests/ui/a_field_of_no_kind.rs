use weir_sdk::{Decimal, Record};

enum Channel {
    Web,
}

#[derive(Record)]
struct Payment {
    amount: Decimal,
    channel: Channel,
}

fn main() {}
