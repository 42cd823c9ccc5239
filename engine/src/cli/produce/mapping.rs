//! The mapping file of `weir produce`: how the input is written, and which JSON field comes from which column.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use encoding_rs::Encoding;
use serde::Deserialize;

use super::csv::Dialect;
use super::field::Decimal;
pub use super::field::Field;

/// A mapping file, whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Default: by the input's extension.
    pub format: Option<Format>,
    /// Names of the columns of an input without a header (always for `whitespace`).
    #[serde(default)]
    pub columns: Vec<String>,
    /// Encoding of the input, as the web names it (`windows-1252`, `utf-16le`). Default: UTF-8, or what a byte order mark
    /// says.
    encoding: Option<String>,
    /// Character between the cells of a CSV. Default: a comma.
    delimiter: Option<String>,
    /// Around cells of a CSV; empty: no cell is quoted. Default: `"`.
    quote: Option<String>,
    /// Character before a quote or delimiter that is part of a CSV's cell. Default: none; a quote within quotes is doubled.
    escape: Option<String>,
    /// Mark before the fraction of numbers: `.`, the default, or `,`. No other mark is taken for part of a number.
    #[serde(default)]
    pub(super) decimal: Decimal,
    /// The JSON field whose text is the Kafka key.
    pub key: String,
    /// A column that, where not empty, holds the very bytes to send instead.
    pub raw: Option<String>,
    /// What each JSON field is made of, by its name.
    pub fields: BTreeMap<String, Field>,
}

/// How the input is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Fields between delimiters, quoted or not.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Columns between blanks.
    Whitespace,
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// If the file can't be read, or [`Mapping::parse`] refuses it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read mapping {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("mapping {}", path.display()))
    }

    /// Parses and checks a mapping.
    ///
    /// # Errors
    /// If the text is no TOML, a key is not known, or two contradict each other; the message names the key.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut mapping: Self = toml::from_str(text)?;
        ensure!(
            mapping.fields.contains_key(&mapping.key),
            "key = {:?} is not one of [fields]; name one of them",
            mapping.key
        );
        for (name, field) in &mut mapping.fields {
            field.prepare().map_err(|why| anyhow!("field {name}: {why}"))?;
        }
        let mut names = BTreeSet::new();
        for column in &mapping.columns {
            ensure!(names.insert(column), "columns: {column:?} stands twice; give each column a name of its own");
        }
        mapping.check_text()?;
        Ok(mapping)
    }

    /// The keys that say how the text is written.
    fn check_text(&self) -> anyhow::Result<()> {
        if let Some(label) = &self.encoding {
            ensure!(
                Encoding::for_label_no_replacement(label.as_bytes()).is_some(),
                "encoding = {label:?} is not known; write for example \"windows-1252\", \"utf-16le\" or \"shift_jis\""
            );
        }
        for (key, value) in [("delimiter", &self.delimiter), ("quote", &self.quote), ("escape", &self.escape)] {
            let Some(value) = value else { continue };
            let none = key == "quote" && value.is_empty();
            ensure!(
                none || matches!(value.as_bytes(), [byte] if byte.is_ascii() && !matches!(byte, 0 | b'\r' | b'\n')),
                "{key} = {value:?} should be one character of ASCII, and no line's end"
            );
        }
        let Dialect { delimiter, quote, escape } = self.dialect();
        let differ = Some(delimiter) != quote && Some(delimiter) != escape && (quote.is_none() || quote != escape);
        ensure!(differ, "delimiter, quote and escape should differ (a doubled quote needs no escape)");
        Ok(())
    }

    /// The columns that are read, each once.
    pub(super) fn wanted(&self) -> Vec<String> {
        let fields = self.fields.values().filter_map(|field| field.column.as_ref());
        let wanted: BTreeSet<&String> = fields.chain(&self.raw).collect();
        wanted.into_iter().cloned().collect()
    }

    /// None: UTF-8, unless a byte order mark says otherwise.
    pub(super) fn encoding(&self) -> Option<&'static Encoding> {
        self.encoding.as_ref().and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()))
    }

    pub(super) fn dialect(&self) -> Dialect {
        let byte = |key: &Option<String>| key.as_ref().and_then(|text| text.bytes().next());
        Dialect {
            delimiter: byte(&self.delimiter).unwrap_or(b','),
            quote: self.quote.as_ref().map_or(Some(b'"'), |_| byte(&self.quote)),
            escape: byte(&self.escape),
        }
    }

    /// Takes the format from the file's name where the mapping gives none.
    ///
    /// # Errors
    /// If neither the mapping nor the file's name says the format, or the format needs `columns` and there are none.
    pub fn for_input(mut self, path: &Path) -> anyhow::Result<Self> {
        let unpacked = path.extension().is_some_and(|extension| extension == "gz").then(|| path.with_extension(""));
        let extension = unpacked.as_deref().unwrap_or(path).extension().and_then(|extension| extension.to_str());
        self.format = match (self.format, extension) {
            (Some(format), _) => Some(format),
            (None, Some("csv")) => Some(Format::Csv),
            (None, Some("jsonl" | "ndjson" | "json")) => Some(Format::Jsonl),
            (None, _) => anyhow::bail!("{}: neither .csv nor .jsonl; set `format` in the mapping", path.display()),
        };
        ensure!(
            self.format != Some(Format::Whitespace) || !self.columns.is_empty(),
            "format = \"whitespace\" needs `columns`, the names of its columns"
        );
        let csv = [
            ("columns", !self.columns.is_empty() && self.format == Some(Format::Jsonl)),
            ("delimiter", self.delimiter.is_some()),
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("decimal", self.decimal == Decimal::Comma && self.format == Some(Format::Jsonl)),
        ];
        if self.format != Some(Format::Csv)
            && let Some((key, _)) = csv.into_iter().find(|(_, set)| *set)
        {
            anyhow::bail!(
                "{key} is of no use: the input is no CSV; take it out of the mapping, or set `format = \"csv\"`"
            );
        }
        Ok(self)
    }
}
