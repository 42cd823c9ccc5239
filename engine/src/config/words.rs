//! What an error may show of a configuration. A secret that was written in the wrong place is a value like any other, so no value is
//! quoted, and a name only if it is close to one that belongs there: then it is a slip of the pen.

/// How close two names are at least, of 1, that one is taken for the other misspelt.
const CLOSE: f64 = 0.6;

/// Of the names that belong here the one that was meant, if one is close.
pub(crate) fn meant<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let closeness = |known: &str| strsim::normalized_damerau_levenshtein(known, &given.to_lowercase());
    let best = known.into_iter().max_by(|a, b| closeness(a).total_cmp(&closeness(b)))?;
    (closeness(best) >= CLOSE).then_some(best)
}

/// Properties of librdkafka by whose names people misspell others: those of the documentation's first page and every one that holds
/// a secret or the place of one.
const PROPERTIES: &[&str] = &[
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.kerberos.service.name",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "client.id",
    "client.rack",
    "client.dns.lookup",
    "broker.address.family",
    "broker.address.ttl",
    "message.max.bytes",
    "receive.message.max.bytes",
    "socket.timeout.ms",
    "socket.keepalive.enable",
    "socket.connection.setup.timeout.ms",
    "reconnect.backoff.ms",
    "reconnect.backoff.max.ms",
    "statistics.interval.ms",
    "metadata.max.age.ms",
    "topic.metadata.refresh.interval.ms",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.instance.id",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.max.bytes",
    "fetch.queue.backoff.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "compression.type",
    "compression.codec",
    "compression.level",
    "batch.size",
    "batch.num.messages",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "retries",
    "retry.backoff.ms",
    "debug",
];

/// Of a property that librdkafka does not take: its name, which stands where a name should, and the nearest known one. Its own text
/// quotes the value.
pub fn no_property(name: &str, why: &str) -> String {
    if !why.to_lowercase().contains("no such configuration property") {
        return format!(
            "{name:?} has a value that Kafka's client does not take; librdkafka's documentation says which it does"
        );
    }
    match meant(name, PROPERTIES.iter().copied()) {
        Some(meant) => format!("there is no property {name:?}; did you mean {meant:?}?"),
        None => format!("there is no property {name:?}; librdkafka's documentation lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_known_and_a_secret_is_like_nothing() {
        assert_eq!(meant("sise", ["size", "late"]), Some("size"));
        assert_eq!(meant("Publsher", ["viewer", "publisher"]), Some("publisher"));
        assert_eq!(meant("hunter2-s3cret-value", ["viewer", "publisher"]), None);
        assert!(
            no_property("sasl.pasword", "No such configuration property: x")
                .ends_with("did you mean \"sasl.password\"?")
        );
        assert!(!no_property("sasl.mechanism", "Invalid value \"x\"").contains("did you mean"));
    }
}
