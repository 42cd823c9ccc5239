//! `[source]` and `[dead_letters]`, and the pipeline's name, which becomes part of names in Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;

use super::Found;
use crate::config::{Config, properties};

/// Whether Kafka's client was built with OpenSSL.
const TLS: bool = cfg!(feature = "tls");
const BUILD_TLS: &str = "this `weir` was built without the cargo feature `tls`; build it with `--features tls`";

/// What is said of a name that [`is_topic`] does not take.
pub(super) const NO_TOPIC: &str = "is no name of a Kafka topic: 1 to 249 letters, digits, '-', '_' or '.'";

impl Found {
    pub(super) fn kafka(&mut self, config: &Config) {
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
            self.unless(is_topic(topic), key, NO_TOPIC);
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
    pub(super) fn mechanism(&mut self, config: &Config) {
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
}

/// As Kafka names topics.
pub(super) fn is_topic(name: &str) -> bool {
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
