use weir_sdk::{Decimal, Parameters};

#[derive(Parameters)]
struct Limits {
    #[parameter(summary = "least amount that is valid")]
    least: Decimal,
}

fn main() {}
