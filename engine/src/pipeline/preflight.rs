//! What can be known of a configuration without asking anybody. `weir check` says it, and `weir run` before it does anything
//! else, so that the two never differ.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use secrecy::ExposeSecret;

use crate::config::Config;
use crate::enrich::lookup::Lookups;
use crate::model::record::Schema;
use crate::window::WindowSpec;
use crate::{outbox, source, store};

/// What the configuration comes to.
pub struct Plan {
    /// Fields of a record.
    pub schema: Arc<Schema>,
    pub(super) spec: Arc<WindowSpec>,
}

/// Connects to nothing. Makes the clients of Kafka, if properties are passed through to them, and drops them again: only
/// librdkafka knows which values it takes, and which go together.
///
/// # Errors
/// If a part of the configuration can't be used; the chain names the key.
pub fn plan(config: &Config) -> anyhow::Result<Plan> {
    let schema = Arc::new(config.schema()?);
    let event_time = schema.find(&config.record.event_time).context("record.event_time names no field")?;
    let spec = Arc::new(WindowSpec::new(&config.window, event_time, &schema).map_err(anyhow::Error::msg)?);
    store::validate_url(config.sink.url.expose_secret()).map_err(|why| anyhow!("sink.url {why}"))?;
    Lookups::new(&config.lookup, schema.clone())?;
    source::check_properties(&config.source).map_err(|why| anyhow!("source.{why}"))?;
    outbox::check_properties(config)?;
    Ok(Plan { schema, spec })
}
