//! From an input's lines to keys and JSON values. Pure: the reader comes in, records go out; knows no Kafka.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use serde_json::value::RawValue;

use super::mapping::{Format, Mapping};
use super::text::quoted;

/// What goes to the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// Text of the key field; empty where the record has none.
    pub key: String,
    /// A JSON object, or the bytes of the raw column.
    pub value: Vec<u8>,
}

/// A line that cannot be a record.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ProduceError {
    /// Counts from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
    /// No later line can be read either.
    pub fatal: bool,
}

type Row = (u64, HashMap<String, String>);
type Rows = Box<dyn Iterator<Item = Result<Row, ProduceError>>>;

/// The records of an input; a bad line is an error and the next call goes on with the next line.
pub fn records(
    reader: impl BufRead + 'static,
    mapping: Mapping,
) -> impl Iterator<Item = Result<Produced, ProduceError>> {
    let rows = match mapping.format.unwrap_or(Format::Csv) {
        Format::Csv => csv_rows(reader, &mapping),
        Format::Jsonl => line_rows(reader, json_row),
        Format::Whitespace => {
            let columns = mapping.columns.clone();
            line_rows(reader, move |line| whitespace_row(line, &columns))
        }
    };
    let mut over = false;
    rows.map(move |row| row.and_then(|row| produced(row, &mapping))).take_while(move |made| {
        // A failing reader fails for ever: its error is told once.
        !std::mem::replace(&mut over, matches!(made, Err(error) if error.fatal))
    })
}

fn produced((line, mut row): Row, mapping: &Mapping) -> Result<Produced, ProduceError> {
    let (mut value, mut key) = (String::from("{"), String::new());
    for (name, field) in &mapping.fields {
        let source = match (&field.constant, &field.column) {
            (Some(constant), _) => Some(constant),
            (None, column) => column.as_ref().and_then(|column| row.get(column)),
        };
        let Some(source) = source.filter(|source| !source.is_empty()) else {
            continue;
        };
        if *name == mapping.key {
            key.clone_from(source);
        }
        let json = field.json(source).map_err(|message| {
            let column = field.column.as_ref().map(|column| format!("column {column:?}, ")).unwrap_or_default();
            bad(line, format!("{column}field {name}: {message}"))
        })?;
        if value.len() > 1 {
            value.push(',');
        }
        value.push_str(&format!("{}:{json}", quoted(name)));
    }
    value.push('}');
    let raw = mapping.raw.as_ref().and_then(|raw| row.remove(raw)).filter(|raw| !raw.is_empty());
    Ok(Produced { key, value: raw.unwrap_or(value).into_bytes() })
}

fn csv_rows(reader: impl Read + 'static, mapping: &Mapping) -> Rows {
    // Flexible, for cells are counted against the header below: the reader would count against the first row, though it is bad.
    let mut reader =
        csv::ReaderBuilder::new().has_headers(mapping.columns.is_empty()).flexible(true).from_reader(reader);
    let header = match mapping.columns.is_empty() {
        true => reader.headers().map(|header| header.iter().map(str::to_owned).collect()),
        false => Ok(mapping.columns.clone()),
    };
    let header: Vec<String> = match header {
        Ok(header) => header,
        Err(error) => {
            return Box::new(std::iter::once(Err(ProduceError { fatal: true, ..csv_error(&error, 1) })));
        }
    };
    let wanted = mapping.fields.values().filter_map(|field| field.column.as_ref());
    if let Some(lacking) = wanted.into_iter().find(|column| !header.contains(column)) {
        let message = format!("no column {lacking:?}; the columns are {}", header.join(", "));
        return Box::new(std::iter::once(Err(ProduceError { line: 1, message, fatal: true })));
    }
    Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(|error| csv_error(&error, 0))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(bad(line, format!("{} cells, expected {}", record.len(), header.len())));
        }
        Ok((line, header.iter().cloned().zip(record.iter().map(str::to_owned)).collect()))
    }))
}

fn csv_error(error: &csv::Error, line: u64) -> ProduceError {
    let line = error.position().map_or(line, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "invalid UTF-8".to_owned(),
        _ => error.to_string(),
    };
    ProduceError { line, message, fatal: error.is_io_error() }
}

fn line_rows(
    reader: impl BufRead + 'static,
    parse: impl Fn(&str) -> Result<HashMap<String, String>, String> + 'static,
) -> Rows {
    let numbered = (1..).zip(reader.lines());
    let filled = numbered.filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()));
    Box::new(filled.map(move |(number, line)| {
        let line = line.map_err(|error| ProduceError {
            line: number,
            message: error.to_string(),
            fatal: error.kind() != std::io::ErrorKind::InvalidData,
        })?;
        parse(&line).map(|row| (number, row)).map_err(|message| bad(number, message))
    }))
}

fn json_row(line: &str) -> Result<HashMap<String, String>, String> {
    let row: HashMap<String, Box<RawValue>> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    // A number keeps the digits that it came with.
    let cell = |value: Box<RawValue>| match serde_json::from_str::<String>(value.get()) {
        Ok(text) => text,
        Err(_) if value.get() == "null" => String::new(),
        Err(_) => value.get().to_owned(),
    };
    Ok(row.into_iter().map(|(name, value)| (name, cell(value))).collect())
}

fn whitespace_row(line: &str, columns: &[String]) -> Result<HashMap<String, String>, String> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    if cells.len() != columns.len() {
        return Err(format!("{} cells, expected {}", cells.len(), columns.len()));
    }
    Ok(columns.iter().cloned().zip(cells.into_iter().map(str::to_owned)).collect())
}

fn bad(line: u64, message: String) -> ProduceError {
    ProduceError { line, message, fatal: false }
}
