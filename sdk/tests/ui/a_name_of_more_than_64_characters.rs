mod of_the_rule {
    use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

    #[derive(Record)]
    pub struct Payment {
        pub amount: Decimal,
    }

    /// Says something.
    #[rule(code(HIGH_AMOUNT, flag, "it is high"))]
    pub fn a_name_that_goes_on_and_on_and_on_and_on_and_on_until_it_is_longer_than_64(_: &Payment) -> Verdict {
        PASS
    }
}

mod of_a_code {
    use weir_sdk::{Decimal, PASS, Record, Verdict, rule};

    #[derive(Record)]
    pub struct Payment {
        pub amount: Decimal,
    }

    /// Says something.
    #[rule(code(A_NAME_THAT_GOES_ON_AND_ON_AND_ON_AND_ON_AND_ON_UNTIL_IT_IS_LONGER_THAN_64, flag, "it is high"))]
    pub fn high_amount(_: &Payment) -> Verdict {
        PASS
    }
}

mod of_a_parameter {
    #[derive(weir_sdk::Parameters)]
    pub struct Limits {
        #[parameter(default = "0", summary = "limit")]
        pub a_name_that_goes_on_and_on_and_on_and_on_and_on_until_it_is_longer_than_64: i64,
    }
}

mod of_a_field {
    #[derive(weir_sdk::Record)]
    pub struct Payment {
        #[field("a_name_that_goes_on_and_on_and_on_and_on_and_on_until_it_is_longer_than_64.a_name_that_goes_on_and_on_and_on_and_on_and_on_until_it_is_longer_than_64")]
        pub amount: i64,
    }
}

fn main() {}
