use weir_sdk::Record;

#[derive(Record)]
struct Payment {
    #[field("type")]
    kind: String,
}

fn main() {}
