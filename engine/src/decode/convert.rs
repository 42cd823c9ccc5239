//! The text of one value to what its field's kind wants, or the fault that says what was there. Knows one field at a
//! time; the caller keeps the order of faults.

use std::fmt;
use std::ops::Range;

use super::{fault, parse_fault};
use crate::model::finding::Fault;
use crate::model::number::{self, NotANumber};
use crate::model::record::{Field, Kind, Value};
use crate::model::time::{self, NotATime};

/// How much of a value a message shows.
const SHOWN: usize = 64;

/// A converted value that borrows nothing, so that the buffer of slots outlives the record.
pub(super) enum Slot {
    Missing,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Decimal(i64),
    Timestamp(i64),
    /// Where it stands in the record.
    Text(Range<usize>),
    /// Where it stands among the unescaped texts.
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

/// The value of a field; `cell` is where its JSON stands in the record.
pub(super) fn convert(
    field: &Field,
    cell: Option<Range<usize>>,
    record: &str,
    unescaped: &mut String,
) -> Result<Slot, Fault> {
    let Some(at) = cell else {
        return missing(field, "absent");
    };
    let json = &record[at.clone()];
    let found = match look(at, record, unescaped) {
        Ok(Found::Null) => return missing(field, "null"),
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

fn missing(field: &Field, how: &str) -> Result<Slot, Fault> {
    if !field.required {
        return Ok(Slot::Missing);
    }
    let message = format!("{}: is {how}, {} is required", name(field), Wanted(field));
    Err(fault("FIELD_MISSING", message))
}

/// Why a value does not fit its field.
enum Wrong {
    Kind,
    Range(&'static str),
}

impl From<NotANumber> for Wrong {
    fn from(e: NotANumber) -> Self {
        match e {
            NotANumber::Grammar => Self::Kind,
            NotANumber::Fraction => Self::Range("has too many fraction digits"),
            NotANumber::Overflow => Self::Range("is too large"),
        }
    }
}

impl From<NotATime> for Wrong {
    fn from(e: NotATime) -> Self {
        match e {
            NotATime::Form => Self::Kind,
            NotATime::Number(e) => Self::from(e),
            NotATime::Skipped => Self::Range("was no time in its zone: the clocks were put forward past it"),
            NotATime::Calendar => Self::Range("is in no calendar, or not in the years 1000 to 9999"),
        }
    }
}

impl Wrong {
    fn fault(self, field: &Field, json: &str) -> Fault {
        let (name, shown, wanted) = (name(field), Shown(json), Wanted(field));
        match self {
            Self::Kind => fault("FIELD_KIND", format!("{name}: {shown} is not {wanted}{}", Hint(field, json))),
            Self::Range(why) => {
                fault("FIELD_RANGE", format!("{name}: {shown} {why}; {wanted} is wanted{}", Hint(field, json)))
            }
        }
    }
}

/// The field's name, and its place if that is another.
fn name(field: &Field) -> String {
    match field.path.as_slice() {
        [only] if *only == field.name => field.name.clone(),
        path => format!("{} (at /{})", field.name, path.join("/")),
    }
}

/// A value's text, cut.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
        }
    }
}

/// What to set if a time is written in another way than its field says.
struct Hint<'a>(&'a Field, &'a str);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(field, json) = self;
        if field.kind != Kind::Timestamp {
            return Ok(());
        }
        let hint = match (json.strip_prefix('"').and_then(|text| text.strip_suffix('"')), field.time.unit()) {
            (Some(text), _) if field.time.is_rfc3339() => time::likely_format(text),
            (None, Some(unit)) => {
                let number = number::integer(json).ok();
                number.and_then(|number| time::likely_unit(i128::from(number), unit, &time::LIKELY, &field.name))
            }
            _ => None,
        };
        hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// What a field wants.
struct Wanted<'a>(&'a Field);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            Kind::Boolean => f.write_str("a boolean"),
            Kind::Integer => f.write_str("an integer of 64 bits"),
            Kind::Float => f.write_str("a number"),
            Kind::Decimal => {
                let (scale, greatest) = (self.0.scale, number::greatest_decimal(self.0.scale));
                write!(f, "a decimal (at most {scale} fraction digits, up to {greatest})")
            }
            Kind::Timestamp => write!(f, "a time ({})", self.0.time),
            Kind::Text => f.write_str("a text"),
        }
    }
}
