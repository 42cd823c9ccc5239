//! A Redis hash as values of the schema's kinds. Redis knows only bytes: numbers are read as in JSON, truth as `true`,
//! `false`, `1` or `0`, times as the field's `unit`, `format` and `zone` say.

use crate::model::number;
use crate::model::record::{Field, Kind, Value};

/// The values of one hash; None: missing.
pub(super) struct Hash(Vec<Option<Owned>>);

enum Owned {
    Fixed(Value<'static>),
    Text(Box<str>),
}

impl Hash {
    /// `answer` in the order of `fields`; None: the key holds no hash. Counts what is of the wrong kind.
    pub(super) fn read<'f>(
        fields: impl Iterator<Item = &'f Field>,
        answer: Option<Vec<Option<Vec<u8>>>>,
        misfits: &mut u64,
    ) -> Self {
        let Some(answer) = answer else {
            *misfits += 1;
            return Self(fields.map(|_| None).collect());
        };
        let mut read = |field: &Field, bytes: Option<Vec<u8>>| {
            let value = value(field, bytes?);
            *misfits += u64::from(value.is_none());
            value
        };
        let mut answer = answer.into_iter();
        Self(fields.map(|field| read(field, answer.next().flatten())).collect())
    }

    /// The value of the field at this place.
    pub(super) fn get(&self, at: usize) -> Option<Value<'_>> {
        Some(match self.0[at].as_ref()? {
            Owned::Fixed(value) => *value,
            Owned::Text(text) => Value::Text(text),
        })
    }
}

fn value(field: &Field, bytes: Vec<u8>) -> Option<Owned> {
    let text = String::from_utf8(bytes).ok()?;
    let value = match field.kind {
        Kind::Text => return Some(Owned::Text(text.into())),
        Kind::Boolean => Value::Boolean(match text.as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return None,
        }),
        Kind::Integer => Value::Integer(number::integer(&text).ok()?),
        Kind::Float => Value::Float(number::float(&text).ok()?),
        Kind::Decimal => Value::Decimal(number::decimal(&text, field.scale).ok()?),
        Kind::Timestamp => Value::Timestamp(field.time.cell(&text).ok()?),
    };
    Some(Owned::Fixed(value))
}
