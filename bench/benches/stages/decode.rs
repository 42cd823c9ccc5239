//! Bytes to columns. 3 and 7 fields are those of docs/decoding.md#why-not-another-parser, so that its figures compare.

use weir::decode::Decoder;
use weir::model::ids::{Offset, Partition};
use weir::model::record::Batch;

use weir_bench::records::Rng;

use crate::inputs::{self, Fields, Payments, RECORDS, ROWS, Record, ids, plain};
use crate::{Case, Turn};

const THREE: &[&str] = &["event_time", "type", "amount"];
const SEVEN: &[&str] =
    &["event_time", "type", "amount", "name_orig", "name_dest", "old_balance_org", "new_balance_orig"];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("decode 3 fields", THREE, plain, true),
        case("decode 7 fields", SEVEN, plain, true),
        case("decode 7 fields, keys shuffled", SEVEN, shuffled, true),
        case("decode 7 fields, one more nested", SEVEN, nested, true),
        case("decode malformed", SEVEN, malformed, false),
    ]
}

fn case(name: &str, needed: &'static [&str], write: fn(&mut Rng, Fields) -> Vec<u8>, good: bool) -> Case {
    Case::new(name, ROWS, RECORDS / ROWS, move || turn(needed, inputs::records(Payments::Good, write), good))
}

fn turn(needed: &[&str], records: Vec<Record>, good: bool) -> Turn {
    let schema = inputs::schema();
    let mut decoder = Decoder::new(schema.clone(), 1 << 20);
    decoder.set_needed(&ids(&schema, needed));
    let mut batch = Batch::new(&schema);
    let mut at = 0;
    Box::new(move || {
        batch.clear(Partition(0));
        for (row, record) in records[at..at + ROWS].iter().enumerate() {
            let offset = Offset((at + row) as i64);
            let decoded = decoder.decode(Some(record.key.as_bytes()), Some(&record.value), offset, &mut batch);
            assert_eq!(decoded.is_ok(), good);
        }
        at = (at + ROWS) % RECORDS;
    })
}

fn shuffled(rng: &mut Rng, mut fields: Fields) -> Vec<u8> {
    inputs::shuffle(rng, &mut fields);
    plain(rng, fields)
}

fn nested(rng: &mut Rng, mut fields: Fields) -> Vec<u8> {
    fields
        .insert(4, ("device", r#"{"os":"android","app":{"version":"4.12.0","beta":false},"ids":[17,42]}"#.to_owned()));
    plain(rng, fields)
}

/// As `gen` has them: half cut somewhere, half no JSON at all.
fn malformed(rng: &mut Rng, fields: Fields) -> Vec<u8> {
    let id = fields[1].1.trim_matches('"').to_owned();
    let mut value = plain(rng, fields);
    if rng.below(2) == 0 {
        value.truncate(1 + rng.below(value.len() as u64 - 1) as usize);
        return value;
    }
    format!("ERR upstream timeout, tx {id} not serialized <<binary>>").into_bytes()
}
