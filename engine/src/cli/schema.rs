//! `weir schema`: the statements that make the tables, for somebody who runs them where the engine may not.

use std::path::PathBuf;

use anyhow::Context;
use secrecy::ExposeSecret;

use super::out;
use crate::config::Config;
use crate::model::checkpoint::StatsLayout;
use crate::store;
use crate::window::WindowSpec;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as weir.toml
    config: PathBuf,
    /// Ask the database, and print only what it lacks, as before an upgrade; without it: everything, for an empty database
    #[arg(long)]
    pending: bool,
}

pub(super) fn run(Args { config, pending }: &Args) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let schema = config.schema()?;
    let event_time = schema.find(&config.record.event_time).context("record.event_time names no field")?;
    let layout =
        WindowSpec::new(&config.window, event_time, &schema).map_err(anyhow::Error::msg)?.layout(&config.sink.table);
    let statements = match pending {
        true => lacking(&config, &layout).context("sink")?,
        false => store::ddl(config.sink.url.expose_secret(), &layout, config.window.idle_after).context("sink")?,
    };
    if statements.is_empty() {
        out::line("-- the database has everything that this version needs");
    }
    for statement in statements {
        out::line(format_args!("{statement};"));
    }
    Ok(())
}

fn lacking(config: &Config, layout: &StatsLayout) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async {
        let (name, topic) = (&config.pipeline.name, &config.source.topic);
        let store = store::connect_with(config.sink.url.expose_secret(), name, topic, config.window.idle_after).await?;
        store.pending(layout).await
    });
    Ok(asked?)
}
