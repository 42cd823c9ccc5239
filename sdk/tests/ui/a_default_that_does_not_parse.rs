#[derive(weir_sdk::Parameters)]
pub struct Time {
    #[parameter(default = "2026-11-24T13:05:00Z", summary = "limit")]
    pub limit: weir_sdk::Timestamp,
}

#[derive(weir_sdk::Parameters)]
pub struct Whole {
    #[parameter(default = "1.5", summary = "limit")]
    pub limit: i64,
}

#[derive(weir_sdk::Parameters)]
pub struct Real {
    #[parameter(default = "NaN", summary = "limit")]
    pub limit: f64,
}

#[derive(weir_sdk::Parameters)]
pub struct Truth {
    #[parameter(default = "yes", summary = "limit")]
    pub limit: bool,
}

#[derive(weir_sdk::Parameters)]
pub struct Qualified {
    #[parameter(default = "12,50", summary = "limit")]
    pub limit: weir_sdk::Decimal,
}

#[derive(weir_sdk::Parameters)]
pub struct Twice {
    #[parameter(default = "1", default = "2", summary = "limit")]
    pub limit: i64,
}

fn main() {}
