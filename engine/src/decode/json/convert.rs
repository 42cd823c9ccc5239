//! The JSON text of one value to what its field's kind wants, or the fault that says what was there. Knows one field at a
//! time; the caller keeps the order of faults.

use std::ops::Range;

use super::parse_fault;
use crate::decode::fault::{Shown, Wrong, missing, name};
use crate::model::finding::Fault;
use crate::model::number;
use crate::model::record::{Field, Kind, Value};

/// A converted value that borrows nothing, so that the buffer of slots outlives the record.
pub(super) enum Slot {
    Missing,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Decimal(i64),
    Timestamp(i64),
    /// Where it is in the record.
    Text(Range<usize>),
    /// Where it is among the unescaped texts.
    Unescaped(Range<usize>),
}

impl Slot {
    pub(super) fn value<'a>(&self, record: &'a str, unescaped: &'a str) -> Option<Value<'a>> {
        Some(match self {
            Self::Missing => return None,
            Self::Boolean(v) => Value::Boolean(*v),
            Self::Integer(v) => Value::Integer(*v),
            Self::Float(v) => Value::Float(*v),
            Self::Decimal(v) => Value::Decimal(*v),
            Self::Timestamp(v) => Value::Timestamp(*v),
            Self::Text(at) => Value::Text(&record[at.clone()]),
            Self::Unescaped(at) => Value::Text(&unescaped[at.clone()]),
        })
    }
}

/// What a cell holds, as far as a field asks.
enum Found {
    Null,
    Boolean(bool),
    Number,
    Text(Slot),
    /// An object or array.
    Nested,
}

/// The value of a field; `cell` is where its JSON is in the record.
pub(super) fn convert(
    field: &Field,
    cell: Option<Range<usize>>,
    record: &str,
    unescaped: &mut String,
) -> Result<Slot, Fault> {
    let Some(at) = cell else {
        return missing(field, "absent").map(|()| Slot::Missing);
    };
    let json = &record[at.clone()];
    let found = match look(at, record, unescaped) {
        Ok(Found::Null) => return missing(field, "null").map(|()| Slot::Missing),
        Ok(found) => found,
        Err(e) => return Err(parse_fault(format_args!("{}: {} does not decode: {e}", name(field), Shown(json)))),
    };
    let slot = match (field.kind, found) {
        (Kind::Boolean, Found::Boolean(v)) => Ok(Slot::Boolean(v)),
        (Kind::Text, Found::Text(slot)) => Ok(slot),
        (Kind::Integer, Found::Number) => number::integer(json).map(Slot::Integer).map_err(Wrong::from),
        (Kind::Float, Found::Number) => number::float(json).map(Slot::Float).map_err(Wrong::from),
        (Kind::Decimal, Found::Number) => decimal(json, field),
        (Kind::Decimal, Found::Text(slot)) => decimal(text(&slot, record, unescaped), field),
        (Kind::Timestamp, Found::Number) => field.time.number(json).map(Slot::Timestamp).map_err(Wrong::from),
        (Kind::Timestamp, Found::Text(slot)) => {
            field.time.text(text(&slot, record, unescaped)).map(Slot::Timestamp).map_err(Wrong::from)
        }
        _ => Err(Wrong::Kind),
    };
    slot.map_err(|wrong| wrong.fault(field, json))
}

fn decimal(text: &str, field: &Field) -> Result<Slot, Wrong> {
    Ok(Slot::Decimal(number::decimal(text, field.scale)?))
}

fn look(at: Range<usize>, record: &str, unescaped: &mut String) -> Result<Found, serde_json::Error> {
    let json = &record[at.clone()];
    Ok(match json.as_bytes()[0] {
        b'n' => Found::Null,
        b't' => Found::Boolean(true),
        b'f' => Found::Boolean(false),
        b'"' if json.contains('\\') => {
            let decoded: String = serde_json::from_str(json)?;
            let start = unescaped.len();
            unescaped.push_str(&decoded);
            Found::Text(Slot::Unescaped(start..unescaped.len()))
        }
        b'"' => Found::Text(Slot::Text(at.start + 1..at.end - 1)),
        b'{' | b'[' => Found::Nested,
        _ => Found::Number,
    })
}

fn text<'a>(slot: &Slot, record: &'a str, unescaped: &'a str) -> &'a str {
    match slot.value(record, unescaped) {
        Some(Value::Text(text)) => text,
        _ => unreachable!("a found text is a text"),
    }
}
