//! Drives a rule natively through the calls that the engine makes of its module: describe, configure, judge, with
//! columns. A rule's unit tests use it; nothing of it is in the module.

use std::marker::PhantomData;

use crate::bindings::exports::weir::rule::guest::{Column, Field, Guest, Kind, Manifest, Texts, Values};
use crate::{Decimal, Record, Timestamp, Value};

/// A hit as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which of the records, from 0.
    pub row: usize,
    /// The code's name.
    pub code: String,
    /// What the rule says it saw.
    pub detail: String,
}

/// So that a test can write `assert_eq!(hits, [(0, "CODE", "detail")])`.
impl PartialEq<(usize, &str, &str)> for Hit {
    fn eq(&self, other: &(usize, &str, &str)) -> bool {
        (self.row, self.code.as_str(), self.detail.as_str()) == *other
    }
}

/// A rule under test: `Harness::<negative_amount>::new()`, by the name of the function that carries `#[rule]`.
#[derive(Debug)]
pub struct Harness<R> {
    parameters: Vec<(String, String)>,
    rule: PhantomData<R>,
}

impl<R: Guest> Default for Harness<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Guest> Harness<R> {
    /// With every parameter at its default.
    pub fn new() -> Self {
        Self { parameters: Vec::new(), rule: PhantomData }
    }

    /// Sets a parameter, as text, the way the configuration does.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the module says of itself.
    pub fn manifest(&self) -> Manifest {
        R::describe()
    }

    /// What the rule answers to its parameters: how a test asks for the error that a wrong one gives.
    ///
    /// # Errors
    /// What the rule says is wrong with them.
    pub fn configure(&self) -> Result<(), String> {
        let scales = self.manifest().fields.iter().map(|_| 0).collect();
        R::configure(scales, self.parameters.clone())
    }

    /// Judges the records as one batch. They may be of another struct than the rule's, for example one that has
    /// `Option` where the rule needs a value: fields are found by name.
    ///
    /// # Panics
    /// If the parameters are refused, or the struct lacks a field that the rule reads or has it with another kind.
    pub fn judge<'a, T: Record<'a>>(&self, records: &[T]) -> Vec<Hit> {
        let given = T::fields();
        let rows: Vec<_> = records.iter().map(Record::values).collect();
        self.judge_columns(records.len(), |field| {
            let place = place(field, &given);
            rows.iter().map(|row| row[place]).collect()
        })
    }

    /// Judges one record that is given by its fields as texts, as the engine shows them: `("amount", Some("-1.50"))`, a time in RFC
    /// 3339. A field without a text, or one that is not named, is missing. So the test that the console makes of a record needs
    /// nothing of the crate but the rule.
    ///
    /// # Panics
    /// If the parameters are refused, or a text is not of its field's kind.
    pub fn judge_texts(&self, record: &[(&str, Option<&str>)]) -> Vec<Hit> {
        self.judge_columns(1, |field| {
            let text = record.iter().find(|(name, _)| *name == field.name).and_then(|(_, text)| *text);
            vec![text.map(|text| from_text(field, text))]
        })
    }

    /// `values`: of a field that the rule reads, one a row.
    fn judge_columns<'v>(&self, rows: usize, values: impl Fn(&Field) -> Vec<Option<Value<'v>>>) -> Vec<Hit> {
        let manifest = self.manifest();
        let (mut scales, mut columns) = (Vec::new(), Vec::new());
        for field in &manifest.fields {
            let values = values(field);
            let scale = scale(&values);
            columns.push(column(field.kind, &values, scale));
            scales.push(scale);
        }
        if let Err(why) = R::configure(scales, self.parameters.clone()) {
            panic!("the rule refuses its parameters: {why}");
        }
        let hits = R::judge(u32::try_from(rows).expect("fewer than 2^32 records"), columns);
        hits.into_iter()
            .map(|hit| Hit {
                row: hit.row as usize,
                code: manifest.codes[usize::from(hit.code)].name.clone(),
                detail: hit.detail,
            })
            .collect()
    }
}

fn place(field: &Field, given: &[Field]) -> usize {
    let Some(place) = given.iter().position(|other| other.name == field.name) else {
        panic!("the rule reads `{}`, which the records of this test do not have", field.name);
    };
    let kind = given[place].kind;
    assert!(kind == field.kind, "`{}` is {:?} in the rule and {kind:?} in this test", field.name, field.kind);
    place
}

fn from_text<'v>(field: &Field, text: &'v str) -> Value<'v> {
    let value = match field.kind {
        Kind::Boolean => text.parse().ok().map(Value::Boolean),
        Kind::Integer => text.parse().ok().map(Value::Integer),
        Kind::Float => text.parse().ok().map(Value::Float),
        Kind::Decimal => text.parse().ok().map(Value::Decimal),
        Kind::Timestamp => Timestamp::from_rfc3339(text).map(Value::Timestamp),
        Kind::Text => Some(Value::Text(text)),
    };
    value.unwrap_or_else(|| panic!("`{}` is {:?}, and {text:?} is none", field.name, field.kind))
}

/// A column has one scale: the largest that any of its values needs.
fn scale(values: &[Option<Value<'_>>]) -> u8 {
    let scales = values.iter().map(|value| match value {
        Some(Value::Decimal(decimal)) => decimal.scale(),
        _ => 0,
    });
    scales.max().unwrap_or(0)
}

fn bits(rows: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut words = Vec::new();
    for (row, set) in rows.enumerate() {
        if row % 64 == 0 {
            words.push(0);
        }
        words[row / 64] |= u64::from(set) << (row % 64);
    }
    words
}

/// As the engine lays it out: zeros and empty texts where a row has no value, no bits where every row has one.
fn column(kind: Kind, values: &[Option<Value<'_>>], scale: u8) -> Column {
    let rows = values.iter();
    let integers = |pick: fn(&Value<'_>, u8) -> i64| {
        values.iter().map(|value| value.as_ref().map_or(0, |value| pick(value, scale))).collect()
    };
    let columns = match kind {
        Kind::Boolean => Values::Boolean(bits(rows.map(|value| matches!(value, Some(Value::Boolean(true)))))),
        Kind::Integer => Values::Integer(integers(unscaled)),
        Kind::Decimal => Values::Decimal(integers(unscaled)),
        Kind::Timestamp => Values::Timestamp(integers(unscaled)),
        Kind::Float => Values::Float(rows.map(|v| if let Some(Value::Float(v)) = v { *v } else { 0.0 }).collect()),
        Kind::Text => Values::Text(texts(values)),
    };
    let all = values.iter().all(Option::is_some);
    let present = if all { Vec::new() } else { bits(values.iter().map(Option::is_some)) };
    Column { values: columns, present }
}

fn unscaled(value: &Value<'_>, scale: u8) -> i64 {
    match value {
        Value::Integer(integer) => *integer,
        Value::Timestamp(time) => time.millis(),
        Value::Decimal(decimal) => at_scale(*decimal, scale),
        _ => 0,
    }
}

fn at_scale(decimal: Decimal, scale: u8) -> i64 {
    let Some(decimal) = decimal.rescaled(scale) else {
        panic!("{decimal} does not fit a column of {scale} fraction digits; give the records decimals of like scale");
    };
    decimal.unscaled()
}

fn texts(values: &[Option<Value<'_>>]) -> Texts {
    let mut texts = Texts { bytes: String::new(), ends: Vec::new() };
    for value in values {
        if let Some(Value::Text(text)) = value {
            texts.bytes.push_str(text);
        }
        texts.ends.push(u32::try_from(texts.bytes.len()).expect("less than 4 GiB of text"));
    }
    texts
}
