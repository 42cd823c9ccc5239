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
        "Some(Whitespace)" => Some(lines(file).map(|line| whitespace(line, &mapping.columns)).collect()),
        other => panic!("a mapping for a file has a format, not {other}"),
    }
}

fn csv(mapping: &Mapping, file: &[u8]) -> Option<Vec<Option<Row>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let mut records = reader.byte_records().map(|record| record.expect("bytes can be read"));
    let header: Vec<String> = match mapping.columns.as_slice() {
        [] => cells(&records.next().unwrap_or_default())?,
        columns => columns.to_vec(),
    };
    let wanted = mapping.fields.values().filter_map(|field| field.column.as_ref());
    if wanted.into_iter().any(|column| !header.contains(column)) {
        return None;
    }
    let row = |record: csv::ByteRecord| {
        let cells = cells(&record).filter(|cells| cells.len() == header.len())?;
        Some(header.iter().cloned().zip(cells).collect())
    };
    Some(records.map(row).collect())
}

fn cells(record: &csv::ByteRecord) -> Option<Vec<String>> {
    record.iter().map(|cell| String::from_utf8(cell.to_vec()).ok()).collect()
}

/// Those that hold something.
fn lines(file: &[u8]) -> impl Iterator<Item = Option<&str>> {
    let lines = file.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok());
    lines.filter(|line| line.is_none_or(|line| !line.trim().is_empty()))
}

fn json(line: Option<&str>) -> Option<Row> {
    let row: HashMap<String, Box<RawValue>> = serde_json::from_str(line?).ok()?;
    let cell = |json: &str| match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Null) => String::new(),
        _ => json.to_owned(),
    };
    Some(row.into_iter().map(|(name, json)| (name, cell(json.get()))).collect())
}

fn whitespace(line: Option<&str>, columns: &[String]) -> Option<Row> {
    let cells: Vec<&str> = line?.split_whitespace().collect();
    (cells.len() == columns.len()).then(|| columns.iter().cloned().zip(cells.into_iter().map(str::to_owned)).collect())
}
