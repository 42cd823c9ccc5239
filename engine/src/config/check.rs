//! What a configuration must hold beyond its types. All problems are found, not only the first; a problem names the key,
//! what is there and what to write.

mod alerts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytesize::ByteSize;
use secrecy::ExposeSecret;

use super::error::Problem;
use super::{Config, Late, derive, properties, token, words};
use crate::model::record::Kind;
use crate::model::time::{Refused, TimeFormat};

/// A JSON number's digits after the point that a DECIMAL(38) of 10^19 sums has room for (docs/protocol.md#exact-sums).
const MAX_SCALE: u8 = 10;
/// Leaves room for `_sum` in the 64 characters of a column's name.
const MAX_NAME: usize = 48;
const DAY: Duration = Duration::from_secs(86_400);
/// Columns of `risk_stats` that are always there.
const OWN_COLUMNS: [&str; 7] = ["window_start", "window_end", "group_id", "records", "flagged", "late", "updated_at"];

/// Whether Kafka's client was built with OpenSSL.
const TLS: bool = cfg!(feature = "tls");
const BUILD_TLS: &str = "this `weir` was built without the cargo feature `tls`; build it with `--features tls`";

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
    found.admin(config);
    found.problems.extend(alerts::problems(config, &found.kinds));
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

    fn kafka(&mut self, config: &Config) {
        let (source, letters) = (&config.source, &config.dead_letters);
        let name = &config.pipeline.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let good = (1..=64).contains(&name.len()) && name.chars().all(plain);
        self.unless(good, "pipeline.name", "should be 1 to 64 letters, digits, '-', '_' or '.'");
        // What is no address would be in every message of the client that looks for it.
        let why = "should be the brokers' addresses with their ports, as \"host:9092\" or \"a:9092,b:9092\"";
        self.unless(source.brokers.split(',').all(is_broker), "source.brokers", why);
        let good = (1..=249).contains(&source.group.len()) && !source.group.contains(char::is_control);
        self.unless(good, "source.group", "should be the name of a consumer group, of 1 to 249 bytes");
        for (key, topic) in [("source.topic", &source.topic), ("dead_letters.topic", &letters.topic)] {
            let why = "is no name of a Kafka topic: 1 to 249 letters, digits, '-', '_' or '.'";
            self.unless(is_topic(topic), key, why);
        }
        let apart = source.topic != letters.topic;
        self.unless(apart, "dead_letters.topic", "is the source topic: every dead letter would be read again");
        let size = source.max_record;
        let good = (ByteSize::b(1)..=ByteSize::mib(64)).contains(&size);
        self.unless(good, "source.max_record", format!("{size} should be 1 B to 64 MiB"));
        let wait = Duration::from_secs(5)..=Duration::from_secs(3_600);
        self.unless(wait.contains(&source.rejoin_after), "source.rejoin_after", "should be 5s to 1h");
        for (key, set) in [("source.properties", &source.properties), ("dead_letters.properties", &letters.properties)]
        {
            for name in set.keys() {
                let at = format!("{key}.{}", properties::shown(name));
                if let Some(why) = properties::refused(name) {
                    self.add(at, format!("can't be set: {why}"));
                } else if let Some(why) = properties::unknown(name) {
                    self.add(at, why);
                }
            }
            // Beyond it librdkafka refuses its pair, which is the engine's to set.
            let session = set.get("session.timeout.ms").and_then(|ms| ms.parse::<u64>().ok());
            let why = "should be 60000 at most, the time in which a worker has to ask for records";
            self.unless(session.is_none_or(|ms| ms <= 60_000), format!("{key}.\"session.timeout.ms\""), why);
            if !TLS && let Some(protocol) = needs_tls(set) {
                self.add(
                    format!("{key}.\"security.protocol\""),
                    format!("{} needs TLS: {BUILD_TLS}", protocol.to_uppercase()),
                );
            }
        }
    }

    /// Users log in, and nothing says how: librdkafka's own default, GSSAPI, is not built in.
    fn mechanism(&mut self, config: &Config) {
        let (source, letters) = (&config.source.properties, &config.dead_letters.properties);
        let over: BTreeMap<_, _> =
            source.iter().chain(letters.iter()).map(|(name, value)| (name.as_str(), value)).collect();
        let source = source.iter().map(|(name, value)| (name.as_str(), value)).collect();
        for (key, set) in [("source.properties", &source), ("dead_letters.properties", &over)] {
            let sasl = set.get("security.protocol").is_some_and(|of| of.to_ascii_uppercase().starts_with("SASL"));
            if sasl && !set.contains_key("sasl.mechanism") && !set.contains_key("sasl.mechanisms") {
                let why = "is not set, and users log in: write PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
                self.add(format!("{key}.\"sasl.mechanism\""), why);
                return;
            }
        }
    }

    fn record(&mut self, config: &Config) {
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

    fn lookups(&mut self, config: &Config) {
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

    fn window(&mut self, config: &Config) {
        let window = &config.window;
        let whole = window.size.subsec_nanos().is_multiple_of(1_000_000);
        let good = (Duration::from_millis(1)..=31 * DAY).contains(&window.size) && whole;
        self.unless(good, "window.size", "should be whole milliseconds, 1ms to 31days");
        // Beyond it a DATETIME could overflow, which would stop the pipeline for good.
        self.unless(window.max_ahead <= 36_500 * DAY, "window.max_ahead", "should be 36500days at most");
        self.unless(window.max_groups > 0, "window.max_groups", "should be 1 or more");
        self.unless(window.max_behind >= window.size, "window.max_behind", "should be window.size or more");
        // What a fast clock puts into windows to come, the others still have to reach before those are over.
        let half = window.allowed_lateness / 2;
        let good = window.late == Late::DeadLetter || window.allowed_lateness.is_zero() || window.max_ahead <= half;
        let (ahead, half) = (humantime::format_duration(window.max_ahead), humantime::format_duration(half));
        let why = format!(
            "{ahead} should be {half} at most, half of window.allowed_lateness: set it, or raise window.allowed_lateness"
        );
        self.unless(good, "window.max_ahead", why);
        for (key, names) in [
            ("window.group_by", window.group_by.iter().collect::<Vec<_>>()),
            ("window.measures", window.measures.keys().collect()),
        ] {
            for name in names {
                match (self.kinds.get(name), key) {
                    (None, _) => self.no_field(key, name),
                    (Some(Kind::Float), "window.group_by") => {
                        self.add(
                            key,
                            format!("{:?} is a float; declare it as a decimal to group by it", words::field(name)),
                        );
                    }
                    (Some(Kind::Decimal | Kind::Integer), _) | (_, "window.group_by") => {}
                    _ => {
                        let name = words::field(name);
                        self.add(key, format!("{name:?} is neither decimal nor integer: only these sum exactly"));
                    }
                }
            }
        }
        for (name, aggregates) in &window.measures {
            self.unless(
                !aggregates.is_empty(),
                format!("window.measures.{}", words::field(name)),
                "is empty; write [\"sum\"]",
            );
        }
        self.columns(config);
    }

    /// SQL does not tell column names apart by case.
    fn columns(&mut self, config: &Config) {
        let mut seen: BTreeSet<String> = OWN_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        // All three of a measure, asked for or not: in a table that is there, a column of such a name that no measure asks for is
        // refused as what another configuration left.
        let measured =
            config.window.measures.keys().flat_map(|name| ["sum", "min", "max"].map(|a| format!("{name}_{a}")));
        for column in config.window.group_by.iter().cloned().chain(measured) {
            if !seen.insert(column.to_lowercase()) {
                let (table, column) = (words::name(&config.sink.table), words::field(&column));
                self.add("window", format!("two columns of {table} would be named {column:?}"));
            }
        }
    }

    fn sink(&mut self, config: &Config) {
        let url = config.sink.url.expose_secret();
        let known = ["mysql://", "mariadb://", "sqlite://"].iter().any(|scheme| url.starts_with(scheme));
        self.unless(known, "sink.url", "should begin with mysql://, mariadb:// or sqlite://");
        self.name("sink.table", &config.sink.table);
        let own = config.sink.table.to_lowercase().starts_with("weir_");
        self.unless(!own, "sink.table", "should not begin with weir_, as the engine's own tables do");
        let Some(retention) = config.sink.retention else { return };
        // What may still be added to a window that is deleted would begin it anew, with a part of its records.
        let window = &config.window;
        let least = window.max_behind.max(2 * window.allowed_lateness) + window.size + Duration::from_secs(3_600);
        let why = format!(
            "{} should be {} or more: window.max_behind, twice window.allowed_lateness, and an hour. Set window.max_behind below \
             it, so that a record for a deleted window is a dead letter and does not begin it anew",
            humantime::format_duration(retention),
            humantime::format_duration(least)
        );
        self.unless(retention >= least, "sink.retention", why);
    }

    fn limits(&mut self, config: &Config) {
        let (checkpoint, rules) = (&config.checkpoint, &config.rules);
        let least = Duration::from_millis(200);
        self.unless(checkpoint.interval >= least, "checkpoint.interval", "should be 200ms or more");
        self.unless(checkpoint.max_records > 0, "checkpoint.max_records", "should be 1 or more");
        self.unless(checkpoint.max_groups > 0, "checkpoint.max_groups", "should be 1 or more");
        let room = checkpoint.max_letter_bytes >= config.source.max_record;
        self.unless(room, "checkpoint.max_letter_bytes", "should be source.max_record or more");
        let drain = Duration::from_millis(1)..=Duration::from_secs(30);
        self.unless(drain.contains(&checkpoint.drain), "checkpoint.drain", "should be 1ms to 30s");
        let call = Duration::from_millis(10)..=Duration::from_secs(10);
        self.unless(call.contains(&rules.timeout), "rules.timeout", "should be 10ms (the clock's tick) to 10s");
        self.unless(rules.memory >= ByteSize::kib(64), "rules.memory", "should be 64KiB (one page) or more");
        self.unless(!rules.budget.is_zero(), "rules.budget", "should be more than nothing, as \"20us\"");
        let part = (0.01..=0.5).contains(&rules.shadow_budget);
        self.unless(part, "rules.shadow_budget", "should be 0.01 to 0.5, a part of each worker's time");
        self.unless(rules.max_module > ByteSize::b(0), "rules.max_module", "should be more than nothing");
        self.unless((1..=1_000).contains(&rules.max_rules), "rules.max_rules", "should be 1 to 1000");
        let history = (100..=1_000_000).contains(&rules.history);
        self.unless(history, "rules.history", "should be 100 to 1000000 revisions");
        let room = rules.required.len() <= rules.max_rules;
        self.unless(room, "rules.required", "names more rules than rules.max_rules allows");
        let named = |name: &String| words::name(name) == name && !name.contains('-');
        self.unless(
            rules.required.iter().all(named),
            "rules.required",
            "names what no rule can be called; write its name, as \"high_amount\"",
        );
        for (key, path) in [("rules.dir", Some(&rules.dir)), ("rules.cache", rules.cache.as_ref())] {
            let url = path.is_some_and(|path| path.to_string_lossy().contains("://"));
            self.unless(!url, key, "is a URL, and a folder is wanted");
        }
        for name in config.rule.keys() {
            self.unless(
                named(name),
                format!("rule.{}", words::name(name)),
                "is no name of a rule; write it in snake_case",
            );
        }
        self.unless(config.engine.workers != Some(0), "engine.workers", "should be 1 or more, or left out");
    }

    fn admin(&mut self, config: &Config) {
        let (listen, tokens) = (config.admin.listen, &config.admin.tokens);
        let viewer = tokens.viewer.as_ref().map(ExposeSecret::expose_secret);
        let publisher = tokens.publisher.as_ref().map(ExposeSecret::expose_secret);
        for (key, token) in [("admin.tokens.viewer", viewer), ("admin.tokens.publisher", publisher)] {
            if let Some(why) = token.and_then(token::problem) {
                self.add(key, why);
            }
        }
        if let Some(why) = token::same(viewer, publisher) {
            self.add("admin.tokens.publisher", why);
        }
        let guarded = viewer.is_some() && publisher.is_some();
        let why = format!("{listen} is open to other machines: set both admin.tokens, or listen on 127.0.0.1");
        self.unless(guarded || listen.ip().is_loopback(), "admin.listen", why);
    }

    fn name(&mut self, key: &str, name: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let holds = (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(good)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        let why = format!("should be 1 to {MAX_NAME} letters, digits or '_', and begin with no digit");
        self.unless(holds, key, why);
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

    fn no_field(&mut self, key: &str, name: &str) {
        let why = no_field(&self.kinds, name);
        self.add(key, why);
    }
}

/// What is said of the name of a field that is none of these.
fn no_field(kinds: &BTreeMap<String, Kind>, name: &str) -> String {
    let known = || kinds.keys().map(String::as_str);
    match words::meant(name, known()) {
        Some(near) => format!("there is no field {name:?}; did you mean {near:?}?"),
        None => format!("names no field; there are {}", words::list(known())),
    }
}

/// As Kafka names topics.
fn is_topic(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=249).contains(&name.len()) && name.chars().all(plain) && name != "." && name != ".."
}

/// `host:port`, `[::1]:port`, with one of Kafka's protocols before it or none.
fn is_broker(address: &str) -> bool {
    let address = address.trim();
    let address = match address.split_once("://") {
        Some((protocol, rest)) if ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(&protocol) => rest,
        Some(_) => return false,
        None => address,
    };
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let v6 = |host: &str| host.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    port.parse::<u16>().is_ok() && (v6(host).is_some() || (1..=253).contains(&host.len()) && host.chars().all(plain))
}

/// A protocol of Kafka's that runs over TLS; librdkafka takes it in either case.
fn needs_tls(properties: &BTreeMap<String, String>) -> Option<&str> {
    let protocol = properties.get("security.protocol")?;
    ["SSL", "SASL_SSL"].contains(&protocol.to_ascii_uppercase().as_str()).then_some(protocol.as_str())
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
