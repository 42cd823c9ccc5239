mod late {
    use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

    #[derive(Record)]
    pub struct Payment {
        pub amount: Decimal,
    }

    /// Says something.
    #[rule(code(LATE, flag, "it is high"))]
    pub fn high_amount(_: &Payment) -> Verdict {
        PASS
    }
}

mod trap {
    use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

    #[derive(Record)]
    pub struct Payment {
        pub amount: Decimal,
    }

    /// Says something.
    #[rule(code(HIGH_AMOUNT, flag, "it is high"), code(RULE_TRAP, dead_letter, "it traps"))]
    pub fn high_amount(_: &Payment) -> Verdict {
        PASS
    }
}

fn main() {}
