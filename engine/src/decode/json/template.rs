//! Records of one topic mostly look alike: the same keys in the same order with the same white space, only the values
//! differ. A template is what stays: the text in front of each value, learned from a record that the slow way accepted. A
//! record that fits one to its last byte is converted on the way; whatever does not fit counts for nothing and goes the
//! slow way, which alone decides what is wrong with it.
//!
//! Objects are part of the text between values, so needed fields inside them cost no more than others.

use super::scan::{self, Literal, MOST_DIGITS, POWERS, Plain};
use crate::model::number;
use crate::model::record::{Column, Field, FieldId, Kind, Schema};
use crate::model::time::TimeFormat;

/// Templates kept: topics with optional fields have a few, those with keys in random order have no use for any.
const KEPT: usize = 4;
/// Objects within objects that are looked into.
const DEPTH: usize = 8;
/// Bytes between the values of a record, and values, that are worth remembering: what bounds the memory of odd records.
const MOST_BYTES: usize = 64 << 10;
const MOST_VALUES: usize = 1_024;
/// So many records in a row that went the slow way mean that records do not look alike: for so many no template is tried or learned.
const SLOW_RECORDS: u32 = 16;
const PAUSE: u32 = 1_000;

/// A field that the decoder needs, and the column that it fills.
pub(super) struct Want {
    column: FieldId,
    path: Vec<String>,
    kind: Kind,
    scale: usize,
    time: TimeFormat,
    required: bool,
}

impl Want {
    pub(super) fn new(schema: &Schema, column: FieldId) -> Self {
        let Field { path, kind, scale, time, required, .. } = schema.field(column);
        let (path, time) = (path.clone(), time.clone());
        Self { column, path, kind: *kind, scale: usize::from(*scale), time, required: *required }
    }
}

/// The templates of the last records, the one that fitted last in front.
pub(super) struct Templates {
    wants: Vec<Want>,
    kept: Vec<Template>,
    /// Records in a row that fitted none.
    in_a_row: u32,
    /// Records left to pass untried.
    pause: u32,
}

#[derive(PartialEq)]
struct Template {
    parts: Vec<Part>,
    /// What follows the last value.
    end: Vec<u8>,
    /// Wanted fields that are not in it.
    absent: Vec<usize>,
}

/// A value and what is in front of it.
#[derive(PartialEq)]
struct Part {
    before: Literal,
    role: Role,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// The wanted field with this index.
    Wanted(usize),
    /// Nobody wants it.
    Skipped,
    /// Nobody wants it as it is, but something in it if it were an object or array.
    Plain,
}

impl Templates {
    pub(super) fn new(wants: Vec<Want>) -> Self {
        Self { wants, kept: Vec::new(), in_a_row: 0, pause: 0 }
    }

    /// One that fits nothing and learns nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { pause: u32::MAX, ..Self::new(Vec::new()) }
    }

    /// Appends a row to the columns of all wanted fields, if the record fits a template; else they are as before.
    pub(super) fn fill(&mut self, text: &str, rows: usize, columns: &mut [Column]) -> bool {
        if self.pause > 0 {
            return false;
        }
        for at in 0..self.kept.len() {
            if self.kept[at].fill(text, &self.wants, columns).is_some() {
                self.kept.swap(0, at);
                self.in_a_row = 0;
                return true;
            }
            self.wants.iter().for_each(|want| columns[want.column.0].truncate(rows));
        }
        false
    }

    /// Learns from a record that fitted no template and was accepted.
    pub(super) fn learn(&mut self, text: &str) {
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.in_a_row += 1;
        if self.in_a_row > SLOW_RECORDS {
            (self.in_a_row, self.pause) = (0, PAUSE);
            return;
        }
        // One that is kept already declined this record for its values: an escape, an exponent.
        if let Some(template) = Template::of(text, &self.wants)
            && !self.kept.contains(&template)
        {
            self.kept.truncate(KEPT - 1);
            self.kept.insert(0, template);
        }
    }
}

impl Template {
    /// None: it does not fit, and what was appended on the way has to go.
    fn fill(&self, text: &str, wants: &[Want], columns: &mut [Column]) -> Option<()> {
        let bytes = text.as_bytes();
        let mut at = 0;
        for part in &self.parts {
            at = part.before.end(bytes, at)?;
            match part.role {
                Role::Wanted(want) => {
                    let want = &wants[want];
                    at = want.append(text, at, &mut columns[want.column.0])?;
                }
                Role::Plain if is_nested(bytes, at) => return None,
                Role::Skipped | Role::Plain => at = scan::value_end(text, at)?,
            }
        }
        if bytes[at..] != self.end {
            return None;
        }
        self.absent.iter().for_each(|want| columns[wants[*want].column.0].push_missing());
        Some(())
    }

    /// None: the record is one that no template could tell.
    fn of(text: &str, wants: &[Want]) -> Option<Self> {
        let mut walk = Walk { text, wants, at: 0, before: 0, path: Vec::new(), parts: Vec::new() };
        walk.blank();
        walk.object()?;
        let end = &text.as_bytes()[walk.before..];
        let parts = walk.parts;
        let length = parts.iter().map(|part| part.before.len()).sum::<usize>() + end.len();
        let times = |want| parts.iter().filter(|part| part.role == Role::Wanted(want)).count();
        // The slow way refuses a wanted key that is there twice; were one learned, the columns would get out of step.
        if length > MOST_BYTES || (0..wants.len()).any(|want| times(want) > 1) {
            return None;
        }
        let absent = (0..wants.len()).filter(|want| times(*want) == 0).collect();
        Some(Self { parts, end: end.to_vec(), absent })
    }
}

impl Want {
    /// Appends the value at `at` as the field wants it, and says where it ends; None where the slow way has to look.
    #[inline]
    fn append(&self, text: &str, at: usize, column: &mut Column) -> Option<usize> {
        let bytes = text.as_bytes();
        let first = *bytes.get(at)?;
        if first == b'n' && !self.required {
            column.push_missing();
            return scan::word_end(bytes, at, b"null");
        }
        match (self.kind, first) {
            (Kind::Text, b'"') => {
                let quote = scan::text_end(bytes, at + 1)?;
                column.push_text(&text[at + 1..quote]);
                Some(quote + 1)
            }
            (Kind::Decimal, b'"') => {
                let (plain, end) = scan::number(bytes, at + 1)?;
                column.push_number(self.scaled(plain)?);
                (bytes.get(end) == Some(&b'"')).then_some(end + 1)
            }
            (Kind::Decimal, _) => {
                let (plain, end) = scan::number(bytes, at)?;
                column.push_number(self.scaled(plain)?);
                Some(end)
            }
            (Kind::Integer, _) => {
                let (plain, end) = scan::number(bytes, at)?;
                column.push_number(plain.unscaled);
                (plain.fraction == 0).then_some(end)
            }
            (Kind::Timestamp, b'"') => {
                let quote = scan::text_end(bytes, at + 1)?;
                column.push_number(self.time.text(&text[at + 1..quote]).ok()?);
                Some(quote + 1)
            }
            (Kind::Timestamp, _) => {
                let (plain, end) = scan::number(bytes, at)?;
                column.push_number(self.time.scaled(plain.unscaled, plain.fraction)?);
                Some(end)
            }
            (Kind::Float, b'-' | b'0'..=b'9') => {
                let end = scan::number_end(bytes, at)?;
                column.push_float(number::float(&text[at..end]).ok()?);
                Some(end)
            }
            (Kind::Boolean, b't') => {
                column.push_boolean(true);
                scan::word_end(bytes, at, b"true")
            }
            (Kind::Boolean, b'f') => {
                column.push_boolean(false);
                scan::word_end(bytes, at, b"false")
            }
            _ => None,
        }
    }

    fn scaled(&self, plain: Plain) -> Option<i64> {
        let zeros = self.scale.checked_sub(plain.fraction)?;
        (plain.digits + zeros <= MOST_DIGITS).then(|| plain.unscaled * POWERS[zeros])
    }
}

/// Over a record that is known to be good.
struct Walk<'t> {
    text: &'t str,
    wants: &'t [Want],
    at: usize,
    /// Where the text before the next value begins.
    before: usize,
    /// Keys of the objects around.
    path: Vec<&'t str>,
    parts: Vec<Part>,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn pass(&mut self, wanted: u8) -> Option<()> {
        self.blank();
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn object(&mut self) -> Option<()> {
        self.pass(b'{')?;
        if self.pass(b'}').is_some() {
            return Some(());
        }
        loop {
            self.pass(b'"')?;
            // A key with escapes is another one than its bytes say.
            let quote = scan::text_end(self.text.as_bytes(), self.at)?;
            self.path.push(&self.text[self.at..quote]);
            self.at = quote + 1;
            self.pass(b':')?;
            self.blank();
            self.value()?;
            self.path.pop();
            if self.pass(b',').is_none() {
                return self.pass(b'}');
            }
        }
    }

    fn value(&mut self) -> Option<()> {
        if self.peek()? == b'{' && self.path.len() <= DEPTH {
            return self.object();
        }
        let role = self.role()?;
        if self.parts.len() == MOST_VALUES || role == Role::Plain && is_nested(self.text.as_bytes(), self.at) {
            return None;
        }
        let before = Literal::new(&self.text.as_bytes()[self.before..self.at]);
        self.at = scan::value_end(self.text, self.at)?;
        self.before = self.at;
        self.parts.push(Part { before, role });
        Some(())
    }

    /// Who wants the value at the path. None: more than one.
    fn role(&self) -> Option<Role> {
        let mut role = Role::Skipped;
        for (index, want) in self.wants.iter().enumerate() {
            let begins = want.path.len() >= self.path.len() && want.path.iter().zip(&self.path).all(|(a, b)| a == b);
            role = match role {
                _ if !begins => role,
                Role::Skipped if want.path.len() == self.path.len() => Role::Wanted(index),
                Role::Skipped | Role::Plain if want.path.len() > self.path.len() => Role::Plain,
                _ => return None,
            };
        }
        Some(role)
    }
}

fn is_nested(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b'{' | b'['))
}
