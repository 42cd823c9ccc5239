//! From the text of `weir.toml` to a checked [`Config`]: variables of the environment are put in, unknown keys refused
//! with the nearest known one. No error shows a value that may be a secret.

use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Problem};
use super::misfit::misfit;
use super::{Config, check, words};

/// Size of the largest file that may hold a secret, in bytes.
const LONGEST_SECRET: u64 = 65_536;

impl Config {
    /// Reads and checks a file, with the environment of this process.
    ///
    /// # Errors
    /// [`ConfigError`]: the file can't be read, or it is as [`Config::parse`] refuses it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
        Self::parse(&text, &|name| std::env::var(name).ok())
    }

    /// Reads and checks a text; `env` answers for `${NAME}`.
    ///
    /// # Errors
    /// [`ConfigError`]: no TOML, a key that is not known or is missing, or values that can't be used; all of those are named at once.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut table: Table = text.parse().map_err(|e: toml::de::Error| syntax(text, &e))?;
        let mut problems = Vec::new();
        for (key, value) in &mut table {
            put_in(words::name(key), value, env, &mut problems);
            logins(words::name(key), value, &mut problems);
        }
        if !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        let config: Self = serde_path_to_error::deserialize(Value::Table(table))
            .map_err(|e| ConfigError::Invalid(vec![misfit(&e)]))?;
        match check::problems(&config) {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError::Invalid(problems)),
        }
    }
}

/// The parser's own display quotes the line, which may hold a password, and its message may quote a key: of what is between
/// backticks only signs are shown.
fn syntax(text: &str, e: &toml::de::Error) -> ConfigError {
    let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let message = e.message().replace('\n', "; ");
    let parts = message.split('`').enumerate().map(|(index, part)| match index % 2 {
        1 if part.chars().any(char::is_alphanumeric) => words::HIDDEN.to_owned(),
        1 => format!("`{part}`"),
        _ => part.to_owned(),
    });
    ConfigError::Syntax { line: before.matches('\n').count() + 1, why: parts.collect() }
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
                put_in(&format!("{key}.{}", words::name(inner)), value, env, problems);
            }
        }
        _ => {}
    }
}

/// What the environment lacks. Somebody may have put the secret itself between the braces.
fn unset(name: &str) -> String {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    match (1..=64).contains(&name.len()) && name.chars().all(plain) {
        true => format!("the environment has no variable {name}; set it"),
        false => "the environment has no variable of the name that stands in ${…} (not shown, as it is not in capitals): set it, \
                  or write ${NAME}"
            .to_owned(),
    }
}

/// A login belongs where no message shows it.
fn logins(key: &str, value: &Value, problems: &mut Vec<Problem>) {
    let parts: Vec<&str> = key.split('.').collect();
    match value {
        Value::String(text)
            if words::holds_a_login(text) && !matches!(parts[..], ["sink", "url"] | ["lookup", _, "url"]) =>
        {
            let why = "holds a URL with a user or a password, which only sink.url and a lookup's url may";
            problems.push(Problem { key: key.to_owned(), why: why.into() });
        }
        Value::Array(items) => items.iter().for_each(|item| logins(key, item, problems)),
        // No message shows their values.
        Value::Table(_) if matches!(parts[..], ["source" | "dead_letters", "properties"]) => {}
        Value::Table(table) => {
            for (inner, value) in table {
                logins(&format!("{key}.{}", words::name(inner)), value, problems);
            }
        }
        _ => {}
    }
}

/// A secret that an orchestrator mounts as a file; the line's end that editors add is none of it.
fn from_file(path: &str) -> Result<String, String> {
    // Somebody may have put the secret itself in the path's place.
    let shown = if path.starts_with(['/', '.']) { path } else { words::HIDDEN };
    let whole = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST_SECRET);
    if !whole {
        return Err(format!("${{file:{shown}}} is no file of {LONGEST_SECRET} bytes at most that can be read"));
    }
    let text = std::fs::read_to_string(path).map_err(|why| format!("${{file:{shown}}} can't be read: {why}"))?;
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
            None => env(name).ok_or_else(|| unset(name))?,
        };
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
