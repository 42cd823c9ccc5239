//! `-X name=value`: librdkafka's properties (SASL, timeouts, …) for the commands that are Kafka clients themselves.

use secrecy::{ExposeSecret, SecretString};

use crate::config::Properties;

/// Properties of the Kafka client.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PropertyArgs {
    /// A librdkafka property, as often as needed: -X security.protocol=SASL_PLAINTEXT
    #[arg(short = 'X', value_name = "NAME=VALUE", value_parser = hidden)]
    pairs: Vec<(String, SecretString)>,
}

impl PropertyArgs {
    /// Those of a configuration with these over them.
    pub(super) fn over(&self, mut base: Properties) -> Properties {
        base.extend(self.pairs.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())));
        base
    }
}

fn hidden(text: &str) -> Result<(String, SecretString), String> {
    pair(text).map(|(name, value)| (name, value.into()))
}

/// `NAME=VALUE`; the value may hold further signs of equality.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
