//! What serde says of a value that does not fit, told anew: serde quotes what is there, which may be a secret in the wrong
//! place. Here its key is named, with what is wanted, and of a name only one that is nearly known.

use serde_path_to_error::{Error, Path, Segment};

use super::error::Problem;
use super::words::{key, list, meant};

pub(super) fn misfit(e: &Error<toml::de::Error>) -> Problem {
    let (path, message) = (names(e.path()), e.inner().message());
    if let Some((name, known)) = unknown(message, "unknown field ") {
        // The path ends in the name that nobody knows.
        let table = match path.split_last() {
            Some((last, table)) if *last == name => key(table),
            _ => key(&path),
        };
        let place = if table.is_empty() { "at the top".into() } else { format!("in [{table}]") };
        return match meant(&name, known.iter().map(String::as_str)) {
            Some(nearest) => Problem {
                key: join(&table, &name),
                why: format!("there is no such key {place}; did you mean {nearest:?}?"),
            },
            None => Problem { key: table, why: format!("a key {place} is none of {}", known.join(", ")) },
        };
    }
    let key = key(&path);
    if let Some((name, known)) = unknown(message, "unknown variant ") {
        let why = match meant(&name, known.iter().map(String::as_str)) {
            Some(nearest) => format!("{name:?} is not known; did you mean {nearest:?}?"),
            None => format!("is none of {}", list(known.iter().map(String::as_str))),
        };
        return Problem { key, why };
    }
    Problem { key, why: wanted(message) }
}

/// Of "invalid type: string "x", expected y" the kinds, and of a text that a type's own parser refused nothing of it.
fn wanted(message: &str) -> String {
    // "missing field `x`" names a key of ours, and so does "duplicate field".
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return message.replace('\n', "; ");
    }
    let (kind, rest) = message.split_once(": ").unwrap_or_default();
    let what = match rest.split([' ', ',']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a number",
        "floating" => "a number with a fraction",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "something else",
    };
    match (kind, rest.rsplit_once(", expected ")) {
        ("invalid type", Some((_, expected))) => format!("{what} stands here; wanted is {}", plainly(expected)),
        ("invalid value" | "invalid length", Some((_, expected))) => format!("wanted is {}", plainly(expected)),
        // A type's own parser, which quotes what it could not read.
        _ if message.contains("parse") => "wanted is a size in quotes, as \"16MiB\"".to_owned(),
        _ => "this value can't be read; docs/configuration.md says what it takes".to_owned(),
    }
}

/// serde's words for what it wants, in the file's.
fn plainly(expected: &str) -> String {
    match expected {
        "a string" | "str" | "string" | "path string" => "a text in quotes".into(),
        "a duration" => "a duration in quotes, as \"5s\" or \"1h\"".into(),
        expected if expected.starts_with("struct ") || expected == "a map" => {
            "a table: a line [NAME], or { key = value }".into()
        }
        expected => expected.to_owned(),
    }
}

fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// The keys that lead to it; a place in a list is none.
fn names(path: &Path) -> Vec<&str> {
    let mut names = Vec::new();
    for segment in path {
        if let Segment::Map { key } = segment {
            names.push(key.as_str());
        }
    }
    names
}

/// "unknown field `x`, expected one of `a`, `b`": x, and what there is.
fn unknown(message: &str, of: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix(of)?;
    // The name may hold anything, also a quote: the known ones begin after the last "expected".
    let (name, known) = rest.rsplit_once(", expected ").or_else(|| rest.rsplit_once(", there are no "))?;
    let known = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((name.trim_matches('`').to_owned(), known))
}
