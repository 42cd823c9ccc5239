#![allow(non_snake_case)]

#[derive(weir_sdk::Parameters)]
pub struct Limits {
    #[parameter(default = "0", summary = "limit")]
    pub leastAmount: i64,
}

#[derive(weir_sdk::Parameters)]
pub struct Hidden {
    #[parameter(default = "0", summary = "limit")]
    pub _least: i64,
}

fn main() {}
