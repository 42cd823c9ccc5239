mod twice {
    use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

    #[derive(Record)]
    pub struct Payment {
        pub amount: Decimal,
    }

    /// Says something.
    #[rule(code(HIGH_AMOUNT, flag, "it is high"), code(HIGH_AMOUNT, dead_letter, "again"))]
    pub fn high_amount(_: &Payment) -> Verdict {
        PASS
    }
}

fn main() {}
