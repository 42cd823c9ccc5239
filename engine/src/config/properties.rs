//! librdkafka's properties: which there are, and which `properties` may not set, since the checkpoint rests on them or another
//! key of `weir.toml` says the same. Its own messages quote a property's value, which may be a password, so they are told anew
//! here. It knows no client.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use serde::Deserialize;

use super::words::{HIDDEN, meant};

/// Properties of a client by name. `Debug` shows the names alone: a value may be a password, and which ones are depends on the mechanism.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Properties(BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

impl Deref for Properties {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Properties {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Name, and what it takes if that is not any text; as the list of properties of librdkafka 2.12.1 has them.
const KNOWN: &str = include_str!("properties.txt");

static ALL: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| KNOWN.lines().map(|line| line.split_once('|').unwrap_or((line, ""))).collect());

const OFFSETS: &str = "offsets come from the store alone; a commit of Kafka's own would break exactly-once";
const GROUP: &str = "the checkpoint needs the classic protocol with eager assignment";
const PRODUCER: &str = "the engine's letters are sent in its own transactions";
const LINGER: &str = "the engine lets a checkpoint's letters go itself, a request at a time";

const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "set source.brokers"),
    ("metadata.broker.list", "set source.brokers"),
    ("group.id", "set source.group"),
    ("enable.auto.commit", OFFSETS),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("offset.store.method", OFFSETS),
    ("auto.offset.reset", "a partition never seen starts where source.start says; anything else must stop, not skip"),
    (
        "check.crcs",
        "librdkafka skips a batch whose checksum is wrong, and its records would be in no sum and no letter",
    ),
    ("isolation.level", "records of an aborted transaction must never be counted"),
    ("group.protocol", GROUP),
    ("group.remote.assignor", GROUP),
    ("partition.assignment.strategy", GROUP),
    ("max.poll.interval.ms", "it bounds how long a revoked partition is drained; set checkpoint.drain"),
    ("enable.partition.eof", "the engine needs the ends of the logs, to pass control records"),
    ("transactional.id", PRODUCER),
    ("enable.idempotence", PRODUCER),
    ("transaction.timeout.ms", PRODUCER),
    ("acks", PRODUCER),
    ("request.required.acks", PRODUCER),
    ("enable.gapless.guarantee", PRODUCER),
    ("message.timeout.ms", PRODUCER),
    ("delivery.timeout.ms", PRODUCER),
    ("linger.ms", LINGER),
    ("queue.buffering.max.ms", LINGER),
];

/// Why a property can't be set here.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}

/// A property as it is in a key: its name if there is one of that name.
pub(super) fn shown(name: &str) -> String {
    let known = ALL.iter().any(|(known, _)| *known == name);
    format!("{:?}", if known { name } else { HIDDEN })
}

/// Why this is no property of librdkafka's. What is in a name's place may be a secret: it is shown if it is nearly a name.
pub(super) fn unknown(name: &str) -> Option<String> {
    if ALL.iter().any(|(known, _)| *known == name) {
        return None;
    }
    Some(match meant(name, ALL.iter().map(|(known, _)| *known)) {
        Some(near) => format!("there is no property {name:?}; did you mean {near:?}?"),
        None => "a name here is no property of librdkafka's, whose documentation lists them".to_owned(),
    })
}

/// What librdkafka says of a property that it refuses (`name`), or of all of them together, without a value: its own messages
/// quote them.
pub fn client_refused<'p>(
    name: Option<&str>,
    why: &str,
    set: impl IntoIterator<Item = (&'p String, &'p String)>,
) -> String {
    match name {
        Some(name) => unknown(name).unwrap_or_else(|| match ALL.iter().find(|(known, _)| *known == name) {
            Some((_, takes)) if !takes.is_empty() => {
                format!("{name:?} has a value that Kafka's client does not take; it takes {takes}")
            }
            _ => format!("{name:?} has a value that Kafka's client does not take (not shown here)"),
        }),
        // Its own default is GSSAPI, and its advice to build it anew.
        None if why.contains("No provider for SASL mechanism") => {
            "users log in, and sasl.mechanism is not set or none that is built in: write PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or \
             OAUTHBEARER"
                .to_owned()
        }
        None => without_values(why, set),
    }
}

/// The message without what could not be read of a value, and without any value that is not of a known kind.
fn without_values<'p>(why: &str, set: impl IntoIterator<Item = (&'p String, &'p String)>) -> String {
    let why = why.split_once(" beginning at").map_or(why, |(before, _)| before);
    let hidden = |(name, value): &(&String, &String)| {
        let shown = name.starts_with("sasl.mechanism") || name.ends_with(".location") && value.starts_with(['/', '.']);
        value.len() >= SECRET && !shown && ALL.iter().any(|(known, takes)| known == name && takes.is_empty())
    };
    let mut values: Vec<&String> = set.into_iter().filter(hidden).map(|(_, value)| value).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.iter().fold(why.to_owned(), |why, value| why.replace(value.as_str(), HIDDEN))
}

/// A shorter value is no secret, but a word or a number that the message may need.
const SECRET: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_show_their_names_alone() {
        let properties: Properties = [("sasl.password".to_owned(), "hunter2".to_owned())].into_iter().collect();
        assert_eq!(format!("{properties:?}"), "{\"sasl.password\"}");
    }

    #[test]
    fn a_property_that_is_none_is_told_with_the_nearest_and_one_whose_value_is_refused_with_what_it_takes() {
        let said = |name: &str| client_refused(Some(name), "its own words hold hunter2", []);
        assert_eq!(said("sasl.pasword"), "there is no property \"sasl.pasword\"; did you mean \"sasl.password\"?");
        assert!(!said("hunter2-s3cret-value").contains("hunter2"));
        let lz5 = said("compression.type");
        assert!(lz5.ends_with("does not take; it takes one of none, gzip, snappy, lz4, zstd"), "{lz5}");
        assert_eq!((unknown("sasl.password"), shown("hunter2").as_str()), (None, "\"…\""));
    }

    #[test]
    fn what_could_not_be_read_of_a_value_is_not_shown() {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let values: BTreeMap<_, _> = [
            set("sasl.oauthbearer.config", "pass=s3cret"),
            set("ssl.ca.location", "/etc/ca.pem"),
            set("ssl.key.password", "hunter2"),
        ]
        .into();
        let said = |why: &str| client_refused(None, why, &values);
        assert_eq!(
            said("Unrecognized sasl.oauthbearer.config beginning at: s3cret"),
            "Unrecognized sasl.oauthbearer.config"
        );
        assert_eq!(said("/etc/ca.pem: bad, hunter2: bad"), "/etc/ca.pem: bad, …: bad");
    }
}
