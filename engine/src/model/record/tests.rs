use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    /// Rows with the value of this number, and then so many without.
    Push(u8, usize, usize),
    Truncate(usize),
    Clear,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (any::<u8>(), 0..70_usize, prop_oneof![4 => Just(0), 1 => 0..70_usize]).prop_map(|(v, n, m)| Act::Push(v, n, m)),
        2 => (0..200_usize).prop_map(Act::Truncate),
        1 => Just(Act::Clear),
    ]
}

const TEXTS: [&str; 4] = ["", "a", "é", "eight or more"];

fn value(kind: Kind, number: u8) -> Value<'static> {
    match kind {
        Kind::Boolean => Value::Boolean(number % 2 == 1),
        Kind::Integer => Value::Integer(number.into()),
        Kind::Float => Value::Float(number.into()),
        Kind::Decimal => Value::Decimal(number.into()),
        Kind::Timestamp => Value::Timestamp(number.into()),
        Kind::Text => Value::Text(TEXTS[usize::from(number) % TEXTS.len()]),
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(vec![
        Kind::Boolean,
        Kind::Integer,
        Kind::Float,
        Kind::Decimal,
        Kind::Timestamp,
        Kind::Text,
    ])
}

proptest! {
    #[test]
    fn a_column_is_the_rows_that_were_appended(kind in kind(), acts in proptest::collection::vec(act(), 1..12)) {
        let (mut column, mut model) = (Column::new(kind), Vec::new());
        for act in acts {
            match act {
                Act::Push(number, with, without) => {
                    let rows = std::iter::repeat_n(Some(value(kind, number)), with);
                    for row in rows.chain(std::iter::repeat_n(None, without)) {
                        column.push(row);
                        model.push(row);
                    }
                }
                Act::Truncate(rows) => {
                    column.truncate(rows);
                    model.truncate(rows);
                }
                Act::Clear => {
                    column.clear();
                    model.clear();
                }
            }
            prop_assert_eq!(column.rows(), model.len());
            prop_assert_eq!(column.all_present(), model.iter().all(Option::is_some));
            for (row, value) in model.iter().enumerate() {
                prop_assert_eq!(column.get(row), *value, "row {}", row);
            }
            prop_assert_eq!(column.get(model.len()), None);
            // As rules see it: no words, or a bit a row and none behind.
            let words = model.chunks(64).map(|rows| rows.iter().zip(0..).map(|(v, bit)| u64::from(v.is_some()) << bit).sum());
            let words: Vec<u64> = if column.all_present() { Vec::new() } else { words.collect() };
            prop_assert_eq!(column.present(), words.as_slice());
            let mut anew = Column::new(kind);
            model.iter().for_each(|value| anew.push(*value));
            prop_assert_eq!(&column, &anew, "whatever was taken back left nothing");
        }
    }
}

#[test]
#[should_panic(expected = "pushed to a column of Text")]
fn a_value_of_another_kind_is_the_caller_s_fault() {
    Column::new(Kind::Text).push(Some(Value::Integer(1)));
}

#[test]
#[should_panic(expected = "Decimal(1) pushed to a column of Integer")]
fn a_decimal_is_no_integer() {
    Column::new(Kind::Integer).push(Some(Value::Decimal(1)));
}
