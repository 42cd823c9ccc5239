//! Where messages of the outbox go: a number in each stored chunk, and the topic that it stands for in this pipeline.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{self, Config};

/// Where a message of the outbox goes. It is stored with the message, so a number keeps its meaning for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination(pub u8);

impl Destination {
    /// Records that were rejected, with the reason.
    pub const DEAD_LETTERS: Self = Self(0);
    /// Valid records that a rule flagged. Their messages have a layout of their own.
    pub const ALERTS: Self = Self(1);
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The topics that a pipeline publishes to, all in one transaction.
#[derive(Clone, Debug)]
pub struct Destinations {
    pub(super) topics: BTreeMap<Destination, Topic>,
    /// librdkafka's, passed through to the one producer.
    pub(super) properties: config::Properties,
}

/// A topic, and what an error calls it.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) key: &'static str,
    pub(super) name: String,
}

impl Destinations {
    /// Every topic that this configuration lets the engine write to.
    pub fn of(config: &Config) -> Self {
        let letters = Self::new(&config.dead_letters);
        match &config.alerts {
            None => letters,
            Some(alerts) => letters.with(Destination::ALERTS, "alerts.topic", &alerts.topic),
        }
    }

    /// The dead letters' topic alone.
    pub fn new(letters: &config::DeadLetters) -> Self {
        let none = Self { topics: BTreeMap::new(), properties: letters.properties.clone() };
        none.with(Destination::DEAD_LETTERS, "dead_letters.topic", &letters.topic)
    }

    /// One more; `key` is what an error calls it.
    #[must_use]
    pub fn with(mut self, destination: Destination, key: &'static str, topic: &str) -> Self {
        self.topics.insert(destination, Topic { key, name: topic.to_owned() });
        self
    }
}
