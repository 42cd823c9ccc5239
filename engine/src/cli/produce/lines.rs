//! Inputs of one record a line: JSON lines, and cells between blanks. A line has a bound, so memory has one.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::input::Text;
use super::text::shown;
use crate::model::foreign::foreign;

/// The lines of a text, each with its number, which counts from 1.
pub(super) struct Lines {
    text: Text,
    /// Bytes that a line may have.
    limit: usize,
    number: u64,
    line: Vec<u8>,
}

/// A line, or that it is too long.
pub(super) enum Line<'l> {
    Bytes(&'l [u8]),
    TooLong,
}

impl Lines {
    pub(super) fn new(text: Text, limit: usize) -> Self {
        Self { text, limit, number: 0, line: Vec::new() }
    }

    /// Number of the line that was read last, or could not be read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; None behind the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.number += 1;
        self.line.clear();
        let most = self.limit as u64 + 1; // the line's end counts for itself
        if self.text.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.len() > self.limit && !self.line.ends_with(b"\n") {
            self.skip_rest()?;
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(Line::Bytes(self.line.strip_suffix(b"\n").unwrap_or(&self.line))))
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.text.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let count = end.unwrap_or(bytes.len());
            self.text.consume(count);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// The wanted keys' texts of a JSON object, in the order of `wanted`.
pub(super) fn json_cells(line: &str, wanted: &[String]) -> Result<Vec<Option<String>>, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let object = json.deserialize_map(Object { wanted }).and_then(|cells| json.end().map(|()| cells));
    object.map_err(|error| match foreign(line.as_bytes()) {
        Some(what) => format!("it {what}"),
        None if line.trim_start().starts_with('[') => {
            "an array, where each line should be one JSON object; `jq -c '.[]'` makes such lines".to_owned()
        }
        None => told(&error),
    })
}

/// serde_json counts lines within the line.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((what, column)) => format!("{what} (byte {column} of the line)"),
        None => text,
    }
}

struct Object<'w> {
    wanted: &'w [String],
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Option<String>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells = vec![None; self.wanted.len()];
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let value: &'de RawValue = map.next_value()?;
            let text = text_of(value.get()).map_err(|why| A::Error::custom(format_args!("key {key:?}: {why}")))?;
            if let Some(at) = self.wanted.iter().position(|wanted| *wanted == key) {
                cells[at] = text;
            }
            if let Some(again) = seen.replace(key) {
                return Err(A::Error::custom(format_args!(
                    "the key {again:?} stands twice; which is meant can't be told"
                )));
            }
        }
        Ok(cells)
    }
}

/// A string's text; a number keeps the digits that it came with.
fn text_of(json: &str) -> Result<Option<String>, String> {
    match json {
        "null" => Ok(None),
        // A lone surrogate is no text, though JSON's grammar allows it.
        _ if json.starts_with('"') => serde_json::from_str(json).map(Some).map_err(|error| {
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            format!("{} is no text: {what}", shown(json))
        }),
        _ => Ok(Some(json.to_owned())),
    }
}
