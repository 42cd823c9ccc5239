//! From an input's rows to keys and JSON values. Pure: the reader comes in, records go out; knows no Kafka. A row is one of the
//! lines that a person counts as one: it becomes a record or an error that names its line, never neither.

use std::io::{self, BufRead};

use super::csv::Scanner;
use super::field::Decimal;
use super::input::{Text, text_of};
use super::lines::{Line, Lines, json_cells};
use super::mapping::{Format, Mapping};
use super::text::quoted;
use crate::model::foreign::foreign;

/// Bytes that a row may have unless the command says otherwise.
const MAX_ROW: usize = 1 << 20;
const MARK: char = '\u{feff}';

/// What goes to the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The line on which its row begins; counts from 1.
    pub line: u64,
    /// Text of the key field; empty where the record has none.
    pub key: String,
    /// A JSON object, or the bytes of the raw column.
    pub value: Vec<u8>,
}

/// A row that cannot be a record.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ProduceError {
    /// The line on which the row begins; counts from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
    /// No later line can be read either.
    pub fatal: bool,
}

/// A row's cells, one a column that the mapping names.
struct Row {
    line: u64,
    cells: Vec<Option<String>>,
}

type Rows = Box<dyn Iterator<Item = Result<Row, ProduceError>>>;

/// The records of an input; a bad line is an error and the next call goes on with the next line.
pub fn records(
    reader: impl BufRead + 'static,
    mapping: Mapping,
) -> impl Iterator<Item = Result<Produced, ProduceError>> {
    records_within(reader, mapping, MAX_ROW)
}

/// [`records`] with a bound on the bytes of a row.
pub fn records_within(
    reader: impl BufRead + 'static,
    mapping: Mapping,
    max_row: usize,
) -> impl Iterator<Item = Result<Produced, ProduceError>> {
    let wanted = mapping.wanted();
    let text = text_of(reader, mapping.encoding()).map_err(|error| io_error(1, &error));
    let rows = text.and_then(|text| match mapping.format.unwrap_or(Format::Csv) {
        Format::Csv => csv_rows(text, &mapping, &wanted, max_row),
        Format::Jsonl => {
            let wanted = wanted.clone();
            Ok(line_rows(text, &mapping, max_row, move |line| json_cells(line, &wanted)))
        }
        Format::Whitespace => {
            let places = places(&mapping.columns, &wanted, 1)?;
            let columns = mapping.columns.len();
            Ok(line_rows(text, &mapping, max_row, move |line| blank_cells(line, columns, &places)))
        }
    });
    let rows = rows.unwrap_or_else(|error| Box::new(std::iter::once(Err(error))));
    let mut over = false;
    rows.map(move |row| row.and_then(|row| produced(row, &mapping, &wanted))).take_while(move |made| {
        // A failing reader fails for ever: its error is told once.
        !std::mem::replace(&mut over, matches!(made, Err(error) if error.fatal))
    })
}

fn produced(mut row: Row, mapping: &Mapping, wanted: &[String]) -> Result<Produced, ProduceError> {
    let place = |column: &String| wanted.iter().position(|wanted| wanted == column);
    let (mut value, mut key) = (String::from("{"), String::new());
    for (name, field) in &mapping.fields {
        let (source, decimal) = match (&field.constant, &field.column) {
            (Some(constant), _) => (Some(constant), Decimal::Point),
            (None, column) => (column.as_ref().and_then(place).and_then(|at| row.cells[at].as_ref()), mapping.decimal),
        };
        let Some(source) = source.filter(|source| !source.is_empty()) else {
            continue;
        };
        if *name == mapping.key {
            key.clone_from(source);
        }
        let json = field.json(source, decimal).map_err(|message| {
            let column = field.column.as_ref().map(|column| format!("column {column:?}, ")).unwrap_or_default();
            bad(row.line, format!("{column}field {name}: {message}"))
        })?;
        if value.len() > 1 {
            value.push(',');
        }
        value.push_str(&format!("{}:{json}", quoted(name)));
    }
    value.push('}');
    let raw = mapping.raw.as_ref().and_then(place).and_then(|at| row.cells[at].take()).filter(|raw| !raw.is_empty());
    Ok(Produced { line: row.line, key, value: raw.unwrap_or(value).into_bytes() })
}

fn csv_rows(text: Text, mapping: &Mapping, wanted: &[String], max_row: usize) -> Result<Rows, ProduceError> {
    let mut scanner = Scanner::new(text, mapping.dialect(), max_row);
    let header = match mapping.columns.is_empty() {
        true => header(&mut scanner, mapping).map_err(|error| ProduceError { fatal: true, ..error })?,
        false => mapping.columns.clone(),
    };
    let places = places(&header, wanted, scanner.line())?;
    let not_utf8 = not_utf8(mapping);
    Ok(Box::new(std::iter::from_fn(move || {
        let found = match scanner.next() {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => return None,
            Ok(Err(fault)) => Err(ProduceError { line: scanner.line(), message: fault.message, fatal: fault.fatal }),
            Err(error) => Err(io_error(scanner.line(), &error)),
        };
        Some(found.and_then(|()| csv_row(&scanner, header.len(), &places, &not_utf8)))
    })))
}

fn header(scanner: &mut Scanner, mapping: &Mapping) -> Result<Vec<String>, ProduceError> {
    let found = scanner.next().map_err(|error| io_error(scanner.line(), &error))?;
    let found = found.map_err(|fault| bad(scanner.line(), fault.message))?;
    if !found {
        let message = "the input is empty, and has no line that names the columns; name them by `columns` in the mapping if \
                       there never is one";
        return Err(bad(1, message.to_owned()));
    }
    let all: Vec<usize> = (0..scanner.len()).collect();
    let row = csv_row(scanner, scanner.len(), &all, &not_utf8(mapping))?;
    Ok(row.cells.into_iter().map(Option::unwrap_or_default).collect())
}

/// The last record's cells at these places.
fn csv_row(scanner: &Scanner, cells: usize, places: &[usize], not_utf8: &str) -> Result<Row, ProduceError> {
    let line = scanner.line();
    if scanner.has_nul() {
        return Err(bad(line, NUL.to_owned()));
    }
    if scanner.len() != cells {
        let found = format!("{} cells, expected {cells}", scanner.len());
        if !scanner.spans_lines() {
            return Err(bad(line, found));
        }
        let message = format!(
            "{found}, in a row whose quoted cells go on over lines: a quote may lack its end, so nothing from line {line} on \
             was read"
        );
        return Err(ProduceError { line, message, fatal: true });
    }
    let all_utf8 = (0..cells).all(|at| scanner.cell(at).is_some());
    if !all_utf8 {
        return Err(bad(line, not_utf8.to_owned()));
    }
    if scanner.cell(0).is_some_and(|cell| cell.starts_with(MARK)) {
        return Err(bad(line, MARKED.to_owned()));
    }
    Ok(Row { line, cells: places.iter().map(|at| scanner.cell(*at).map(str::to_owned)).collect() })
}

/// Index of each wanted column; a name that is there twice could be either.
fn places(header: &[String], wanted: &[String], line: u64) -> Result<Vec<usize>, ProduceError> {
    let fatal = |message| ProduceError { line, message, fatal: true };
    let place = |column: &String| {
        let mut found = (0..).zip(header).filter(|(_, name)| *name == column).map(|(at, _)| at);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (Some(first), Some(second)) => Err(fatal(format!(
                "the column {column:?} stands twice, as column {} and {}; which is meant can't be told: rename one",
                first + 1,
                second + 1
            ))),
            (None, _) => Err(fatal(lacking(column, header))),
        }
    };
    wanted.iter().map(place).collect()
}

fn lacking(column: &str, header: &[String]) -> String {
    let delimiter = match header {
        [one] => [';', '\t', '|', ','].into_iter().find(|delimiter| one.contains(*delimiter)),
        _ => None,
    };
    let hint = delimiter.map(|delimiter| format!("; set `delimiter = {:?}` in the mapping?", delimiter.to_string()));
    format!("no column {column:?}; the columns are {}{}", header.join(", "), hint.unwrap_or_default())
}

fn line_rows(
    text: Text,
    mapping: &Mapping,
    max_row: usize,
    parse: impl Fn(&str) -> Result<Vec<Option<String>>, String> + 'static,
) -> Rows {
    let mut lines = Lines::new(text, max_row);
    let not_utf8 = not_utf8(mapping);
    Box::new(std::iter::from_fn(move || {
        loop {
            let number = lines.number() + 1;
            let line = match lines.next() {
                Ok(None) => return None,
                Ok(Some(Line::Bytes(line))) => line,
                Ok(Some(Line::TooLong)) => {
                    return Some(Err(bad(number, format!("the row has more than {max_row} bytes (--max-record)"))));
                }
                Err(error) => return Some(Err(io_error(number, &error))),
            };
            let made = match std::str::from_utf8(line) {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) if line.starts_with(MARK) => Err(MARKED.to_owned()),
                Ok(line) => parse(line),
                Err(_) => Err(foreign(line).map_or_else(|| not_utf8.clone(), |what| format!("it {what}"))),
            };
            return Some(match made {
                Ok(cells) => Ok(Row { line: number, cells }),
                Err(message) => Err(bad(number, message)),
            });
        }
    }))
}

fn blank_cells(line: &str, columns: usize, places: &[usize]) -> Result<Vec<Option<String>>, String> {
    if line.contains('\0') {
        return Err(NUL.to_owned());
    }
    let cells: Vec<&str> = line.split_whitespace().collect();
    if cells.len() != columns {
        return Err(format!("{} cells, expected {columns}", cells.len()));
    }
    Ok(places.iter().map(|at| Some(cells[*at].to_owned())).collect())
}

const NUL: &str =
    "a NUL byte, which no text has; is it UTF-16 (set `encoding = \"utf-16le\"` in the mapping), or no text?";
const MARKED: &str = "begins with a byte order mark, as where two files were joined: take it away";

fn not_utf8(mapping: &Mapping) -> String {
    match mapping.encoding() {
        Some(encoding) => format!("invalid {}; is `encoding` in the mapping right?", encoding.name()),
        None => "invalid UTF-8; if the file is written otherwise, say so in the mapping: `encoding = \"windows-1252\"`"
            .to_owned(),
    }
}

fn io_error(line: u64, error: &io::Error) -> ProduceError {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip input ends in its middle: it was cut off".to_owned(),
        io::ErrorKind::InvalidInput => format!("the gzip input is damaged, or something follows it: {error}"),
        io::ErrorKind::InvalidData => error.to_string(),
        _ => format!("cannot be read further: {error}"),
    };
    ProduceError { line, message, fatal: true }
}

fn bad(line: u64, message: String) -> ProduceError {
    ProduceError { line, message, fatal: false }
}
