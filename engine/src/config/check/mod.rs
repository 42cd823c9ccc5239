//! What a configuration must hold beyond its types. All problems are found, not only the first; a problem names the key,
//! what is there and what to write. A file for each part of the configuration.

mod admin;
mod alerts;
mod fields;
mod kafka;
mod limits;
mod window;

use std::collections::BTreeMap;

use super::error::Problem;
use super::{Config, words};
use crate::model::record::Kind;

/// Leaves room for an aggregate's end, as `_sum`, in the 64 characters of a column's name.
const MAX_NAME: usize = 48;

/// Everything that is wrong with it.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Found { problems: Vec::new(), kinds: kinds(config) };
    found.kafka(config);
    found.mechanism(config);
    found.record(config);
    found.lookups(config);
    found.window(config);
    found.sink(config);
    found.limits(config);
    found.admin(&config.admin);
    found.alerts(config);
    found.problems
}

struct Found {
    problems: Vec<Problem>,
    /// Every field that `group_by` and measures may name.
    kinds: BTreeMap<String, Kind>,
}

fn kinds(config: &Config) -> BTreeMap<String, Kind> {
    let record = config.record.fields.iter().map(|(name, field)| (name.clone(), field.kind));
    let lookups = config.lookup.iter().flat_map(|(lookup, table)| {
        table.fields.iter().map(move |(name, field)| (format!("{lookup}.{name}"), field.kind))
    });
    record.chain(lookups).collect()
}

/// Whether the values of this field, of the record or of a lookup, are not for everybody.
fn is_sensitive(config: &Config, name: &str) -> bool {
    let of_lookup = |name: &str| {
        let (lookup, field) = name.split_once('.')?;
        Some(config.lookup.get(lookup)?.fields.get(field)?.sensitive)
    };
    config.record.fields.get(name).map(|field| field.sensitive).or_else(|| of_lookup(name)).unwrap_or(false)
}

impl Found {
    fn add(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.problems.push(Problem { key: key.into(), why: why.into() });
    }

    fn unless(&mut self, holds: bool, key: impl Into<String>, why: impl Into<String>) {
        if !holds {
            self.add(key, why);
        }
    }

    fn name(&mut self, key: &str, name: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let holds = (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(good)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        let why = format!("should be 1 to {MAX_NAME} letters, digits or '_', and begin with no digit");
        self.unless(holds, key, why);
    }

    fn no_field(&mut self, key: &str, name: &str) {
        let known = || self.kinds.keys().map(String::as_str);
        let why = match words::meant(name, known()) {
            Some(near) => format!("there is no field {name:?}; did you mean {near:?}?"),
            None => format!("names no field; there are {}", words::list(known())),
        };
        self.add(key, why);
    }
}
