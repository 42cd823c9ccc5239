//! From the text of `weir.toml` to a checked [`Config`]: variables of the environment are put in, unknown keys refused
//! with the nearest known one. No error shows a value that may be a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, check};

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

/// What a variable holds is taken as it is, never read for variables again.
fn with_variables(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("${ without a }: write ${NAME}")?;
        let value = env(name).ok_or_else(|| format!("the environment has no variable {name}; set it"))?;
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// serde says what does not fit; the nearest known key is found in its list of what it expected.
fn misfit(e: &toml::de::Error) -> Problem {
    let key = path(e);
    let message = e.message();
    let secret = key.starts_with("admin.tokens") || key.ends_with("url") || key.contains(".properties");
    if secret && message.starts_with("invalid") {
        return Problem { key, why: "a text in quotes is wanted".into() };
    }
    let why = message.replace('\n', "; ");
    match unknown(message) {
        Some((name, Some(nearest))) if message.starts_with("unknown field") => {
            let table = if key.is_empty() { "at the top".into() } else { format!("in [{key}]") };
            Problem { key: join(&key, &name), why: format!("there is no such key {table}; did you mean {nearest:?}?") }
        }
        Some((name, Some(nearest))) => {
            Problem { key, why: format!("{name:?} is not known; did you mean {nearest:?}?") }
        }
        _ => Problem { key, why },
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

/// "unknown field `x`, expected one of `a`, `b`": x, and what comes nearest to it.
fn unknown(message: &str) -> Option<(String, Option<String>)> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let name = quoted.next()?.to_owned();
    let nearest = quoted.min_by_key(|known| strsim::damerau_levenshtein(known, &name)).map(str::to_owned);
    Some((name, nearest))
}
