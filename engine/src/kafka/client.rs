//! How a client of Kafka is made: settings in their order of precedence, and why librdkafka made none of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::{FromClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

use super::error::NotMade;
use crate::config::{self, Properties};

/// One look at what a client has to tell.
const POLL: Duration = Duration::from_millis(50);

/// Which cluster to ask, and what an error calls it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// Bootstrap servers, `host:port`, several with commas between them.
    pub brokers: &'a str,
    /// librdkafka properties, passed through.
    pub properties: &'a Properties,
    /// Key of the configuration, or flag of the command, for the brokers and for the properties.
    pub keys: (&'static str, &'static str),
}

impl<'a> Cluster<'a> {
    /// The cluster of a pipeline.
    pub fn of_source(source: &'a config::Source) -> Self {
        let keys = ("source.brokers", "source.properties");
        Self { brokers: &source.brokers, properties: &source.properties, keys }
    }
}

/// Settings of a client that is yet to be made. Of two with one name the later counts: what we prefer comes first, then what the
/// operator passes through, then what the engine rests on.
#[derive(Clone)]
pub(crate) struct ClientSettings {
    config: ClientConfig,
    /// All that was passed through, since librdkafka's errors quote it.
    passed: Vec<(String, String)>,
}

impl ClientSettings {
    /// `preferred` gives way to the cluster's properties; what is [`set`](Self::set) afterwards does not.
    pub(crate) fn new(cluster: Cluster<'_>, preferred: &[(&str, &str)]) -> Self {
        let mut settings = Self { config: ClientConfig::new(), passed: Vec::new() };
        for (name, value) in preferred {
            settings.set(name, *value);
        }
        settings.pass(cluster.properties).set("bootstrap.servers", cluster.brokers);
        settings
    }

    /// What else the operator passes through.
    pub(crate) fn pass(&mut self, properties: &Properties) -> &mut Self {
        for (name, value) in properties.iter() {
            self.config.set(name, value);
            self.passed.push((name.clone(), value.clone()));
        }
        self
    }

    /// What the engine rests on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.config.set(name, value);
        self
    }

    /// What counts of a setting so far; None: librdkafka's own.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.config.get(name)
    }

    /// A client with callbacks of its own. It connects by itself, some time later.
    pub(crate) fn create<C: ClientContext, T: FromClientConfigAndContext<C>>(&self, context: C) -> Result<T, NotMade> {
        self.config.create_with_context(context).map_err(|why| self.not_made(&why))
    }

    /// Whether librdkafka takes the settings; asks nobody.
    pub(crate) fn check<T: FromClientConfig>(&self) -> Result<(), NotMade> {
        let mut config = self.config.clone();
        // Without a broker it connects to nothing.
        let made: Result<T, _> = config.remove("bootstrap.servers").create();
        made.map(drop).map_err(|why| self.not_made(&why))
    }

    fn not_made(&self, why: &KafkaError) -> NotMade {
        let passed = self.passed.iter().map(|(name, value)| (name, value));
        NotMade(match why {
            KafkaError::ClientConfig(_, _, name, _) if !name.is_empty() => {
                config::client_refused(Some(name), "", passed)
            }
            KafkaError::ClientCreation(why) => config::client_refused(None, why, passed),
            why => config::client_refused(None, &why.to_string(), passed),
        })
    }
}

/// librdkafka's complaints are kept for the error that follows from them, instead of being logged.
#[derive(Default)]
pub(super) struct Complaints(Mutex<Option<String>>);

impl ClientContext for Complaints {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, reason: &str) {
        // The first says why; those that follow say that no broker is left.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }
}

impl ConsumerContext for Complaints {}

/// What librdkafka complained of first; polling brings it.
pub(super) fn complaint(consumer: &BaseConsumer<Complaints>) -> Option<String> {
    (0..5).find_map(|_| {
        let _ = consumer.poll(POLL);
        consumer.context().0.lock().unwrap_or_else(PoisonError::into_inner).take()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> ClientSettings {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let cluster = Cluster { brokers: "127.0.0.1:9092", properties: &properties, keys: ("--brokers", "-X") };
        ClientSettings::new(cluster, &[("linger.ms", "1"), ("acks", "1")])
    }

    #[test]
    fn the_operator_s_properties_replace_what_is_preferred_and_give_way_to_what_is_set() {
        let mut settings = settings(&[("linger.ms", "2"), ("batch.size", "2"), ("bootstrap.servers", "elsewhere")]);
        settings.set("batch.size", "3");
        let of = |name| settings.get(name);
        assert_eq!([of("acks"), of("linger.ms"), of("batch.size")], [Some("1"), Some("2"), Some("3")]);
        assert_eq!(of("bootstrap.servers"), Some("127.0.0.1:9092"), "the brokers are no property");
        assert_eq!(of("compression.type"), None);
    }

    #[test]
    fn a_value_that_is_refused_is_not_shown() {
        for properties in [[("socket.timeout.ms", "hunter22")], [("security.protocol", "hunter22")]] {
            let why = settings(&properties).check::<BaseConsumer>().map(drop).expect_err("no such value").to_string();
            assert!(!why.contains("hunter22"), "{why}");
        }
        settings(&[]).check::<BaseConsumer>().expect("nothing is wrong with these");
    }
}
