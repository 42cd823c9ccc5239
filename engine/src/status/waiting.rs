//! What keeps workers from judging: on which service each waits, since when, and what to do about it. Every text names the
//! service and the key of the configuration that says where it is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::config::Config;

/// Whom it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The lookup of this name.
    Lookup(String),
    /// A lookup that waiting does not fix; the reason says what does.
    Refused(String),
    /// The database.
    Database,
    /// Kafka.
    Kafka,
    /// A new assignment.
    Group,
    /// The database or Kafka; neither has answered or failed yet.
    Either,
}

/// What a worker waits for, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whom it waits for.
    pub on: On,
    /// What it is at, and what the last try said.
    pub why: String,
    /// Since when.
    pub since: Instant,
}

impl Waiting {
    /// What to tell a person.
    pub fn text(&self, worker: usize, config: &Config) -> String {
        let (source, why) = (&config.source, &self.why);
        let (service, hint) = match &self.on {
            On::Lookup(name) => {
                (format!("the Redis of lookup.{name}"), format!("start it, or correct lookup.{name}.url"))
            }
            On::Refused(name) => (format!("lookup.{name}"), "it is asked again, so fixing it is enough".to_owned()),
            On::Database => ("the store of [sink]".to_owned(), "start the database, or correct sink.url".to_owned()),
            On::Kafka => {
                (format!("Kafka at {}", source.brokers), "start it, or correct source.brokers or the right".to_owned())
            }
            On::Group => (
                format!("the group {:?}", source.group),
                "nothing, unless it lasts: kafka-consumer-groups.sh --describe --state".to_owned(),
            ),
            On::Either => (
                format!("the store of [sink] or Kafka at {}", source.brokers),
                "start what does not answer, or correct sink.url or source.brokers".to_owned(),
            ),
        };
        format!("worker {worker} waits for {service} for {} s: {why}; {hint}", self.since.elapsed().as_secs())
    }
}

/// The workers that wait, each with what for; empty when all is well.
#[derive(Debug, Default)]
pub struct Waits(Mutex<BTreeMap<usize, Waiting>>);

impl Waits {
    /// All of them, by worker.
    pub fn all(&self) -> BTreeMap<usize, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a worker waits for and why; None: nothing. A wait is as old as the first word about the same service.
    pub(crate) fn set(&self, worker: usize, waits: Option<(On, String)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((on, why)) = waits else {
            all.remove(&worker);
            return;
        };
        let before = all.get(&worker).filter(|before| before.on == on);
        let since = before.map_or_else(Instant::now, |before| before.since);
        all.insert(worker, Waiting { on, why, since });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_as_old_as_its_first_word_about_the_same_service() {
        let waits = Waits::default();
        waits.set(0, Some((On::Kafka, "no answer".into())));
        let since = waits.all()[&0].since;
        waits.set(0, Some((On::Kafka, "refused".into())));
        assert_eq!((waits.all()[&0].since, waits.all()[&0].why.as_str()), (since, "refused"));
        waits.set(0, None);
        assert!(waits.all().is_empty());
    }

    #[test]
    fn whoever_is_waited_for_is_named_with_where_it_is_configured() {
        let text = include_str!("../../../weir.toml");
        let config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        for (on, parts) in [
            (On::Lookup("customer".into()), ["the Redis of lookup.customer for", "or correct lookup.customer.url"]),
            (On::Database, ["the store of [sink] for", "start the database, or correct sink.url"]),
            (On::Kafka, ["Kafka at 127.0.0.1:9092 for", "or correct source.brokers or the right"]),
            (On::Group, ["the group \"weir-fraud\" for", "kafka-consumer-groups.sh --describe --state"]),
            (On::Either, ["the store of [sink] or Kafka at 127.0.0.1:9092 for", "start what does not answer"]),
        ] {
            let waiting = Waiting { on, why: "refused".into(), since: Instant::now() };
            let said = waiting.text(1, &config);
            assert!(said.starts_with("worker 1 waits for ") && said.contains(" 0 s: refused; "), "{said}");
            assert!(parts.iter().all(|part| said.contains(part)), "not all of {parts:?} in: {said}");
        }
    }
}
