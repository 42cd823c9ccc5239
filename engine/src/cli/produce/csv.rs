//! The records of a CSV text, as strictly as RFC 4180 has them. Readers that are lenient guess what a stray quote means, and
//! join or cut rows by that guess. Here a record whose quotes say two things is a fault; where it can't be told either on
//! which line that record ends, nothing behind it can be read, and the fault is fatal.

use std::io::{self, BufRead};
use std::ops::Range;

use super::input::Text;

/// How cells are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// None: no cell is quoted.
    pub(super) quote: Option<u8>,
    /// Takes its meaning from a delimiter, a quote or itself. A doubled quote stands for a quote in any case.
    pub(super) escape: Option<u8>,
}

/// Why a record can't be used.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    /// Where the next record begins is not known.
    pub(super) fatal: bool,
}

/// Reads one record after another; the last one is in it.
pub(super) struct Scanner {
    text: Text,
    dialect: Dialect,
    /// Bytes that a record may have.
    limit: usize,
    /// Line of the next byte, from 1.
    line: u64,
    /// The record's cells, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    now: Now,
}

/// What is known of the record that is being read.
struct Now {
    state: State,
    /// Line of its first byte.
    line: u64,
    /// Where the last quote opened: its line, and its cell, from 1.
    opened: (u64, usize),
    /// Bytes so far, the end of the line included.
    size: usize,
    /// The byte before was the escape, or a carriage return outside of quotes.
    escaped: bool,
    returned: bool,
    /// The byte before was a backslash that none was before: what a writer with escapes would mean by it.
    backslash: bool,
    /// Quotes so far, and those without a backslash before them.
    quotes: usize,
    bare_quotes: usize,
    fault: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At a cell's first byte.
    Start,
    Plain,
    Quoted,
    /// A quote within quotes was read: the cell's end, or half of a doubled one.
    Closed,
    /// A fault was read after which cells can't be told apart.
    Junk,
}

impl Scanner {
    pub(super) fn new(text: Text, dialect: Dialect, limit: usize) -> Self {
        Self { text, dialect, limit, line: 1, bytes: Vec::new(), ends: Vec::new(), now: Now::at(1) }
    }

    /// The line on which the last record begins.
    pub(super) fn line(&self) -> u64 {
        self.now.line
    }

    /// How many cells the last record has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the last record goes on over more lines than one.
    pub(super) fn spans_lines(&self) -> bool {
        // `line` is that of the next record already.
        self.line > self.now.line + 1
    }

    /// Whether a NUL is in the last record.
    pub(super) fn has_nul(&self) -> bool {
        self.bytes.contains(&0)
    }

    /// A cell of the last record; None: its bytes are no UTF-8.
    pub(super) fn cell(&self, at: usize) -> Option<&str> {
        std::str::from_utf8(&self.bytes[self.range(at)]).ok()
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[at]
    }

    /// Reads the next record, passing over empty lines; false: there is none.
    pub(super) fn next(&mut self) -> io::Result<Result<bool, Fault>> {
        loop {
            self.now = Now::at(self.line);
            self.bytes.clear();
            self.ends.clear();
            if let Some(fault) = self.read()? {
                return Ok(Err(fault));
            }
            if self.now.size == 0 {
                return Ok(Ok(false));
            }
            if !self.is_blank() {
                return Ok(Ok(true));
            }
        }
    }

    /// A line of nothing, or of blanks, is no row.
    fn is_blank(&self) -> bool {
        self.now.quotes == 0 && self.ends.len() == 1 && self.bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn read(&mut self) -> io::Result<Option<Fault>> {
        loop {
            let bytes = match self.text.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                return Ok(self.ends());
            }
            let (mut count, mut over) = (0, false);
            let mut record = Cells { now: &mut self.now, bytes: &mut self.bytes, ends: &mut self.ends };
            for byte in bytes {
                count += 1;
                over = record.take(*byte, self.line, self.dialect, self.limit);
                self.line += u64::from(*byte == b'\n');
                if over || record.is_lost(self.line, self.limit) {
                    break;
                }
            }
            self.text.consume(count);
            if over {
                return Ok(self.fault(self.line - 1));
            }
            if self.now.size > self.limit && self.line > self.now.line {
                return Ok(Some(self.lost()));
            }
        }
    }

    /// The text is over.
    fn ends(&mut self) -> Option<Fault> {
        if self.now.size == 0 {
            return None;
        }
        if self.now.state == State::Quoted {
            let fault = self.unclosed("by the end of the input");
            return Some(fault);
        }
        if self.now.escaped {
            self.now.fault.get_or_insert_with(|| "the input ends behind an escape".to_owned());
        }
        self.ends.push(self.bytes.len());
        let last = self.line;
        // As if the last line had an end.
        self.line += 1;
        self.fault(last)
    }

    /// What is wrong with a record that ends on this line.
    fn fault(&mut self, last: u64) -> Option<Fault> {
        let fault = self.now.fault.take()?;
        let (opened, _) = self.now.opened;
        let first = self.now.line;
        if last > first {
            let message = format!(
                "{fault}; the row begins in line {first}, a quote opened in line {opened}, and where it should have closed \
                 can't be told: nothing from line {first} on was read. {}",
                self.advice()
            );
            return Some(Fault { message, fatal: true });
        }
        let odd = !(self.now.quotes.is_multiple_of(2) && self.now.bare_quotes.is_multiple_of(2));
        if self.now.state == State::Junk && odd {
            let message = format!(
                "{fault}; whether the row ends with this line can't be told: nothing from line {first} on was read. {}",
                self.advice()
            );
            return Some(Fault { message, fatal: true });
        }
        Some(Fault { message: fault, fatal: false })
    }

    /// A record of more lines and bytes than any: its quote was never meant to open, or lacks its end.
    fn lost(&mut self) -> Fault {
        let within = format!("within {} bytes (--max-record)", self.limit);
        self.unclosed(&within)
    }

    fn unclosed(&self, by: &str) -> Fault {
        let ((line, cell), first) = (self.now.opened, self.now.line);
        let message = format!(
            "the quote that opens cell {cell} in line {line} is not closed {by}: nothing from line {first} on was read. {}",
            self.advice()
        );
        Fault { message, fatal: true }
    }

    fn advice(&self) -> &'static str {
        match self.dialect.escape {
            None => {
                "Fix the quotes (one within a cell is doubled), or set `escape = '\\'` or `quote = \"\"` in the mapping if \
                 the file is written so"
            }
            Some(_) => "Fix the quotes, or set `quote = \"\"` in the mapping if the file has none",
        }
    }
}

impl Now {
    fn at(line: u64) -> Self {
        Self {
            state: State::Start,
            line,
            opened: (line, 1),
            size: 0,
            escaped: false,
            returned: false,
            backslash: false,
            quotes: 0,
            bare_quotes: 0,
            fault: None,
        }
    }
}

/// The record that is being read.
struct Cells<'s> {
    now: &'s mut Now,
    bytes: &'s mut Vec<u8>,
    ends: &'s mut Vec<usize>,
}

impl Cells<'_> {
    /// Whether it is beyond its bound and its first line, so that reading on would tell nothing.
    fn is_lost(&self, line: u64, limit: usize) -> bool {
        self.now.size > limit && line > self.now.line
    }

    /// Takes a byte that stands on this line; true: it ends the record.
    fn take(&mut self, byte: u8, line: u64, dialect: Dialect, limit: usize) -> bool {
        self.now.size += 1;
        if self.now.size > limit && byte != b'\n' {
            self.refuse(|| format!("the row has more than {limit} bytes (--max-record)"));
        }
        self.count_quotes(byte, dialect.quote);
        if std::mem::take(&mut self.now.returned) && byte != b'\n' {
            self.refuse(|| "a carriage return that ends no line; end lines with a line feed".to_owned());
        }
        let is = |special: Option<u8>| special == Some(byte);
        if std::mem::take(&mut self.now.escaped) {
            if byte == dialect.delimiter || is(dialect.quote) || is(dialect.escape) {
                self.push(byte, limit);
                return false;
            }
            let shown = char::from(byte).escape_default();
            self.refuse(|| {
                format!("an escape before `{shown}`: only a quote, a delimiter or an escape may follow one")
            });
        }
        match self.now.state {
            State::Quoted => self.quoted(byte, dialect, limit),
            State::Closed if is(dialect.quote) => {
                self.push(byte, limit);
                self.now.state = State::Quoted;
            }
            _ if byte == b'\n' => {
                self.end_cell();
                return true;
            }
            State::Junk => {}
            _ if byte == b'\r' => self.now.returned = true,
            _ if byte == dialect.delimiter => self.end_cell(),
            State::Closed => {
                let cell = self.ends.len() + 1;
                let shown = char::from(byte).escape_default();
                self.refuse(|| format!("cell {cell} goes on with `{shown}` behind its closing quote"));
                self.now.state = State::Junk;
            }
            State::Start if is(dialect.quote) => {
                self.now.state = State::Quoted;
                self.now.opened = (line, self.ends.len() + 1);
            }
            State::Start | State::Plain => self.plain(byte, dialect, limit),
        }
        false
    }

    fn quoted(&mut self, byte: u8, dialect: Dialect, limit: usize) {
        if dialect.escape == Some(byte) {
            self.now.escaped = true;
        } else if dialect.quote == Some(byte) {
            self.now.state = State::Closed;
        } else {
            self.push(byte, limit);
        }
    }

    fn plain(&mut self, byte: u8, dialect: Dialect, limit: usize) {
        self.now.state = State::Plain;
        if dialect.escape == Some(byte) {
            self.now.escaped = true;
            return;
        }
        if dialect.quote == Some(byte) {
            let cell = self.ends.len() + 1;
            self.refuse(|| {
                format!("a quote within cell {cell}, which is not quoted; quote the cell and double the quote")
            });
        }
        self.push(byte, limit);
    }

    fn push(&mut self, byte: u8, limit: usize) {
        // What is refused already is read to its end, but not kept.
        if self.now.size <= limit {
            self.bytes.push(byte);
        }
    }

    fn end_cell(&mut self) {
        // A record that is too long may have as many cells as bytes.
        if self.now.fault.is_none() || self.ends.is_empty() {
            self.ends.push(self.bytes.len());
        }
        if self.now.state != State::Junk {
            self.now.state = State::Start;
        }
    }

    fn refuse(&mut self, why: impl FnOnce() -> String) {
        self.now.fault.get_or_insert_with(why);
    }

    fn count_quotes(&mut self, byte: u8, quote: Option<u8>) {
        if quote == Some(byte) {
            self.now.quotes += 1;
            self.now.bare_quotes += usize::from(!self.now.backslash);
        }
        self.now.backslash = byte == b'\\' && !self.now.backslash;
    }
}
