//! Where a command reads messages that Weir wrote, and what it hides of them.

use std::path::Path;

use anyhow::Context;

use super::properties::PropertyArgs;
use crate::admin::views::Hide;
use crate::config::{Config, Properties};

/// A topic, with what it takes to read it.
pub(super) struct Place {
    pub(super) brokers: String,
    pub(super) topic: String,
    pub(super) properties: Properties,
    /// None: no field is known to be sensitive.
    pub(super) hide: Option<Hide>,
}

impl Place {
    /// The configuration's, and what the command line says over it. `topic`: which one, by the configuration if there is one.
    ///
    /// # Errors
    /// The configuration can't be read, or neither names the brokers or the topic.
    pub(super) fn find(
        config: Option<&Path>,
        brokers: Option<&str>,
        properties: &PropertyArgs,
        topic: impl FnOnce(Option<&Config>) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let config = config.map(Config::load).transpose()?;
        let hide = config.as_ref().map(Config::schema).transpose()?.as_ref().and_then(Hide::of);
        let configured = config.as_ref().map(|config| config.source.brokers.as_str());
        let brokers = brokers.or(configured).context("give --brokers or --config")?.to_owned();
        let topic = topic(config.as_ref())?;
        let base = config.map(|config| config.source.properties).unwrap_or_default();
        Ok(Self { brokers, topic, properties: properties.over(base), hide })
    }
}
