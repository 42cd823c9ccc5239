//! The rows of a file, read in a way of its own: how many there are, which are none, and what each cell holds.

use std::collections::HashMap;

use serde_json::value::RawValue;
use weir::cli::produce::Mapping;

pub(crate) type Row = HashMap<String, String>;

/// One a record or filled line; None among them: it is no row. None at all: the header can't be used.
pub(crate) fn of(mapping: &Mapping, file: &[u8]) -> Option<Vec<Option<Row>>> {
    match format!("{:?}", mapping.format).as_str() {
        "Some(Csv)" => csv(mapping, file),
        "Some(Jsonl)" => Some(lines(file).map(json).collect()),
        "Some(Whitespace)" => {
            wanted(mapping).all(|column| mapping.columns.contains(column)).then_some(())?;
            Some(lines(file).map(|line| whitespace(line, &mapping.columns)).collect())
        }
        other => panic!("a mapping for a file has a format, not {other}"),
    }
}

fn wanted(mapping: &Mapping) -> impl Iterator<Item = &String> {
    mapping.fields.values().filter_map(|field| field.column.as_ref()).chain(&mapping.raw)
}

fn csv(mapping: &Mapping, file: &[u8]) -> Option<Vec<Option<Row>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let blanks = |record: &csv::ByteRecord| record.len() == 1 && record[0].iter().all(|byte| b" \t".contains(byte));
    let records = reader.byte_records().map(|record| record.expect("bytes can be read"));
    let mut records = records.filter(|record| !blanks(record));
    let header: Vec<String> = match mapping.columns.as_slice() {
        [] => cells(&records.next()?).filter(|cells| !marked(&cells[0]))?,
        columns => columns.to_vec(),
    };
    if wanted(mapping).any(|column| header.iter().filter(|name| *name == column).count() != 1) {
        return None;
    }
    let row = |record: csv::ByteRecord| {
        let cells = cells(&record).filter(|cells| cells.len() == header.len() && !marked(&cells[0]))?;
        Some(header.iter().cloned().zip(cells).collect())
    };
    Some(records.map(row).collect())
}

fn marked(text: &str) -> bool {
    text.starts_with('\u{feff}')
}

fn cells(record: &csv::ByteRecord) -> Option<Vec<String>> {
    record.iter().map(|cell| String::from_utf8(cell.to_vec()).ok()).collect()
}

/// Those that hold something.
fn lines(file: &[u8]) -> impl Iterator<Item = Option<&str>> {
    let lines = file.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok());
    let filled = lines.filter(|line| line.is_none_or(|line| !line.trim().is_empty()));
    filled.map(|line| line.filter(|line| !marked(line)))
}

fn json(line: Option<&str>) -> Option<Row> {
    let Object(keys) = serde_json::from_str(line?).ok()?;
    let cell = |json: &str| match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => Some(text),
        Ok(serde_json::Value::Null) => Some(String::new()),
        // Half of a surrogate is no text.
        _ if json.starts_with('"') => None,
        _ => Some(json.to_owned()),
    };
    let count = keys.len();
    let row: Option<Row> = keys.into_iter().map(|(name, json)| Some((name, cell(json.get())?))).collect();
    row.filter(|row| row.len() == count)
}

/// Its keys and values as they come, a key that is there twice included.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> serde::de::Visitor<'de> for Keys {
            type Value = Object;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Object(keys))
            }
        }
        json.deserialize_map(Keys)
    }
}

fn whitespace(line: Option<&str>, columns: &[String]) -> Option<Row> {
    let cells: Vec<&str> = line?.split_whitespace().collect();
    (cells.len() == columns.len()).then(|| columns.iter().cloned().zip(cells.into_iter().map(str::to_owned)).collect())
}
