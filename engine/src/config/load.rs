//! From the text of `weir.toml` to a checked [`Config`]: variables of the environment are put in, unknown keys refused
//! with the nearest known one. No error shows a value that may be a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::words::meant;
use super::{Config, check};

/// Of a file that holds a secret.
const LONGEST_SECRET: u64 = 65_536;

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// As it was given.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// It is no TOML.
    #[error("line {line}: {why}")]
    Syntax {
        /// Counts from 1.
        line: usize,
        /// The parser's reason.
        why: String,
    },
    /// Keys that cannot stand as they are, one line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

/// One key and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `window.group_by`
    pub key: String,
    /// What is there, and what should be.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.why),
            key => write!(f, "{key}: {}", self.why),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads and checks a file, with the environment of this process.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
        Self::parse(&text, &|name| std::env::var(name).ok())
    }

    /// Reads and checks a text; `env` answers for `${NAME}`.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut table: Table = text.parse().map_err(|e: toml::de::Error| syntax(text, &e))?;
        let mut problems = Vec::new();
        for (key, value) in &mut table {
            put_in(key, value, env, &mut problems);
        }
        if !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        let config: Self = Value::Table(table).try_into().map_err(|e| ConfigError::Invalid(vec![misfit(&e)]))?;
        match check::problems(&config) {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError::Invalid(problems)),
        }
    }
}

/// The parser's own display quotes the line, which may hold a password.
fn syntax(text: &str, e: &toml::de::Error) -> ConfigError {
    let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    ConfigError::Syntax { line: before.matches('\n').count() + 1, why: e.message().replace('\n', "; ") }
}

fn put_in(key: &str, value: &mut Value, env: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
    match value {
        Value::String(text) => match with_variables(text, env) {
            Ok(replaced) => *text = replaced,
            Err(why) => problems.push(Problem { key: key.to_owned(), why }),
        },
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(key, item, env, problems)),
        Value::Table(table) => {
            for (inner, value) in table {
                put_in(&format!("{key}.{inner}"), value, env, problems);
            }
        }
        _ => {}
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A secret that an orchestrator mounts as a file; the line's end that editors add is none of it.
fn from_file(path: &str) -> Result<String, String> {
    let whole = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST_SECRET);
    if !whole {
        return Err(format!("${{file:{path}}} is no file of {LONGEST_SECRET} bytes at most that can be read"));
    }
    let text = std::fs::read_to_string(path).map_err(|why| format!("${{file:{path}}} can't be read: {why}"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// What a variable holds is taken as it is, never read for variables again.
fn with_variables(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("${ without a }: write ${NAME}")?;
        let value = match name.strip_prefix("file:") {
            Some(path) => from_file(path)?,
            None if !is_variable(name) => {
                return Err("${…} holds no name of a variable: write ${NAME}, or $ alone".into());
            }
            None => env(name).ok_or_else(|| format!("the environment has no variable {name}; set it"))?,
        };
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// serde says what does not fit, and quotes what stands there: of that only a name is shown that is nearly a known one.
fn misfit(e: &toml::de::Error) -> Problem {
    let (key, message) = (path(e), e.message());
    if let Some((name, known)) = unknown(message, "unknown field ") {
        let table = if key.is_empty() { "at the top".into() } else { format!("in [{key}]") };
        return match meant(&name, known.iter().map(String::as_str)) {
            Some(nearest) => Problem {
                key: join(&key, &name),
                why: format!("there is no such key {table}; did you mean {nearest:?}?"),
            },
            None => Problem { key, why: format!("a key {table} is none of {}", known.join(", ")) },
        };
    }
    if let Some((name, known)) = unknown(message, "unknown variant ") {
        let why = match meant(&name, known.iter().map(String::as_str)) {
            Some(nearest) => format!("{name:?} is not known; did you mean {nearest:?}?"),
            None => format!("is none of {}", known.join(", ")),
        };
        return Problem { key, why };
    }
    Problem { key, why: wanted(message) }
}

/// Of "invalid type: string "x", expected y" the kinds, and of a text that a type's own parser refused nothing of it.
fn wanted(message: &str) -> String {
    let Some((kind, rest)) = message.split_once(": ") else { return message.replace('\n', "; ") };
    let what = rest.split([' ', ',']).next().unwrap_or_default();
    let what = match what {
        "string" => "a text",
        "integer" => "a number",
        "floating" => "a number with a fraction",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "something else",
    };
    match (kind, rest.rsplit_once("expected ")) {
        ("invalid type", Some((_, expected))) => format!("{what} stands here; wanted is {}", plainly(expected)),
        (_, Some((_, expected))) => format!("wanted is {}", plainly(expected)),
        // "missing field `x`" names a key of ours, and so does "duplicate field".
        _ if message.starts_with("missing field") || message.starts_with("duplicate field") => message.to_owned(),
        _ => "this value can't be read; see the README for what the key takes".to_owned(),
    }
}

/// serde's words for what it wants, in the file's.
fn plainly(expected: &str) -> String {
    match expected {
        "a string" | "str" | "string" => "a text in quotes".into(),
        expected if expected.starts_with("struct ") || expected == "a map" => {
            "a table: a line [NAME], or { key = value }".into()
        }
        expected => expected.to_owned(),
    }
}

fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// Where it is: toml gives the keys only in its display, as a last line "in `a.b`".
fn path(e: &toml::de::Error) -> String {
    let display = e.to_string();
    let last = display.lines().rev().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    last.unwrap_or_default().to_owned()
}

/// "unknown field `x`, expected one of `a`, `b`": x, and what there is.
fn unknown(message: &str, of: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix(of)?;
    // The name may hold anything, also a quote: the known ones begin after the last "expected".
    let (name, known) = rest.rsplit_once(", expected ").or_else(|| rest.rsplit_once(", there are no "))?;
    let known = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((name.trim_matches('`').to_owned(), known))
}
