//! What waiting does not fix and somebody can: Kafka refuses a right, or the dead-letter topic refuses letters. Stages hand on
//! Kafka's own words; here they become the condition with the command that fixes it.

use std::collections::BTreeMap;

use crate::config::Config;

/// Through what it was met, and so when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Over with the next assignment or checkpoint.
    Group,
    /// Over with the next record.
    Source,
    /// Over with the next checkpoint.
    Letters,
}

/// A condition to be raised.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) side: Side,
}

/// What these words of Kafka mean, if they are of this kind. `side`: of a topic, which one it is.
pub(crate) fn refused(why: &str, side: Side, config: &Config) -> Option<Refused> {
    let words = why.to_lowercase().replace(' ', "");
    if side == Side::Letters && words.contains("failedtovalidaterecord") {
        return Some(compacted(why, config));
    }
    let (group, prefix) = (&config.source.group, format!("weir-{}-", config.pipeline.name));
    let (operation, resource, flags, side) = if words.contains("groupauthorizationfailed") {
        ("Read", format!("group {group}"), format!("--group {group}"), Side::Group)
    } else if words.contains("transactionalidauthorizationfailed") {
        let flags = format!("--transactional-id {prefix} --resource-pattern-type prefixed");
        ("Write", format!("transactional id {prefix}…"), flags, Side::Letters)
    } else if words.contains("topicauthorizationfailed") {
        match side {
            Side::Letters => {
                let topics = written(config);
                let flags: Vec<_> = topics.iter().map(|topic| format!("--topic {topic}")).collect();
                ("Write", format!("topic {}", topics.join(" or ")), flags.join(" "), side)
            }
            Side::Group | Side::Source => {
                let topic = &config.source.topic;
                ("Read", format!("topic {topic}"), format!("--topic {topic}"), side)
            }
        }
    } else {
        return None;
    };
    let (principal, brokers) = (principal(&config.source.properties), &config.source.brokers);
    let message = format!(
        "Kafka does not let {principal} {operation} on {resource} ({why}); allow it, and the engine goes on by itself: \
         kafka-acls.sh --bootstrap-server {brokers} --add --allow-principal {principal} --operation {operation} {flags}"
    );
    Some(Refused { code: "kafka.not_authorized", subject: resource, message, side })
}

fn compacted(why: &str, config: &Config) -> Refused {
    let (topic, brokers) = (&config.dead_letters.topic, &config.source.brokers);
    let (named, whose) = match &config.alerts {
        None => (format!("{topic:?}"), topic.clone()),
        Some(alerts) => {
            (format!("{topic:?} or the alert topic {:?}", alerts.topic), "THE-ONE-THAT-IS-COMPACTED".into())
        }
    };
    let message = format!(
        "the dead-letter topic {named} refuses letters ({why}): with cleanup.policy=compact it takes none of a record without a \
         key; the engine goes on by itself after: kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics \
         --entity-name {whose} --add-config cleanup.policy=delete"
    );
    Refused { code: "dead_letters.refused", subject: topic.clone(), message, side: Side::Letters }
}

/// The topics of the one transaction: Kafka does not say which of them it refused.
fn written(config: &Config) -> Vec<&str> {
    let alerts = config.alerts.as_ref().map(|alerts| alerts.topic.as_str());
    std::iter::once(config.dead_letters.topic.as_str()).chain(alerts).collect()
}

/// As Kafka's default builder names it.
fn principal(properties: &BTreeMap<String, String>) -> String {
    let set = |name: &str| properties.get(name);
    let certificate = ["ssl.certificate.location", "ssl.keystore.location", "ssl.certificate.pem"];
    match set("sasl.username").or_else(|| set("sasl.oauthbearer.client.id")) {
        Some(user) => format!("User:{user}"),
        None if certificate.iter().any(|name| properties.contains_key(*name)) => {
            "User:SUBJECT-OF-ITS-CERTIFICATE".to_owned()
        }
        None => "User:ANONYMOUS".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let text = include_str!("../../../weir.toml");
        let mut config = Config::parse(text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own");
        config.source.properties.insert("sasl.username".into(), "weir".into());
        config
    }

    #[test]
    fn a_right_that_is_missing_becomes_the_command_that_gives_it() {
        let cases = [
            ("Broker: Group authorization failed", Side::Letters, "--operation Read --group weir-fraud", Side::Group),
            ("Topic authorization failed", Side::Source, "--operation Read --topic finance_stream", Side::Source),
            ("TopicAuthorizationFailed", Side::Letters, "--operation Write --topic dead_letter_queue", Side::Letters),
            (
                "Broker: Transactional Id authorization failed",
                Side::Letters,
                "--operation Write --transactional-id weir-fraud- --resource-pattern-type prefixed",
                Side::Letters,
            ),
        ];
        for (why, side, command, over) in cases {
            let found = refused(why, side, &config()).unwrap_or_else(|| panic!("{why} is of this kind"));
            assert!(found.message.ends_with(command), "{}", found.message);
            assert!(found.message.contains("--allow-principal User:weir"), "{}", found.message);
            assert_eq!((found.code, found.side), ("kafka.not_authorized", over));
        }
        assert_eq!(refused("Local: Timed out", Side::Letters, &config()), None);
    }

    #[test]
    fn with_alerts_both_topics_are_named_as_kafka_does_not_say_which_it_refused() {
        let text =
            include_str!("../../../weir.toml").to_owned() + "\n[alerts]\ntopic = \"flags\"\ncodes = [\"HIGH\"]\n";
        let config =
            Config::parse(&text, &|_| Some("a-secret-of-16-bytes".into())).expect("the repository's own, and alerts");
        let said = |why| refused(why, Side::Letters, &config).expect("it is of this kind").message;
        let message = said("TopicAuthorizationFailed");
        assert!(message.contains("Write on topic dead_letter_queue or flags"), "{message}");
        assert!(message.ends_with("--operation Write --topic dead_letter_queue --topic flags"), "{message}");
        assert!(said("Broker: Broker failed to validate record").contains("or the alert topic \"flags\""));
    }

    #[test]
    fn a_topic_that_became_compacted_has_its_own_words() {
        let why = "ProduceRequest failed: Broker: Broker failed to validate record";
        let found = refused(why, Side::Letters, &config()).expect("it is of this kind");
        assert_eq!(found.code, "dead_letters.refused");
        assert!(found.message.contains("cleanup.policy=delete"), "{}", found.message);
    }
}
