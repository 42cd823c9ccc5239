//! `weir produce`: a mapping, RS, and the bytes of a file. Each line of it (each record, in CSV) becomes a record or an
//! error with its number, whatever was in the lines before; what became a record says what its line says, exactly.

mod rows;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use serde_json::value::RawValue;
use weir::cli::produce::{Mapping, ProduceError, Produced, records};

use super::input::parted;
use rows::Row;

/// The target; the module says what must hold and how the bytes are read.
///
/// # Panics
/// Where it does not hold.
pub fn csv(data: &[u8]) {
    let (mapping, file) = parted(data);
    let Ok(text) = std::str::from_utf8(mapping) else { return };
    let mapping = match Mapping::parse(text).and_then(|mapping| mapping.for_input(Path::new("in.csv"))) {
        Ok(mapping) => mapping,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let made: Vec<_> = records(Cursor::new(file.to_vec()), mapping.clone()).collect();
    if !as_the_oracle_reads(text, file) {
        return;
    }
    let lines = file.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let mut last = 0;
    for error in made.iter().filter_map(|made| made.as_ref().err()) {
        let ProduceError { line, message, .. } = error;
        assert!((last.max(1)..=lines).contains(line) && !message.is_empty(), "line {line} of {lines}: {message}");
        last = *line;
    }
    // Where lenient readers guess, only what the strict one takes whole can be compared.
    let guessed: &[u8] = if format!("{:?}", mapping.format) == "Some(Csv)" { b"\"\r\0" } else { b"\0" };
    let lenient = file.iter().any(|byte| guessed.contains(byte));
    if lenient && made.iter().any(Result::is_err) {
        return;
    }
    let Some(rows) = rows::of(&mapping, file) else {
        let fatal = |made: &Result<Produced, ProduceError>| made.as_ref().is_err_and(|error| error.fatal);
        return assert!(made.len() == 1 && made.iter().all(fatal), "the header is no good, and not so: {made:?}");
    };
    // A row of one blank cell, quoted, is a row; the oracle takes it for an empty line.
    if lenient && rows.iter().flatten().any(|row| row.len() < 2) {
        return;
    }
    assert_eq!(made.len(), rows.len(), "of so many rows: {made:?}");
    for (made, row) in made.iter().zip(&rows) {
        match (made, row) {
            (Ok(made), Some(row)) => says(&mapping, made, row),
            (Ok(made), None) => panic!("{made:?} of a row that is no row"),
            (Err(error), _) if error.fatal => panic!("nothing failed that can't be read further: {error}"),
            (Err(error), Some(row)) => assert!(may_fail(&mapping, row), "{error}: {row:?}"),
            (Err(_), None) => {}
        }
    }
}

/// The oracle knows UTF-8, commas and double quotes.
fn as_the_oracle_reads(mapping: &str, file: &[u8]) -> bool {
    let keys = ["encoding", "delimiter", "quote", "escape", "decimal =", "decimal=", "decimal\" =", "decimal\"=", "\\"];
    let heads: [&[u8]; 9] = [
        b"\x1f\x8b",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"PK\x03\x04",
        b"\x28\xb5",
        b"\xfd7zX",
        b"BZh",
        b"PAR1",
    ];
    let unmarked = matches!(file, [_, 0, _, 0, ..] | [0, _, 0, _, ..]);
    !unmarked && !keys.iter().any(|key| mapping.contains(key)) && !heads.iter().any(|head| file.starts_with(head))
}

/// A record has each field that its row has, and nothing else.
fn says(mapping: &Mapping, made: &Produced, row: &Row) {
    let source = |name: &str| {
        let field = &mapping.fields[name];
        let cell = field.constant.as_ref().or_else(|| row.get(field.column.as_ref()?));
        cell.filter(|cell| !cell.is_empty())
    };
    assert_eq!(Some(made.key.as_str()).filter(|key| !key.is_empty()), source(&mapping.key).map(String::as_str));
    if let Some(raw) = mapping.raw.as_ref().and_then(|raw| row.get(raw)).filter(|raw| !raw.is_empty()) {
        return assert_eq!(made.value, raw.as_bytes());
    }
    let value: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(&made.value).expect("a record is a JSON object");
    assert!(value.keys().all(|name| mapping.fields.contains_key(name)), "{value:?}");
    for (name, field) in &mapping.fields {
        let (Some(json), Some(source)) = (value.get(name), source(name)) else {
            assert_eq!(value.get(name).map(|json| json.get()), source(name).map(String::as_str), "field {name}");
            continue;
        };
        let json = json.get();
        match serde_json::from_str::<String>(json) {
            Ok(text) => {
                assert_eq!(&text, source, "field {name}");
                assert!(!always_number(mapping, name), "field {name} is {json}");
            }
            Err(_) if format!("{:?}", field.kind) == "Decimal" => {
                assert_eq!(exact(json, 0), exact(source, field.shift), "{source} became {json}");
            }
            Err(_) => assert!(json.parse::<i64>().is_ok(), "a time of {source} is {json}"),
        }
    }
}

fn always_number(mapping: &Mapping, name: &str) -> bool {
    let field = &mapping.fields[name];
    format!("{:?} {:?}", field.kind, field.otherwise) == "Decimal Error"
}

/// Only a text that is not of its field's kind makes a whole row an error.
fn may_fail(mapping: &Mapping, row: &Row) -> bool {
    mapping.fields.values().any(|field| {
        let cell = field.constant.as_ref().or_else(|| row.get(field.column.as_ref()?)).filter(|cell| !cell.is_empty());
        let text = format!("{:?}", field.kind) == "Text" || format!("{:?}", field.otherwise) == "Text";
        let decimal = format!("{:?}", field.kind) == "Decimal";
        let digits = |cell: &String| cell.len() < 300 && cell.bytes().all(|byte| byte.is_ascii_digit());
        cell.is_some_and(|cell| !text && (!decimal || !digits(cell)))
    })
}

/// Sign, digits without zeros around them, and the exponent of the last.
fn exact(number: &str, shift: i8) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (negative, mantissa) = match mantissa.strip_prefix(['-', '+']) {
        Some(rest) => (mantissa.starts_with('-'), rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let trimmed = digits.trim_end_matches('0');
    let exponent: i64 = exponent.parse().unwrap_or(i64::MIN / 2);
    let last = exponent + i64::from(shift) - fraction.len() as i64 + (digits.len() - trimmed.len()) as i64;
    match trimmed.trim_start_matches('0') {
        "" => (negative, String::new(), 0),
        digits => (negative, digits.to_owned(), last),
    }
}
