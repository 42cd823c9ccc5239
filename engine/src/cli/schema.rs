//! `weir schema`: the statements that make the tables, for somebody who runs them where the engine may not.

use std::path::PathBuf;

use anyhow::Context;

use super::out;
use crate::config::Config;
use crate::store;
use crate::window::WindowSpec;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as weir.toml
    config: PathBuf,
}

pub(super) fn run(Args { config }: &Args) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let schema = config.schema()?;
    let event_time = schema.find(&config.record.event_time).context("record.event_time names no field")?;
    let layout =
        WindowSpec::new(&config.window, event_time, &schema).map_err(anyhow::Error::msg)?.layout(&config.sink.table);
    for statement in store::ddl(&config.sink.url, &layout, config.window.idle_after).context("sink")? {
        out::line(format_args!("{statement};"));
    }
    Ok(())
}
