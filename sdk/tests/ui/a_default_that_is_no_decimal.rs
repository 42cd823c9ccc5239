use weir_sdk::{Decimal, Parameters};

#[derive(Parameters)]
struct Limits {
    #[parameter(default = "1,50", summary = "least amount that is valid")]
    least: Decimal,
}

fn main() {}
