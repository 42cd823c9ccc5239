//! What is wrong with a record or with the value of a field, in words that every format shares.

use std::fmt;

use crate::model::finding::{Fault, Stage};
use crate::model::number::{self, NotANumber};
use crate::model::record::{Field, Kind};
use crate::model::time::{self, NotATime};

/// Characters of a value that a message shows.
const SHOWN: usize = 64;

/// A fault of this stage.
pub(super) fn fault(code: &'static str, message: String) -> Fault {
    Fault { stage: Stage::Decode, code, message }
}

/// `OVERSIZE` for a record of more than `most` bytes, key and value together.
#[inline]
pub(super) fn within(most: usize, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Fault> {
    let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
    if size > most {
        return Err(fault("OVERSIZE", format!("the record has {size} bytes, source.max_record allows {most}")));
    }
    Ok(())
}

/// A field without a value (`how`: "absent", "null"), which is a fault of a required one only.
pub(super) fn missing(field: &Field, how: &str) -> Result<(), Fault> {
    if !field.required {
        return Ok(());
    }
    let message = format!("{}: is {how}, {} is required", name(field), Wanted(field));
    Err(fault("FIELD_MISSING", message))
}

/// Why a value does not fit its field.
pub(super) enum Wrong {
    /// It is of another kind.
    Kind,
    /// It is of the kind and can't be held: what is wrong with it.
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
    /// `json`: the value as JSON writes it, with the quotes of a text.
    pub(super) fn fault(self, field: &Field, json: &str) -> Fault {
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
pub(super) fn name(field: &Field) -> String {
    match field.path.as_slice() {
        [only] if *only == field.name => field.name.clone(),
        path => format!("{} (at /{})", field.name, path.join("/")),
    }
}

/// A value's text, cut to 64 characters.
pub(super) struct Shown<'a>(pub(super) &'a str);

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
