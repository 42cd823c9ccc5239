//! One field of every row of a batch, laid out as a rule reads it: values back to back, and which rows have one.

use std::fmt;

use super::schema::Kind;

/// Texts of a column back to back; row i ends at `ends[i]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// All texts, one after the other.
    pub bytes: String,
    /// End of each text in `bytes`. Never decreases.
    pub ends: Vec<u32>,
}

impl Texts {
    /// The text of a row; empty where the row has none.
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.bytes[start..self.ends[row] as usize]
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Keeps so many rows.
    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.bytes.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }
}

/// The values of a column, laid out as `rule.wit` hands them to a rule. A row without a value holds 0 or an empty text.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Bit i of word i/64 is row i.
    Boolean(Vec<u64>),
    /// One a row.
    Integer(Vec<i64>),
    /// One a row.
    Float(Vec<f64>),
    /// Unscaled, one a row.
    Decimal(Vec<i64>),
    /// Epoch milliseconds, one a row.
    Timestamp(Vec<i64>),
    /// One a row.
    Text(Texts),
}

/// One field of every row of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// One value a row.
    pub values: Values,
    /// Bit i of word i/64 is set where row i has a value; bits past the last row are 0. Empty: every row has one.
    present: Vec<u64>,
    rows: usize,
    missing: usize,
}

/// One value on its way into or out of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// See [`Kind::Boolean`].
    Boolean(bool),
    /// See [`Kind::Integer`].
    Integer(i64),
    /// See [`Kind::Float`].
    Float(f64),
    /// See [`Kind::Decimal`].
    Decimal(i64),
    /// See [`Kind::Timestamp`].
    Timestamp(i64),
    /// See [`Kind::Text`].
    Text(&'a str),
}

/// Appends bit `at`, which is the first behind the words or is in the last of them.
#[inline]
fn push_bit(words: &mut Vec<u64>, at: usize, bit: bool) {
    if at.is_multiple_of(64) {
        words.push(0);
    }
    words[at / 64] |= u64::from(bit) << (at % 64);
}

/// Takes bit `at`, the last, away.
fn pop_bit(words: &mut Vec<u64>, at: usize) {
    words[at / 64] &= (1 << (at % 64)) - 1;
    words.truncate(at.div_ceil(64));
}

#[cold]
fn wrong_kind(values: &Values, value: &dyn fmt::Debug) -> ! {
    panic!("{value:?} pushed to a column of {values:?}")
}

impl Column {
    /// An empty column of this kind.
    pub fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Decimal => Values::Decimal(Vec::new()),
            Kind::Timestamp => Values::Timestamp(Vec::new()),
            Kind::Text => Values::Text(Texts::default()),
        };
        Self { values, present: Vec::new(), rows: 0, missing: 0 }
    }

    /// Kind of value that the column holds.
    pub fn kind(&self) -> Kind {
        match self.values {
            Values::Boolean(_) => Kind::Boolean,
            Values::Integer(_) => Kind::Integer,
            Values::Float(_) => Kind::Float,
            Values::Decimal(_) => Kind::Decimal,
            Values::Timestamp(_) => Kind::Timestamp,
            Values::Text(_) => Kind::Text,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether every row has a value.
    pub fn all_present(&self) -> bool {
        self.missing == 0
    }

    /// Whether this row has a value.
    #[inline]
    pub fn has(&self, row: usize) -> bool {
        row < self.rows && (self.present.is_empty() || self.present[row / 64] >> (row % 64) & 1 == 1)
    }

    /// Which rows have a value, as `rule.wit` has it: bit i of word i/64 is row i, no words where every row has one.
    pub fn present(&self) -> &[u64] {
        &self.present
    }

    /// The value of a row, if it has one.
    #[inline]
    pub fn get(&self, row: usize) -> Option<Value<'_>> {
        if !self.has(row) {
            return None;
        }
        Some(match &self.values {
            Values::Boolean(words) => Value::Boolean(words[row / 64] >> (row % 64) & 1 == 1),
            Values::Integer(v) => Value::Integer(v[row]),
            Values::Float(v) => Value::Float(v[row]),
            Values::Decimal(v) => Value::Decimal(v[row]),
            Values::Timestamp(v) => Value::Timestamp(v[row]),
            Values::Text(texts) => Value::Text(texts.get(row)),
        })
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If the value is not of the column's kind: the caller converted by the same schema.
    pub fn push(&mut self, value: Option<Value<'_>>) {
        match (self.kind(), value) {
            (_, None) => self.push_missing(),
            (Kind::Boolean, Some(Value::Boolean(v))) => self.push_boolean(v),
            (Kind::Float, Some(Value::Float(v))) => self.push_float(v),
            (Kind::Text, Some(Value::Text(v))) => self.push_text(v),
            (Kind::Integer, Some(Value::Integer(v)))
            | (Kind::Decimal, Some(Value::Decimal(v)))
            | (Kind::Timestamp, Some(Value::Timestamp(v))) => self.push_number(v),
            (_, Some(value)) => wrong_kind(&self.values, &value),
        }
    }

    /// Appends a row without a value.
    pub fn push_missing(&mut self) {
        if self.missing == 0 {
            self.present.extend(std::iter::repeat_n(u64::MAX, self.rows / 64));
            if !self.rows.is_multiple_of(64) {
                self.present.push((1 << (self.rows % 64)) - 1);
            }
        }
        self.missing += 1;
        let row = self.rows;
        match &mut self.values {
            Values::Boolean(words) => push_bit(words, row, false),
            Values::Integer(v) | Values::Decimal(v) | Values::Timestamp(v) => v.push(0),
            Values::Float(v) => v.push(0.0),
            Values::Text(texts) => texts.push(""),
        }
        push_bit(&mut self.present, row, false);
        self.rows += 1;
    }

    /// Appends an integer, the unscaled digits of a decimal, or the milliseconds of a timestamp, as the column's kind wants.
    ///
    /// # Panics
    /// If it wants none of them.
    #[inline]
    pub fn push_number(&mut self, value: i64) {
        match &mut self.values {
            Values::Integer(v) | Values::Decimal(v) | Values::Timestamp(v) => v.push(value),
            values => wrong_kind(values, &value),
        }
        self.one_more();
    }

    /// Appends a text.
    ///
    /// # Panics
    /// As [`Column::push`].
    #[inline]
    pub fn push_text(&mut self, value: &str) {
        match &mut self.values {
            Values::Text(texts) => texts.push(value),
            values => wrong_kind(values, &value),
        }
        self.one_more();
    }

    /// Appends a number.
    ///
    /// # Panics
    /// As [`Column::push`].
    pub fn push_float(&mut self, value: f64) {
        match &mut self.values {
            Values::Float(v) => v.push(value),
            values => wrong_kind(values, &value),
        }
        self.one_more();
    }

    /// Appends true or false.
    ///
    /// # Panics
    /// As [`Column::push`].
    pub fn push_boolean(&mut self, value: bool) {
        match &mut self.values {
            Values::Boolean(words) => push_bit(words, self.rows, value),
            values => wrong_kind(values, &value),
        }
        self.one_more();
    }

    /// The row that was appended has a value.
    #[inline]
    fn one_more(&mut self) {
        if self.missing > 0 {
            push_bit(&mut self.present, self.rows, true);
        }
        self.rows += 1;
    }

    /// Takes back what was appended behind so many rows.
    pub fn truncate(&mut self, rows: usize) {
        while self.rows > rows {
            let last = self.rows - 1;
            self.missing -= usize::from(!self.has(last));
            match &mut self.values {
                Values::Boolean(words) => pop_bit(words, last),
                Values::Integer(v) | Values::Decimal(v) | Values::Timestamp(v) => v.truncate(last),
                Values::Float(v) => v.truncate(last),
                Values::Text(texts) => texts.truncate(last),
            }
            match self.missing {
                0 => self.present.clear(),
                _ => pop_bit(&mut self.present, last),
            }
            self.rows = last;
        }
    }

    /// Empties it and keeps its buffers.
    pub fn clear(&mut self) {
        match &mut self.values {
            Values::Boolean(v) => v.clear(),
            Values::Integer(v) | Values::Decimal(v) | Values::Timestamp(v) => v.clear(),
            Values::Float(v) => v.clear(),
            Values::Text(texts) => {
                texts.bytes.clear();
                texts.ends.clear();
            }
        }
        self.present.clear();
        self.rows = 0;
        self.missing = 0;
    }
}
