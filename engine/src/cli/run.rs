//! `weir run` and `weir check`.

use std::path::PathBuf;

use crate::config::Config;
use crate::{pipeline, telemetry};

/// Both take a configuration and nothing else: what can differ between two runs stands in the file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as weir.toml
    config: PathBuf,
    /// Logs as one JSON object a line
    #[arg(long)]
    json_logs: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    telemetry::init_logs(args.json_logs);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(pipeline::run(config, signalled()))
}

pub(super) fn check(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let schema = config.schema()?;
    println!("{}: fine; {} fields, topic {}", args.config.display(), schema.fields.len(), config.source.topic);
    Ok(())
}

/// SIGTERM or Ctrl-C, whichever comes first.
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
