//! How a batch's columns become an author's struct. `#[derive(Record)]` writes only calls of these traits, so that
//! the macro knows no types and a wrong one is an error at the author's field.

use crate::Timestamp;
use crate::bindings::exports::weir::rule::guest;
use crate::{Decimal, Text};

pub use guest::{Column, Kind};

/// One value of a record, as the test harness takes it back out of the author's struct.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// true or false
    Boolean(bool),
    /// a signed 64-bit integer
    Integer(i64),
    /// a 64-bit float
    Float(f64),
    /// an exact decimal
    Decimal(Decimal),
    /// epoch milliseconds
    Timestamp(Timestamp),
    /// UTF-8
    Text(&'a str),
}

/// What a field of a record may be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of field",
    label = "write Decimal, Timestamp, Text<'a>, i64, f64 or bool, or an Option of one where it may be missing"
)]
pub trait Field<'a>: Sized {
    /// The kind that the pipeline must declare.
    const KIND: Kind;
    /// Whether the rule skips a record that lacks it.
    const REQUIRED: bool;
    /// Its column, borrowed for a batch.
    type Column;

    /// The column, or `None` if it is of another kind or has another number of rows.
    fn bind(column: &'a Column, scale: u8, rows: usize) -> Option<Self::Column>;
    /// The value of a row; `None` where a required one is missing.
    fn get(column: &Self::Column, row: usize) -> Option<Self>;
    /// The value again, for the test harness; `None` where it is missing.
    fn value(&self) -> Option<Value<'_>>;
}

/// A struct whose fields are fields of the record. Derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which fields a rule reads",
    label = "write `#[derive(Record)]` on this struct"
)]
pub trait Record<'a>: Sized {
    /// Its columns, borrowed for a batch.
    type Columns;

    /// For the manifest, in the order of the struct.
    fn fields() -> Vec<guest::Field>;
    /// The columns of a batch, or `None` if they are not those of the manifest.
    fn bind(columns: &'a [Column], scales: &[u8], rows: usize) -> Option<Self::Columns>;
    /// The record of a row; `None` where a required field is missing.
    fn get(columns: &Self::Columns, row: usize) -> Option<Self>;
    /// Its values in the order of the struct, for the test harness.
    fn values(&self) -> Vec<Option<Value<'_>>>;
}

/// Which rows have a value.
#[derive(Clone, Copy)]
pub struct Present<'a>(&'a [u64]);

impl Present<'_> {
    #[inline]
    fn has(self, row: usize) -> bool {
        self.0.is_empty() || self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

fn words(rows: usize) -> usize {
    rows.div_ceil(64)
}

fn present(column: &Column, rows: usize) -> Option<Present<'_>> {
    (column.present.is_empty() || column.present.len() == words(rows)).then_some(Present(&column.present))
}

/// Both the type itself and its Option, for each kind.
macro_rules! field {
    ($type:ty, $kind:ident, $values:ty, $bind:expr, $get:expr, $value:expr) => {
        impl<'a> Field<'a> for $type {
            const KIND: Kind = Kind::$kind;
            const REQUIRED: bool = true;
            type Column = ($values, Present<'a>);

            #[inline]
            fn bind(column: &'a Column, scale: u8, rows: usize) -> Option<Self::Column> {
                let guest::Values::$kind(values) = &column.values else {
                    return None;
                };
                let bind: fn(_, u8, usize) -> Option<$values> = $bind;
                Some((bind(values, scale, rows)?, present(column, rows)?))
            }

            #[inline]
            fn get(column: &Self::Column, row: usize) -> Option<Self> {
                let get: fn(&$values, usize) -> $type = $get;
                column.1.has(row).then(|| get(&column.0, row))
            }

            fn value(&self) -> Option<Value<'_>> {
                let value: fn(&Self) -> Value<'_> = $value;
                Some(value(self))
            }
        }

        impl<'a> Field<'a> for Option<$type> {
            const KIND: Kind = Kind::$kind;
            const REQUIRED: bool = false;
            type Column = ($values, Present<'a>);

            #[inline]
            fn bind(column: &'a Column, scale: u8, rows: usize) -> Option<Self::Column> {
                <$type as Field<'a>>::bind(column, scale, rows)
            }

            #[inline]
            fn get(column: &Self::Column, row: usize) -> Option<Self> {
                Some(<$type as Field<'a>>::get(column, row))
            }

            fn value(&self) -> Option<Value<'_>> {
                self.as_ref().and_then(<$type as Field<'a>>::value)
            }
        }
    };
}

fn whole<T>(values: &[T], rows: usize) -> Option<&[T]> {
    (values.len() == rows).then_some(values)
}

field!(
    bool,
    Boolean,
    &'a [u64],
    |bits: &'a Vec<u64>, _, rows| whole(bits, words(rows)),
    |bits, row| bits[row / 64] >> (row % 64) & 1 == 1,
    |value| Value::Boolean(*value)
);
field!(
    i64,
    Integer,
    &'a [i64],
    |values: &'a Vec<i64>, _, rows| whole(values, rows),
    |values, row| values[row],
    |value| Value::Integer(*value)
);
field!(
    f64,
    Float,
    &'a [f64],
    |values: &'a Vec<f64>, _, rows| whole(values, rows),
    |values, row| values[row],
    |value| Value::Float(*value)
);
field!(
    Decimal,
    Decimal,
    (&'a [i64], u8),
    |values: &'a Vec<i64>, scale, rows| Some((whole(values, rows)?, scale)),
    |(values, scale), row| Decimal::of_column(values[row], *scale),
    |value| Value::Decimal(*value)
);
field!(
    Timestamp,
    Timestamp,
    &'a [i64],
    |values: &'a Vec<i64>, _, rows| whole(values, rows),
    |values, row| Timestamp::from_millis(values[row]),
    |value| Value::Timestamp(*value)
);
field!(
    Text<'a>,
    Text,
    (&'a str, &'a [u32]),
    |texts: &'a guest::Texts, _, rows| Some((texts.bytes.as_str(), whole(&texts.ends, rows)?)),
    |(bytes, ends), row| {
        let start = if row == 0 { 0 } else { ends[row - 1] as usize };
        &bytes[start..ends[row] as usize]
    },
    |value| Value::Text(value)
);
