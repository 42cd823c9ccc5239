//! Records. Whatever the schema and the bytes are, the decoder says what the oracle says: the same values, or the same
//! code and a batch as it was. The oracle is slow and plain, and nothing of it is shared with the decoder.
//!
//! The first line is the schema, one field a word: kind, scale, `!` if it is required, `-` if nothing needs it, and its
//! JSON pointer (`d2!/amount t/who/name`). Records follow, apart by RS.

mod oracle;

use std::sync::Arc;

use weir::decode::Decoder;
use weir::model::finding::Stage;
use weir::model::ids::{Offset, Partition};
use weir::model::record::{Batch, Field, FieldId, Kind, Schema, Value};

use super::input::RS;

/// What a record may have; so short that both sides of the limit are tried.
const MAX_RECORD: usize = 1_500;

/// The target; the module says what must hold and how the bytes are read.
///
/// # Panics
/// Where it does not hold.
pub fn decode(data: &[u8]) {
    let (first, records) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    let (fields, needed) = fields(&String::from_utf8_lossy(first));
    let schema = Arc::new(Schema { fields });
    let mut decoder = Decoder::new(schema.clone(), MAX_RECORD);
    let needed: Vec<FieldId> = needed.into_iter().map(FieldId).collect();
    if needed.len() < schema.fields.len() {
        decoder.set_needed(&needed);
    }
    let mut batch = Batch::new(&schema);
    batch.clear(Partition(7));
    for (at, record) in records.split(|byte| *byte == RS).enumerate() {
        let before = batch.clone();
        let decoded = decoder.decode(None, Some(record), Offset(at as i64), &mut batch);
        let wanted: Vec<&Field> = needed.iter().map(|id| schema.field(*id)).collect();
        match (decoded, oracle::row(&wanted, record, MAX_RECORD)) {
            (Ok(()), Ok(row)) => appended(&before, &batch, &needed, &row, record),
            (Err(fault), Err(code)) => {
                assert_eq!(fault.code, code, "{}: {}", fault.message, String::from_utf8_lossy(record));
                assert!(fault.stage == Stage::Decode && !fault.message.is_empty());
                assert!(batch.columns == before.columns && batch.offsets == before.offsets, "{code} left a trace");
            }
            (decoded, wanted) => panic!("{decoded:?}, and {wanted:?} is right: {}", String::from_utf8_lossy(record)),
        }
    }
}

fn appended(before: &Batch, batch: &Batch, needed: &[FieldId], row: &[Option<oracle::Value>], record: &[u8]) {
    assert_eq!(batch.rows(), before.rows() + 1);
    let shown = || String::from_utf8_lossy(record);
    for (at, column) in batch.columns.iter().enumerate() {
        let Some(value) = needed.iter().position(|id| id.0 == at).map(|at| &row[at]) else {
            assert_eq!(column.rows(), 0, "nothing needs column {at}");
            continue;
        };
        assert_eq!(column.rows(), batch.rows());
        let words = if column.all_present() { 0 } else { batch.rows().div_ceil(64) };
        assert!(column.present().len() == words, "{} words", column.present().len());
        let got = column.get(before.rows());
        let same = match (got, value) {
            (None, None) => true,
            // Not by value: -0 is a zero, and bits are what a rule gets.
            (Some(Value::Float(got)), Some(oracle::Value::Float(wanted))) => got.to_bits() == wanted.to_bits(),
            (Some(Value::Text(got)), Some(oracle::Value::Text(wanted))) => got == wanted,
            (Some(Value::Boolean(got)), Some(oracle::Value::Boolean(wanted))) => got == *wanted,
            (
                Some(Value::Integer(got) | Value::Decimal(got) | Value::Timestamp(got)),
                Some(oracle::Value::Whole(wanted)),
            ) => got == *wanted,
            _ => false,
        };
        assert!(same, "{got:?}, and {value:?} is right: {}", shown());
        for row in 0..before.rows() {
            assert!(column.get(row) == before.columns[at].get(row), "row {row} changed: {}", shown());
        }
    }
}

/// The fields, and which are needed.
fn fields(line: &str) -> (Vec<Field>, Vec<usize>) {
    let (mut fields, mut needed) = (Vec::new(), Vec::new());
    for word in line.split(' ').take(8) {
        let Some((spec, pointer)) = word.split_once('/') else { continue };
        let kind = match spec.chars().next() {
            Some('b') => Kind::Boolean,
            Some('i') => Kind::Integer,
            Some('f') => Kind::Float,
            Some('d') => Kind::Decimal,
            Some('s') => Kind::Timestamp,
            _ => Kind::Text,
        };
        let path: Vec<String> = pointer.split('/').map(str::to_owned).collect();
        if !spec.contains('-') {
            needed.push(fields.len());
        }
        fields.push(Field {
            name: path.join("."),
            kind,
            required: spec.contains('!'),
            scale: if kind == Kind::Decimal { scale(spec) } else { 0 },
            path,
            time: weir::model::time::TimeFormat::default(),
            lookup: None,
            sensitive: false,
        });
    }
    (fields, needed)
}

fn scale(spec: &str) -> u8 {
    let digits: String = spec.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0_u8).min(10)
}
