//! `-X name=value`: librdkafka's properties (SASL, timeouts, …) for the commands that are Kafka clients themselves.

use std::collections::BTreeMap;

/// Properties of the Kafka client.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Properties {
    /// A librdkafka property, as often as needed: -X security.protocol=SASL_PLAINTEXT
    #[arg(short = 'X', value_name = "NAME=VALUE", value_parser = pair)]
    pairs: Vec<(String, String)>,
}

impl Properties {
    /// Those of a configuration with these over them.
    pub(super) fn over(&self, mut base: BTreeMap<String, String>) -> BTreeMap<String, String> {
        base.extend(self.pairs.iter().cloned());
        base
    }
}

/// `NAME=VALUE`; the value may hold further signs of equality.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
