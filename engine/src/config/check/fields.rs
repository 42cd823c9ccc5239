//! `[record]` and the lookups: the fields, how they are read, and the keys of Redis that are made of them.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::Found;
use crate::config::{Config, derive, words};
use crate::model::record::Kind;
use crate::model::time::{Refused, TimeFormat};

/// A JSON number's digits after the point that a DECIMAL(38) of 10^19 sums has room for (docs/protocol.md#exact-sums).
const MAX_SCALE: u8 = 10;

impl Found {
    pub(super) fn record(&mut self, config: &Config) {
        let record = &config.record;
        for (name, field) in &record.fields {
            let key = format!("record.fields.{}", words::name(name));
            self.name(&key, name);
            self.scale(&key, field.kind, field.scale);
            let given = field.unit.is_some() || field.format.is_some() || field.zone.is_some();
            self.time(&key, field.kind, given, field.time());
            if let Err(why) = derive::path(name, field) {
                self.add(format!("{key}.path"), why);
            }
        }
        self.same_place(config);
        match record.fields.get(&record.event_time) {
            None => self.no_field("record.event_time", &record.event_time),
            Some(field) if field.kind != Kind::Timestamp || !field.required => self.add(
                format!("record.fields.{}", words::name(&record.event_time)),
                "is the event time: write { kind = \"timestamp\", required = true }",
            ),
            Some(_) => {}
        }
        if let Some(name) = record.key.as_ref().filter(|name| !record.fields.contains_key(*name)) {
            self.no_field("record.key", name);
        }
    }

    /// What is sensitive under one name would be seen under another.
    fn same_place(&mut self, config: &Config) {
        let fields = config
            .record
            .fields
            .iter()
            .filter_map(|(name, field)| Some((name, field, derive::path(name, field).ok()?)));
        let (sensitive, open): (Vec<_>, Vec<_>) = fields.partition(|(_, field, _)| field.sensitive);
        for (name, _, path) in &open {
            if let Some((other, ..)) = sensitive.iter().find(|(.., other)| other == path) {
                let why =
                    format!("reads what {} reads, which is sensitive: write sensitive = true", words::name(other));
                self.add(format!("record.fields.{}", words::name(name)), why);
            }
        }
    }

    pub(super) fn lookups(&mut self, config: &Config) {
        for (name, lookup) in &config.lookup {
            let key = format!("lookup.{}", words::name(name));
            self.name(&key, name);
            let url = lookup.url.expose_secret();
            let known = ["redis://", "rediss://", "redis+unix://"].iter().any(|begin| url.starts_with(begin));
            self.unless(known, format!("{key}.url"), "should begin with redis://, rediss:// (TLS) or redis+unix://");
            let tls = lookup.ca.is_none() || url.starts_with("rediss://");
            self.unless(tls, format!("{key}.ca"), format!("is for TLS; write rediss:// in {key}.url"));
            self.key_template(&format!("{key}.key"), &lookup.key, config);
            self.unless(!lookup.fields.is_empty(), format!("{key}.fields"), "is empty; name a field of the hash");
            for (field, table) in &lookup.fields {
                let key = format!("{key}.fields.{}", words::name(field));
                self.name(&key, field);
                self.scale(&key, table.kind, table.scale);
                let given = table.unit.is_some() || table.format.is_some() || table.zone.is_some();
                self.time(&key, table.kind, given, table.time());
            }
            let waits = Duration::from_millis(1)..=Duration::from_secs(10);
            self.unless(waits.contains(&lookup.timeout), format!("{key}.timeout"), "should be 1ms to 10s");
            self.unless(lookup.cache.entries > 0, format!("{key}.cache.entries"), "should be 1 or more");
        }
    }

    /// Kinds whose text is not one thing (a float) make no key.
    fn key_template(&mut self, key: &str, template: &str, config: &Config) {
        match placeholders(template) {
            None => self.add(key, "has a brace without its other half; write \"customer:{name_orig}\""),
            Some(names) if names.is_empty() => {
                self.add(key, "names no field; write \"customer:{name_orig}\"");
            }
            Some(names) => {
                for name in names {
                    match config.record.fields.get(name) {
                        None => self.no_field(key, name),
                        Some(field) if field.kind == Kind::Float => {
                            self.add(key, format!("{:?} is a float, which makes no key", words::name(name)));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
    }

    fn scale(&mut self, key: &str, kind: Kind, scale: u8) {
        self.unless(scale <= MAX_SCALE, format!("{key}.scale"), format!("{scale} should be {MAX_SCALE} at most"));
        let fits = scale == 0 || kind == Kind::Decimal;
        self.unless(fits, format!("{key}.scale"), "only a decimal has a scale; write kind = \"decimal\"");
    }

    fn time(&mut self, key: &str, kind: Kind, given: bool, time: Result<TimeFormat, Refused>) {
        if given && kind != Kind::Timestamp {
            return self.add(key, "has unit, format or zone, as only a timestamp has; write kind = \"timestamp\"");
        }
        if let Err(Refused { key: which, why }) = time {
            self.add(format!("{key}.{which}"), why);
        }
    }
}

/// The names between braces; None: a brace has no other half.
fn placeholders(template: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if before.contains('}') || name.contains('{') {
            return None;
        }
        names.push(name);
        rest = after;
    }
    (!rest.contains('}')).then_some(names)
}
